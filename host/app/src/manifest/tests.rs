use super::*;

const SAMPLE: &str = r#"[app]
name = "retry-timeout-callback"
[settings]
JOB_API_URL = "http://localhost:5000/api/Job"
[http]
allowed-hosts = ["http://localhost:5000", "http://127.0.0.1:5000"]
[[function]]
name = "HttpStartClient"
kind = "client"
component = "components/http_start_client.wasm"
[[function]]
name = "MainOrchestrator"
kind = "orchestrator"
component = "components/main_orchestrator.wasm"
"#;

fn with_function(entry: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(&format!("{SAMPLE}[[function]]\n{entry}"))
}

fn refusal(entry: &str) -> String {
    with_function(entry).expect_err("the entry breaks a rule").to_string()
}

#[test]
fn a_manifest_names_the_app_and_its_functions() {
    let manifest = Manifest::parse(SAMPLE).unwrap();
    assert_eq!(manifest.app, "retry-timeout-callback");
    assert_eq!(manifest.settings["JOB_API_URL"], "http://localhost:5000/api/Job");
    assert_eq!(manifest.allowed_hosts.len(), 2);
    assert_eq!(manifest.component_paths(), ["components/http_start_client.wasm", "components/main_orchestrator.wasm"]);
    let client = &manifest.functions[0];
    assert_eq!((client.kind, client.route.as_deref()), (Kind::Client, Some("HttpStartClient")));
    assert_eq!(client.methods, [Method::GET, Method::POST]);
    assert_eq!(manifest.functions[1].route, None);
}

#[test]
fn an_app_chooses_what_happens_to_the_tasks_that_are_left_open() {
    assert_eq!(Manifest::parse(SAMPLE).unwrap().on_return, OnReturn::CancelOpenTasks);
    let with = |completion: &str| Manifest::parse(&SAMPLE.replacen("[settings]", &format!("completion = \"{completion}\"\n[settings]"), 1));
    assert_eq!(with("wait-for-open-tasks").unwrap().on_return, OnReturn::WaitForOpenTasks);
    let error = with("wait").expect_err("there is no such rule").to_string();
    assert!(error.contains("line 3") && error.contains("cancel-open-tasks") && error.contains("wait-for-open-tasks"), "{error}");
}

#[test]
fn an_unknown_key_is_an_error_that_names_its_line() {
    let error = refusal("name = \"A\"\nkind = \"entity\"\ncomponent = \"a.wasm\"\ncomponnent = \"b.wasm\"");
    assert!(error.contains("line 19") && error.contains("componnent"), "{error}");
}

#[test]
fn an_unknown_kind_is_an_error_that_names_the_kinds() {
    let error = refusal("name = \"A\"\nkind = \"trigger\"\ncomponent = \"a.wasm\"");
    assert!(error.contains("line 17") && error.contains("orchestrator"), "{error}");
}

#[test]
fn names_are_unique_per_kind_ignoring_case() {
    let error = refusal("name = \"mainorchestrator\"\nkind = \"orchestrator\"\ncomponent = \"a.wasm\"");
    assert!(error.contains("line 16") && error.contains("mainorchestrator"), "{error}");
    assert!(with_function("name = \"MainOrchestrator\"\nkind = \"activity\"\ncomponent = \"a.wasm\"").is_ok());
}

#[test]
fn routes_are_unique_ignoring_case() {
    let error = refusal("name = \"Other\"\nkind = \"client\"\ncomponent = \"a.wasm\"\nroute = \"httpstartCLIENT\"");
    assert!(error.contains("line 19") && error.contains("httpstartCLIENT"), "{error}");
}

#[test]
fn a_component_stays_inside_the_folder() {
    for path in ["/etc/passwd", "../a.wasm", "a/../../b.wasm", "C:/a.wasm", "a\\\\b.wasm", "a//b.wasm", "", "./a.wasm"] {
        let error = refusal(&format!("name = \"A\"\nkind = \"entity\"\ncomponent = \"{path}\""));
        assert!(error.contains("line 18") && error.contains("inside it"), "{path}: {error}");
    }
}

#[test]
fn a_client_asks_for_a_functions_key_unless_its_entry_says_otherwise() {
    let level = |line: &str| {
        let text = format!("[app]\nname = \"a\"\n[[function]]\nname = \"A\"\nkind = \"client\"\ncomponent = \"a.wasm\"\n{line}\n");
        Manifest::parse(&text).map(|manifest| manifest.functions[0].auth)
    };
    assert_eq!(level("").unwrap(), AuthLevel::Function);
    assert_eq!(level("auth = \"anonymous\"").unwrap(), AuthLevel::Anonymous);
    assert_eq!(level("auth = \"admin\"").unwrap(), AuthLevel::Admin);
    assert!(level("auth = \"none\"").unwrap_err().to_string().contains("anonymous"));
}

#[test]
fn only_clients_have_methods_routes_and_levels_of_access() {
    for key in ["methods = [\"GET\"]", "route = \"a\"", "auth = \"anonymous\""] {
        let error = refusal(&format!("name = \"A\"\nkind = \"entity\"\ncomponent = \"a.wasm\"\n{key}"));
        assert!(error.contains("only clients"), "{error}");
    }
}

#[test]
fn a_name_begins_with_a_letter_and_stays_short() {
    for name in ["", "1st", "a b", "a.b", "ä", &"x".repeat(129)] {
        let error = refusal(&format!("name = \"{name}\"\nkind = \"entity\"\ncomponent = \"a.wasm\""));
        assert!(error.contains("line 16"), "{error}");
    }
    assert!(with_function(&format!("name = \"{}\"\nkind = \"entity\"\ncomponent = \"a.wasm\"", "x".repeat(128))).is_ok());
}

#[test]
fn methods_are_known_and_written_once() {
    let error = refusal("name = \"A\"\nkind = \"client\"\ncomponent = \"a.wasm\"\nmethods = [\"FETCH\"]");
    assert!(error.contains("FETCH") && error.contains("GET"), "{error}");
    let manifest = with_function("name = \"A\"\nkind = \"client\"\ncomponent = \"a.wasm\"\nmethods = [\"put\", \"PUT\"]").unwrap();
    assert_eq!(manifest.functions[2].methods, [Method::PUT]);
}

#[test]
fn settings_are_texts_with_plain_names() {
    let error = Manifest::parse(&SAMPLE.replace("JOB_API_URL", "\"JOB URL\"")).unwrap_err().to_string();
    assert!(error.contains("line 4") && error.contains("JOB URL"), "{error}");
    let error = Manifest::parse(&SAMPLE.replace("\"http://localhost:5000/api/Job\"", "7")).unwrap_err().to_string();
    assert!(error.contains("line 4"), "{error}");
}

#[test]
fn an_allowed_host_is_an_address_without_a_path() {
    for bad in ["http://127.0.0.1:5000/api", "*"] {
        let error = Manifest::parse(&SAMPLE.replace("http://127.0.0.1:5000", bad)).unwrap_err().to_string();
        assert!(error.contains("line 6") && error.contains("allowed-hosts"), "{bad}: {error}");
    }
}

#[test]
fn an_app_without_functions_is_refused() {
    let error = Manifest::parse("[app]\nname = \"empty\"").unwrap_err().to_string();
    assert!(error.contains("[[function]]"), "{error}");
}

#[test]
fn an_activity_may_say_how_long_it_runs_at_most() {
    let activity = |more: &str| with_function(&format!("name = \"A\"\nkind = \"activity\"\ncomponent = \"a.wasm\"\n{more}"));
    assert_eq!(activity("timeout = \"90s\"").unwrap().functions[2].timeout, Some(std::time::Duration::from_secs(90)));
    assert_eq!(activity("").unwrap().functions[2].timeout, None);
    let error = activity("timeout = \"90\"").unwrap_err().to_string();
    assert!(error.contains("line 19") && error.contains("such as 30s"), "{error}");
    let error = refusal("name = \"A\"\nkind = \"entity\"\ncomponent = \"a.wasm\"\ntimeout = \"1s\"");
    assert!(error.contains("only activities have 'timeout'"), "{error}");
}

#[test]
fn an_activity_may_have_its_guests_used_again() {
    let entry = |kind: &str, more: &str| format!("name = \"A\"\nkind = \"{kind}\"\ncomponent = \"a.wasm\"\n{more}");
    let activity = |more: &str| with_function(&entry("activity", more)).unwrap().functions[2].reuse;
    let reuse = |calls, seconds| Some(GuestReuse { calls, age: Duration::from_secs(seconds) });
    assert_eq!(activity(""), None);
    assert_eq!(activity("reuse = false"), None);
    assert_eq!(activity("reuse = true"), reuse(1_000, 60));
    assert_eq!(activity("reuse = true\nreuse-calls = 5\nreuse-seconds = 3"), reuse(5, 3));
    for (kind, more, expected) in [
        ("orchestrator", "reuse = true", "line 19: function 'A' is of kind 'orchestrator'; only activities have 'reuse'"),
        ("entity", "reuse = false", "only activities have 'reuse'"),
        ("activity", "reuse-calls = 5", "function 'A' has 'reuse-calls' without 'reuse = true'"),
        ("activity", "reuse = false\nreuse-seconds = 5", "line 20: function 'A' has 'reuse-seconds' without 'reuse = true'"),
        ("activity", "reuse = true\nreuse-calls = 0", "reuse-calls of activity 'A' is 0; it is 1 to 1000000"),
        ("activity", "reuse = true\nreuse-seconds = 86401", "reuse-seconds of activity 'A' is 86401; it is 1 to 86400"),
        ("activity", "reuse = \"yes\"", "line 19"),
    ] {
        let error = refusal(&entry(kind, more));
        assert!(error.contains(expected), "{more}: {error}");
    }
}

#[test]
fn the_names_of_the_hosts_own_activities_are_taken() {
    for name in ["BuiltIn::HttpActivity", "builtin::other"] {
        let error = refusal(&format!("name = \"{name}\"\nkind = \"activity\"\ncomponent = \"a.wasm\""));
        assert!(error.contains("line 16") && error.contains("host's own"), "{error}");
    }
}

#[test]
fn clients_and_activities_name_the_secrets_that_they_read() {
    let entry = |kind: &str, secrets: &str| format!("name = \"A\"\nkind = \"{kind}\"\ncomponent = \"a.wasm\"\nsecrets = {secrets}");
    for kind in ["client", "activity"] {
        let manifest = with_function(&entry(kind, "[\"API_TOKEN\", \"B\"]")).unwrap();
        assert_eq!(manifest.functions[2].secrets, ["API_TOKEN", "B"], "{kind}");
    }
    for (kind, secrets, expected) in [
        ("orchestrator", "[\"B\"]", "line 19: function 'A' is of kind 'orchestrator'; only clients and activities have 'secrets'"),
        ("entity", "[\"B\"]", "only clients and activities have 'secrets'"),
        ("activity", "[\"a b\"]", "secret 'a b' of function 'A' is not a name"),
        ("activity", "[\"B\", \"B\"]", "names the secret 'B' twice"),
        ("activity", "[\"JOB_API_URL\"]", "secret 'JOB_API_URL' of function 'A' is a setting, too"),
    ] {
        let error = refusal(&entry(kind, secrets));
        assert!(error.contains(expected), "{secrets}: {error}");
    }
}
