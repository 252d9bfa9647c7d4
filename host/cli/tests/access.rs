//! Who is let in: every route of the table against every kind of credential, on the real program.

#[path = "access/cors.rs"]
mod cors;
#[path = "access/descriptors.rs"]
mod descriptors;
#[path = "access/moment.rs"]
mod moment;
#[path = "access/routes.rs"]
mod routes;
mod support;
#[path = "access/web_pages.rs"]
mod web_pages;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use longhaul_core::Timestamp;
use longhaul_http::auth::link::{LinkSigner, Verb};
use longhaul_http::auth::{Key, KeyKind, Secrets};
use longhaul_http::router::MANAGEMENT_PREFIX;
use longhaul_http::routes::{self as table, Route};
use routes::{INSTANCE_ID, path_of};
use serde_json::Value;
use support::{Answered, Host, longhaul, output_of};

/// For each row of the table of routes, who is let in where the host asks for keys. A route that is missing here fails the test.
const EXPECTED: &[(&str, &str, &[&str])] = &[
    ("POST", "/orchestrators/{functionName}", SYSTEM),
    ("POST", "/orchestrators/{functionName}/{instanceId}", SYSTEM),
    ("GET", "/entities", SYSTEM),
    ("GET", "/entities/{entityName}", SYSTEM),
    ("GET", "/entities/{entityName}/{entityKey}", SYSTEM),
    ("POST", "/entities", SYSTEM),
    ("POST", "/entities/{entityName}", SYSTEM),
    ("POST", "/entities/{entityName}/{entityKey}", SYSTEM),
    ("DELETE", "/entities", SYSTEM),
    ("DELETE", "/entities/{entityName}", SYSTEM),
    ("DELETE", "/entities/{entityName}/{entityKey}", SYSTEM),
    ("GET", "/instances", SYSTEM),
    ("DELETE", "/instances", SYSTEM),
    ("GET", "/instances/{instanceId}", INSTANCE),
    ("DELETE", "/instances/{instanceId}", INSTANCE),
    ("POST", "/instances/{instanceId}/terminate", INSTANCE),
    ("POST", "/instances/{instanceId}/suspend", INSTANCE),
    ("POST", "/instances/{instanceId}/resume", INSTANCE),
    ("POST", "/instances/{instanceId}/rewind", INSTANCE),
    ("POST", "/instances/{instanceId}/restart", INSTANCE),
    ("POST", "/instances/{instanceId}/raiseEvent/{eventName}", INSTANCE),
    ("GET", "/", ALL),
    ("GET", "/healthz", ALL),
    ("GET", "/openapi.json", ALL),
    ("GET", "/metrics", ADMIN),
    ("GET", "/admin/proof/{challenge}", ALL),
    ("GET", "/admin/client-binding", ADMIN),
    ("GET", "/admin/deployments", ADMIN),
    ("POST", "/admin/deployments", ADMIN),
    ("GET", "/admin/timers", ADMIN),
    ("POST", "/admin/timers/{timerName}/{operation}", ADMIN),
    ("GET", "/admin/keys", ADMIN),
    ("POST", "/admin/keys/{scope}/{keyName}", ADMIN),
    ("POST", "/admin/keys/{scope}/{keyName}/rotate", ADMIN),
    ("DELETE", "/admin/keys/{scope}/{keyName}", ADMIN),
    ("ANY", "/api/{*route}", FUNCTION),
];
const ADMIN: &[&str] = &["admin key"];
const SYSTEM: &[&str] = &["admin key", "system key", "binding key"];
const INSTANCE: &[&str] = &["admin key", "system key", "binding key", "token"];
const FUNCTION: &[&str] = &["admin key", "key of all functions", "key of this function"];
const ALL: &[&str] = &[
    "nothing",
    "nonsense",
    "unknown key",
    "revoked key",
    "rotated key",
    "key of all functions",
    "key of this function",
    "key of another function",
    "system key",
    "binding key",
    "admin key",
    "token",
    "token of another verb",
    "token of another instance",
    "token that has ended",
    "token that was changed",
    "token of another host",
    "token of an earlier instance",
    "token of an instance to come",
];

/// A host that asks for keys, with an app whose client functions have every level.
struct Guarded {
    host: Host,
    admin: String,
    _app: tempfile::TempDir,
}

impl Guarded {
    async fn start() -> Self {
        Self::with(app_with_levels())
    }

    fn with(app: tempfile::TempDir) -> Self {
        let folder = app.path().to_str().expect("UTF-8").to_owned();
        let host = Host::start(&["--auth=keys", "--app", &folder]);
        let admin = std::fs::read_to_string(host.data().join("admin-key")).expect("the first start made a key").trim().to_owned();
        Self { host, admin, _app: app }
    }

    /// Runs `longhaul keys` on the machine of the host, as people do: it finds the key by itself.
    fn keys(&self, arguments: &[&str]) -> String {
        let output = output_of(longhaul().arg("keys").args(arguments).args(["--host", &self.origin(), "--data"]).arg(self.host.data()));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    fn origin(&self) -> String {
        format!("http://{}", self.host.address())
    }

    async fn send(&self, method: &str, path: &str, key: &str) -> Answered {
        self.host.send_with(method, path, &[("x-functions-key", key)], "").await
    }

    fn signer(&self, lifetime: Duration) -> LinkSigner {
        LinkSigner::new(Secrets::open(self.host.data()).expect("the host's secrets").link_secret(), lifetime)
    }
}

fn app_with_levels() -> tempfile::TempDir {
    app_with("")
}

/// The app with client functions of every level, and more of a manifest.
fn app_with(more: &str) -> tempfile::TempDir {
    let app = tempfile::tempdir().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-functions/hello-cities");
    std::fs::create_dir(app.path().join("components")).expect("a folder");
    for entry in source.join("components").read_dir().expect("guests are built: run `cargo xtask guests`") {
        let file = entry.expect("an entry").path();
        std::fs::copy(&file, app.path().join("components").join(file.file_name().expect("a name"))).expect("a copy");
    }
    let mut manifest = std::fs::read_to_string(source.join("longhaul.toml")).expect("a manifest");
    for level in ["anonymous", "admin"] {
        manifest += &format!(
            "\n[[function]]\nname = \"{level}\"\nkind = \"client\"\nauth = \"{level}\"\ncomponent = \"components/hello_http_start_client.wasm\"\n"
        );
    }
    manifest += more;
    std::fs::write(app.path().join("longhaul.toml"), manifest).expect("the manifest");
    app
}

/// Every credential by its name in [`ALL`], for a route that does `verb` to [`INSTANCE_ID`], which was started after `born_before`.
fn credentials(guarded: &Guarded, verb: Verb, born_before: Timestamp) -> Vec<(&'static str, String)> {
    let good = guarded.signer(Duration::from_secs(60));
    let other_verb = if verb == Verb::Status { Verb::Purge } else { Verb::Status };
    let token = good.sign(INSTANCE_ID, verb);
    let changed = format!("{}{}", &token[..token.len() - 1], if token.ends_with('0') { '1' } else { '0' });
    let secrets = Secrets::open(guarded.host.data()).expect("the host's secrets");
    vec![
        ("nothing", String::new()),
        ("nonsense", "nonsense".into()),
        ("unknown key", Key::generate(KeyKind::Admin).expect("chance").reveal().to_owned()),
        ("system key", guarded.keys(&["add", "system", &format!("{verb:?}")])),
        ("binding key", secrets.binding_key().to_string()),
        ("admin key", guarded.admin.clone()),
        ("token", token),
        ("token of another verb", good.sign(INSTANCE_ID, other_verb)),
        ("token of another instance", good.sign("order-8", verb)),
        ("token that has ended", guarded.signer(Duration::ZERO).sign(INSTANCE_ID, verb)),
        ("token that was changed", changed),
        ("token of another host", LinkSigner::new(Arc::new([7; 32]), Duration::from_secs(60)).sign(INSTANCE_ID, verb)),
        // The host's own, and made when another instance had the id, or none.
        ("token of an earlier instance", good.sign_at(INSTANCE_ID, verb, born_before)),
        ("token of an instance to come", good.clone().ahead().sign(INSTANCE_ID, verb)),
    ]
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    Timestamp(since.as_millis() as u64)
}

fn name_of(route: &'static Route) -> (&'static str, &'static str) {
    (route.method.as_ref().map_or("ANY", Method::as_str), route.path)
}

#[tokio::test]
async fn every_route_lets_in_those_who_are_listed_for_it_and_nobody_else() {
    let listed: BTreeSet<_> = EXPECTED.iter().map(|(method, path, _)| (*method, *path)).collect();
    let routes: BTreeSet<_> = table::all().map(name_of).collect();
    assert_eq!(routes, listed, "the table of routes, and the routes that this test says something about");

    let guarded = Guarded::start().await;
    // A token counts for what is born in its own millisecond, and a quick host needs no more than that.
    let born_before = Timestamp(now().0 - 1);
    let started = guarded.send("POST", &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/{INSTANCE_ID}"), &guarded.admin).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let (all, this) = (guarded.keys(&["add", "functions", "all"]), guarded.keys(&["add", "function:HttpStart", "one"]));
    let other = guarded.keys(&["add", "function:anonymous", "one"]);
    let (revoked, rotated) = (guarded.keys(&["add", "admin", "gone"]), guarded.keys(&["add", "admin", "old"]));
    guarded.keys(&["revoke", "admin", "gone"]);
    guarded.keys(&["rotate", "admin", "old"]);
    let fixed = [
        ("key of all functions", all),
        ("key of this function", this),
        ("key of another function", other),
        ("revoked key", revoked),
        ("rotated key", rotated),
    ];
    let verbs = [Verb::Status, Verb::RaiseEvent, Verb::Terminate, Verb::Rewind, Verb::Purge, Verb::Restart, Verb::Suspend, Verb::Resume];
    let by_verb: Vec<_> = verbs.iter().map(|verb| (*verb, credentials(&guarded, *verb, born_before))).collect();

    for route in table::all() {
        let (method, path) = (route.method.as_ref().map_or("GET", Method::as_str), path_of(route));
        let allowed = EXPECTED.iter().find(|(method, path, _)| (*method, *path) == name_of(route)).expect("it is listed").2;
        let verb = route.need.verb().unwrap_or(Verb::Status);
        let of_verb = &by_verb.iter().find(|(known, _)| *known == verb).expect("every verb is there").1;
        let credentials: Vec<_> = of_verb.iter().chain(&fixed).collect();
        assert_eq!(credentials.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), ALL.iter().copied().collect());
        for (name, text) in credentials {
            let in_query = format!("{path}?code={text}");
            let mut asked =
                vec![("header", guarded.send(method, &path, text).await), ("query", guarded.host.send(method, &in_query).await)];
            if method == "GET" {
                let by_head = guarded.send("HEAD", &path, text).await;
                assert!(by_head.body.is_empty() && by_head.status == asked[0].1.status, "HEAD {path} with {name}: {by_head:?}");
                asked.push(("header of HEAD", by_head));
            }
            for (place, answered) in asked {
                let status = answered.status.as_u16();
                let what = format!("{method} {path} with {name} in the {place}: {status} {}", answered.body);
                match allowed.contains(name) {
                    true => assert!(status != 401 && status != 403, "{what}"),
                    false => assert!(status == 401 && answered.body.is_empty(), "{what}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_function_asks_for_what_its_manifest_says() {
    let guarded = Guarded::start().await;
    let function = guarded.keys(&["add", "functions", "all"]);
    for (path, without, with_function) in [("/api/anonymous", true, true), ("/api/HttpStart", false, true), ("/api/admin", false, false)] {
        let is_open = async |key: &str| guarded.send("GET", path, key).await.status != 401;
        assert_eq!((is_open("").await, is_open(&function).await), (without, with_function), "{path}");
        assert!(is_open(&guarded.admin).await, "{path}");
    }
    // A route that no function has is nobody's.
    assert_eq!(guarded.send("GET", "/api/none", "").await.status, 404);
}

#[tokio::test]
async fn addresses_that_are_handed_out_work_by_themselves_and_for_nothing_else() {
    let guarded = Guarded::start().await;
    let system = guarded.keys(&["add", "system", "ci"]);
    let start = format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/a%20b");
    let started = guarded.send("POST", &start, &system).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let payload: Value = serde_json::from_str(&started.body).expect("JSON");
    let origin = guarded.origin();
    let path = |member: &str| {
        let uri = payload[member].as_str().unwrap_or_else(|| panic!("no {member} in {payload}"));
        uri.strip_prefix(&origin).expect("the caller's address").replace("{text}", "why").replace("{eventName}", "other")
    };
    let status = path("statusQueryGetUri");
    assert!(!started.body.contains(&system), "a key is not handed on");
    assert_eq!(guarded.host.send("GET", &status).await.status, 202);
    for (member, answer) in [("suspendPostUri", 202), ("resumePostUri", 202), ("restartPostUri", 202), ("terminatePostUri", 202)] {
        assert_eq!(guarded.host.send("POST", &path(member)).await.status, answer, "{member}");
    }
    let event = guarded.host.send_with("POST", &path("sendEventPostUri"), &[("content-type", "application/json")], "1").await;
    assert!([202, 410].contains(&event.status.as_u16()), "{event:?}");
    // The token of the status shows the instance, and removes it not.
    assert_eq!(guarded.host.send("DELETE", &status).await.status, 401);
    // Whoever asks by a key in the address is told to ask again by a token.
    let asked = guarded.host.send("GET", &format!("{MANAGEMENT_PREFIX}/instances/a%20b?code={system}&showInput=false")).await;
    let again = asked.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert!(asked.status == 200 || again.contains("showInput=false&code=lht_"), "{asked:?}");
    guarded.keys(&["rotate", "links", "secret"]);
    assert_eq!(guarded.host.send("GET", &status).await.status, 401);
}

#[tokio::test]
async fn a_key_that_was_made_while_the_host_ran_is_good_after_a_restart_and_by_hand_while_it_is_stopped() {
    let mut guarded = Guarded::start().await;
    let key = guarded.keys(&["add", "admin", "other"]);
    guarded.host.stop();
    let run = |arguments: &[&str]| {
        let output = output_of(longhaul().arg("keys").args(arguments).arg("--data").arg(guarded.host.data()));
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    let (done, text) = run(&["list", "--host", "http://127.0.0.1:1"]);
    assert!(!done && text.contains("--offline") && text.contains("127.0.0.1:1"), "{text}");
    let (done, text) = run(&["list", "--offline"]);
    assert!(done && text.contains("other") && text.contains("default") && !text.contains(&key), "{text}");
    let (done, text) = run(&["rotate", "admin", "default", "--offline"]);
    let file = std::fs::read_to_string(guarded.host.data().join("admin-key")).expect("the file");
    assert!(done && file == text && file.trim() != guarded.admin, "{text}");
}

#[tokio::test]
async fn the_command_line_shows_a_folders_key_to_the_host_of_that_folder_alone() {
    use std::io::{Read, Write};
    let (guarded, other) = (Guarded::start().await, Guarded::start().await);
    let run = |address: &str, data: &Path| {
        output_of(longhaul().args(["keys", "list", "--host", &format!("http://{address}"), "--data"]).arg(data))
    };
    assert!(run(guarded.host.address(), guarded.host.data()).status.success());
    let text = String::from_utf8_lossy(&run(guarded.host.address(), other.host.data()).stderr).into_owned();
    assert!(text.contains("has not proved to be the host of that folder"), "{text}");
    // Whatever has the port of a host that was killed: it says what the host of the folder says when asked elsewhere.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, real) = (listener.local_addr().expect("an address").to_string(), guarded.host.address().to_owned());
    let heard = std::thread::spawn(move || {
        let mut heard = Vec::new();
        let (mut stream, _) = listener.accept().expect("a command");
        let mut host = std::net::TcpStream::connect(real).expect("the host accepts");
        let mut piece = [0; 4_096];
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            heard.extend_from_slice(&piece[..length]);
            host.write_all(&piece[..length]).expect("the host reads");
            let length = host.read(&mut piece).expect("the host answers");
            stream.write_all(&piece[..length]).expect("the command reads");
        }
        String::from_utf8_lossy(&heard).into_owned()
    });
    let output = run(&address, guarded.host.data());
    assert!(!output.status.success());
    let heard = heard.join().expect("it listens");
    assert!(heard.contains("/admin/proof/") && heard.contains("/admin/keys") && !heard.contains("lha_"), "{heard}");
}

#[tokio::test]
async fn addresses_of_an_instance_do_not_lead_to_the_next_one_of_its_id() {
    let guarded = Guarded::start().await;
    let start = async || {
        let started = guarded.send("POST", &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/again"), &guarded.admin).await;
        assert_eq!(started.status, 202, "{}", started.body);
        let payload: Value = serde_json::from_str(&started.body).expect("JSON");
        let path = |member: &str| {
            let uri = payload[member].as_str().expect("an address").strip_prefix(&guarded.origin()).expect("the caller's").to_owned();
            uri.replace("{text}", "why").replace("{eventName}", "go")
        };
        ["statusQueryGetUri", "terminatePostUri", "sendEventPostUri", "purgeHistoryDeleteUri"].map(path)
    };
    let first = start().await;
    assert_eq!(guarded.host.send("POST", &first[1]).await.status, 202);
    let since = Instant::now();
    while guarded.host.send("GET", &first[0]).await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "it does not end");
    }
    // The clock of tokens has milliseconds: what was handed out must be older than what comes next.
    let asked = now();
    while now() == asked {
        tokio::task::yield_now().await;
    }
    let second = start().await;
    for (method, path) in [("GET", &first[0]), ("POST", &first[1]), ("POST", &first[2]), ("DELETE", &first[3])] {
        let answered = guarded.host.send_with(method, path, &[("content-type", "application/json")], "1").await;
        assert_eq!(answered.status, 401, "{method} {path}: {}", answered.body);
    }
    assert_eq!(guarded.host.send("GET", &second[0]).await.status, 202);
    assert_eq!(guarded.host.send("POST", &second[1]).await.status, 202);
}
