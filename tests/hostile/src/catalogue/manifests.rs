//! Manifests that break a rule. Each is refused with its line or the name of what is wrong.

use std::sync::Arc;

use longhaul_app::package::{ComponentFile, Package};

use super::uploads::upload;
use crate::row::Row;

const APP: &str = "[app]\nname = \"bad\"\n";
const MAIN: &str = "[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\n";

pub(super) fn rows(good: &Arc<[u8]>) -> Vec<Row> {
    let mut rows: Vec<Row> = WHOLE.iter().map(|(name, text, said)| row(good, name, text, said)).collect();
    rows.extend(MORE.iter().map(|(name, more, said)| row(good, name, &format!("{APP}{MAIN}{more}"), said)));
    rows.extend(FUNCTIONS.iter().map(|(name, function, said)| row(good, name, &format!("{APP}{MAIN}[[function]]\n{function}\n"), said)));
    rows.extend(TIMERS.iter().map(|(name, timer, said)| row(good, name, &format!("{APP}{MAIN}[[timer]]\n{timer}\n"), said)));
    let long = format!("{APP}{MAIN}# {}", "x".repeat(256 * 1024));
    rows.push(row(good, "one that is too long", &long, ""));
    let many: String = (0..1_001).map(|number| MAIN.replace("Main", &format!("Main{number}"))).collect();
    rows.push(row(good, "one function too many", &format!("{APP}{many}"), "1000"));
    rows
}

fn row(good: &Arc<[u8]>, name: &str, manifest: &str, said: &'static str) -> Row {
    let package = Package { manifest: manifest.into(), components: vec![ComponentFile::new("main.wasm", good.to_vec())] };
    upload(format!("manifest: {name}"), &package.encode()).saying(said)
}

const WHOLE: &[(&str, &str, &str)] = &[
    ("an empty one", "", "app"),
    ("no TOML", "{\"app\": 1}", ""),
    ("half a table", "[app", ""),
    ("no functions", "[app]\nname = \"bad\"\n", "0 functions"),
    ("an app without a name", "[app]\n", "name"),
    ("an app whose name is a number", "[app]\nname = 7\n", ""),
    ("an app whose name begins with a digit", "[app]\nname = \"7up\"\n", "7up"),
    ("an app whose name is a path", "[app]\nname = \"../up\"\n", "up"),
    ("an unknown key", "[app]\nname = \"bad\"\nmore = 1\n", "more"),
    ("an unknown completion", "[app]\nname = \"bad\"\ncompletion = \"never\"\n", "never"),
];

const MORE: &[(&str, &str, &str)] = &[
    ("an unknown table", "[more]\n", "more"),
    ("a setting whose name has a blank", "[settings]\n\"A B\" = \"1\"\n", "A B"),
    ("a setting that is a number", "[settings]\nA = 1\n", ""),
    ("a setting with a zero byte", "[settings]\nA = \"\\u0000\"\n", "zero byte"),
    ("any host allowed", "[http]\nallowed-hosts = [\"*\"]\n", "operator"),
    ("an allowed host with a path", "[http]\nallowed-hosts = [\"http://a/b\"]\n", "path"),
    ("an allowed host with a wildcard", "[http]\nallowed-hosts = [\"http://*.a\"]\n", "wildcard"),
    ("an allowed host with a user", "[http]\nallowed-hosts = [\"http://me@a\"]\n", "user"),
    ("an allowed host of another scheme", "[http]\nallowed-hosts = [\"file:///etc/passwd\"]\n", "allowed-hosts"),
    ("an allowed host with a bad port", "[http]\nallowed-hosts = [\"a:99999\"]\n", "port"),
    ("the same function twice", MAIN, "second"),
];

const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("a function without a name", "kind = \"activity\"\ncomponent = \"main.wasm\"", "name"),
    ("a function without a kind", "name = \"A\"\ncomponent = \"main.wasm\"", "kind"),
    ("a function of an unknown kind", "name = \"A\"\nkind = \"daemon\"\ncomponent = \"main.wasm\"", "daemon"),
    ("a function without a component", "name = \"A\"\nkind = \"activity\"", "component"),
    ("a component outside of the folder", "name = \"A\"\nkind = \"activity\"\ncomponent = \"../main.wasm\"", "../main.wasm"),
    ("a component with an absolute path", "name = \"A\"\nkind = \"activity\"\ncomponent = \"/etc/passwd\"", "/etc/passwd"),
    ("a component with a drive", "name = \"A\"\nkind = \"activity\"\ncomponent = \"c:/main.wasm\"", "c:/main.wasm"),
    ("a name of the host's own", "name = \"BuiltIn::Http\"\nkind = \"activity\"\ncomponent = \"main.wasm\"", "host's own"),
    ("a name with a blank", "name = \"A B\"\nkind = \"activity\"\ncomponent = \"main.wasm\"", "A B"),
    ("an orchestrator with a route", "name = \"A\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\nroute = \"a\"", "only clients"),
    ("a client with a route up", "name = \"A\"\nkind = \"client\"\ncomponent = \"main.wasm\"\nroute = \"../a\"", "../a"),
    ("a client with an unknown method", "name = \"A\"\nkind = \"client\"\ncomponent = \"main.wasm\"\nmethods = [\"BREW\"]", "BREW"),
    ("a client without methods", "name = \"A\"\nkind = \"client\"\ncomponent = \"main.wasm\"\nmethods = []", "methods"),
    (
        "an orchestrator with a timeout",
        "name = \"A\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\ntimeout = \"1s\"",
        "only activities",
    ),
    ("a timeout that is no time", "name = \"A\"\nkind = \"activity\"\ncomponent = \"main.wasm\"\ntimeout = \"soon\"", "soon"),
    (
        "an orchestrator with a secret",
        "name = \"A\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\nsecrets = [\"T\"]",
        "only clients",
    ),
    ("a secret that nobody gave", "name = \"A\"\nkind = \"activity\"\ncomponent = \"main.wasm\"\nsecrets = [\"T\"]", "has not given"),
    ("a reused entity", "name = \"A\"\nkind = \"entity\"\ncomponent = \"main.wasm\"\nreuse = true", "only activities"),
    ("a bound without reuse", "name = \"A\"\nkind = \"activity\"\ncomponent = \"main.wasm\"\nreuse-calls = 1", "reuse"),
    ("an orchestrator as an activity", "name = \"A\"\nkind = \"activity\"\ncomponent = \"main.wasm\"", "does not export"),
    ("an orchestrator as a client", "name = \"A\"\nkind = \"client\"\ncomponent = \"main.wasm\"", "does not export"),
    ("an orchestrator as an entity", "name = \"A\"\nkind = \"entity\"\ncomponent = \"main.wasm\"", "does not export"),
];

const TIMERS: &[(&str, &str, &str)] = &[
    ("a timer without a schedule", "name = \"a\"\norchestrator = \"Main\"", "schedule"),
    ("a timer with a bad schedule", "name = \"a\"\nschedule = \"61 * * * *\"\norchestrator = \"Main\"", ""),
    ("a timer with a field of nothing", "name = \"a\"\nschedule = \"*/20 , * * * *\"\norchestrator = \"Main\"", "a value is missing"),
    ("a timer in no zone", "name = \"a\"\nschedule = \"@daily\"\norchestrator = \"Main\"\ntime-zone = \"Mars/Base\"", "Mars/Base"),
    ("a timer for nobody", "name = \"a\"\nschedule = \"@daily\"\norchestrator = \"None\"", "None"),
    ("a timer with an unknown key", "name = \"a\"\nschedule = \"@daily\"\norchestrator = \"Main\"\nmore = 1", "more"),
];
