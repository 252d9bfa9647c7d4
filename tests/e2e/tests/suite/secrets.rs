//! Secrets of the operator's: functions that name them read them, and their bytes are nowhere else.

use std::path::Path;
use std::time::Duration;

use e2e::{AppFolder, Apps, Host, HostOptions, Program, Reply, StubServer, longhaul_command};
use http::Method;
use serde_json::{Value, json};

/// Has a character that JSON escapes, so that both ways to write it are looked for.
const CANARY: &str = "canary/4a7d9c\"e1";
const IN_JSON: &str = "canary/4a7d9c\\\"e1";

/// The test guests, with an activity that reads a secret beside the one that does not.
fn app(outside: &StubServer) -> AppFolder {
    let secretive = "[[function]]\nname = \"Secretive\"\nkind = \"activity\"\ncomponent = \"components/misbehaving_activity.wasm\"\n\
                     secrets = [\"API_TOKEN\"]\n";
    Apps::test_guests().with_manifest(|text| text.replace("http://127.0.0.1:1", &outside.origin()) + "\n" + secretive)
}

/// The options for a host whose operator gives a secret of this name, kept in `folder`.
fn giving(name: &str, folder: &Path) -> Vec<&'static str> {
    let (secret, settings) = (folder.join("secret"), folder.join("host.toml"));
    std::fs::write(&secret, format!("{CANARY}\n")).expect("a file");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    std::fs::write(&settings, format!("[secrets]\n{name} = {{ file = {secret:?} }}\n")).expect("a file");
    vec!["--config", settings.to_string_lossy().into_owned().leak()]
}

fn call(name: &str, what: &str) -> Value {
    json!({"name": name, "input": what})
}

/// Every byte of every file below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { bytes_below(&path) } else { std::fs::read(&path).unwrap_or_default() }).collect()
}

#[track_caller]
fn expect_none(what: &str, bytes: &[u8]) {
    for canary in [CANARY, IN_JSON] {
        assert!(!bytes.windows(canary.len()).any(|part| part == canary.as_bytes()), "the secret is in {what}");
    }
}

#[tokio::test]
async fn a_secret_reaches_the_activity_that_names_it_and_is_nowhere_else() {
    let (outside, folder) = (StubServer::start(|_| Reply::new(200, &[], "welcome")).await, tempfile::tempdir().unwrap());
    let host = Host::start(HostOptions { app: Some(&app(&outside)), arguments: giving("API_TOKEN", folder.path()) }).await;
    let use_it = call("Secretive", &format!("authorized API_TOKEN {}/pay", outside.origin()));
    host.start_with_id("CallActivity", "used", &use_it).await;
    let used = host.output_of("used").await;
    assert_eq!(used["output"], "200 welcome", "{used} {:?}", outside.arrived());
    assert_eq!(outside.arrived()[0].headers["authorization"], CANARY);

    // What gives it away by mistake does not get far.
    host.start_with_id("CallActivity", "returned", &call("Secretive", "settings")).await;
    assert_eq!(host.output_of("returned").await["errorType"], "SecretInOutput");
    host.start_with_id("CallActivity", "told", &call("Secretive", "tell API_TOKEN")).await;
    let told = host.output_of("told").await;
    assert!(told["message"].as_str().unwrap().ends_with("failed: [secret API_TOKEN]"), "{told}");
    assert!(host.log().contains("logged: [secret API_TOKEN]"));
    // The same component under a name that asks for no secrets sees none.
    host.start_with_id("CallActivity", "other", &call("MisbehavingActivity", "settings")).await;
    assert_eq!(host.output_of("other").await["output"], json!([]));

    let mut answers = Vec::new();
    for id in ["used", "returned", "told", "other"] {
        answers.push(host.management_uri(&format!("/instances/{id}?showHistory=true&showHistoryOutput=true&showInput=true")));
    }
    answers.extend(["/instances?showInput=true", "/entities?fetchState=true"].map(|path| host.management_uri(path)));
    answers.extend(["/", "/admin/deployments", "/admin/keys", "/metrics", "/openapi.json", "/healthz"].map(|path| host.uri(path)));
    for uri in answers {
        let answer = host.http().send(Method::GET, &uri).await.expect(200);
        expect_none(&uri, format!("{:?} {}", answer.headers, answer.text()).as_bytes());
    }
    expect_none("the data while the host runs", &bytes_below(&host.data()));
    host.crash().await;
    assert_eq!(host.start_and_wait("CallActivity", &use_it).await["output"], "200 welcome");
    expect_none("what the host prints", host.output().join("\n").as_bytes());
    host.stop().await;
    expect_none("the data", &bytes_below(&host.data()));
    expect_none("the log", host.log().as_bytes());
}

#[tokio::test]
async fn an_app_that_wants_a_secret_which_nobody_gave_is_refused_with_its_name() {
    let (outside, folder) = (StubServer::start(|_| Reply::new(200, &[], "")).await, tempfile::tempdir().unwrap());
    let arguments = giving("ANOTHER_TOKEN", folder.path());
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await;
    let before = host.http().send(Method::GET, &host.uri("/admin/deployments")).await.expect(200).text();
    let refusal = host.deploy(&app(&outside)).unwrap_err();
    assert!(refusal.contains("'Secretive' needs the secret 'API_TOKEN'") && refusal.contains("[secrets]"), "{refusal}");
    assert!(!refusal.contains("ANOTHER_TOKEN"), "{refusal}");
    assert_eq!(host.http().send(Method::GET, &host.uri("/admin/deployments")).await.expect(200).text(), before);
    assert_eq!(host.start_and_wait("CallActivity", &call("MisbehavingActivity", "behave")).await["output"], "well");
}

#[tokio::test]
async fn a_host_that_lacks_a_secret_of_its_app_does_not_start_and_touches_nothing() {
    let (outside, folder) = (StubServer::start(|_| Reply::new(200, &[], "welcome")).await, tempfile::tempdir().unwrap());
    let host = Host::start(HostOptions { app: Some(&app(&outside)), arguments: giving("API_TOKEN", folder.path()) }).await;
    host.start_with_id("CallActivity", "waits", &call("Secretive", "sleep")).await;
    host.until_running("waits").await;
    host.kill();
    let mut command = longhaul_command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=off", "--data"]).arg(host.data());
    let mut without = Program::spawn("a host without the secret", command, &folder.path().join("stderr"));
    assert!(!without.ended(Duration::from_secs(180)).await.success());
    assert!(without.stderr().contains("needs the secret 'API_TOKEN'"), "{}", without.stderr());
    host.start_again().await;
    host.until_running("waits").await;
}

#[tokio::test]
async fn a_client_function_hands_its_secret_over_in_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let client = "name = \"MisbehavingClient\"\nkind = \"client\"\n";
    let app = Apps::test_guests().with_manifest(|text| text.replace(client, &format!("{client}secrets = [\"API_TOKEN\"]\n")));
    let host = Host::start(HostOptions { app: Some(&app), arguments: giving("API_TOKEN", folder.path()) }).await;
    host.start_with_id("Misbehaving", "waits", &json!("wait behave")).await;
    let said = host.http().send(Method::POST, &host.uri("/api/MisbehavingClient?do=/hand-over")).await.expect(200).text();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 13, "{said}");
    for line in lines {
        assert!(line.contains("contains the secret 'API_TOKEN'"), "{line}");
    }
    let waits = host.status("waits").await;
    assert_eq!((&waits["runtimeStatus"], &waits["output"]), (&json!("Running"), &json!(null)));
    expect_none("the answer", said.as_bytes());
    host.stop().await;
    expect_none("the data", &bytes_below(&host.data()));
    expect_none("the log", host.log().as_bytes());
}
