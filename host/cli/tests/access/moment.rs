//! What a request may do is decided when it is done: the body may come long after the head.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A request whose head the host has let in, and whose body it waits for.
struct Begun {
    stream: TcpStream,
    body: &'static str,
}

impl Begun {
    /// Sends the head and waits until the host asks for the body.
    async fn new(address: &str, target: &str, headers: &[(&str, &str)], body: &'static str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the host accepts");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: {address}\r\n{headers}connection: close\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("the host reads");
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.expect("the host asks for the body"));
        }
        let asked = String::from_utf8(asked).expect("text");
        assert!(asked.starts_with("HTTP/1.1 100 "), "{target}: {asked}");
        Self { stream, body }
    }

    /// Sends the body. Returns the answer's status and all of its text.
    async fn end(mut self) -> (u16, String) {
        self.stream.write_all(self.body.as_bytes()).await.expect("the host reads");
        let mut answer = Vec::new();
        // A host that breaks a request off may reset its connection.
        let _ = tokio::time::timeout(Duration::from_secs(30), self.stream.read_to_end(&mut answer)).await.expect("the host answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer)
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

/// The addresses of an instance that was just started under `id`, as paths.
async fn start(guarded: &Guarded, id: &str) -> impl Fn(&str) -> String + use<> {
    let started = guarded.send("POST", &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/{id}"), &guarded.admin).await;
    assert_eq!(started.status, 202, "{}", started.body);
    addresses_in(&started.body, &guarded.origin())
}

fn addresses_in(body: &str, origin: &str) -> impl Fn(&str) -> String + use<> {
    let (payload, origin): (Value, _) = (serde_json::from_str(body).expect("JSON"), origin.to_owned());
    move |member| {
        let uri = payload[member].as_str().unwrap_or_else(|| panic!("no {member} in {payload}"));
        uri.strip_prefix(&origin).expect("the caller's address").replace("{text}", "why").replace("{eventName}", "go")
    }
}

async fn until_status(guarded: &Guarded, id: &str, wanted: &str) -> Value {
    let path = format!("{MANAGEMENT_PREFIX}/instances/{id}");
    let since = Instant::now();
    loop {
        let answered = guarded.send("GET", &path, &guarded.admin).await;
        let shown: Value = serde_json::from_str(&answered.body).unwrap_or_default();
        if shown["runtimeStatus"] == wanted {
            return shown;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{id} does not become {wanted}: {shown}");
        tokio::task::yield_now().await;
    }
}

/// Ends the instance of this id and starts the next one under it.
async fn replace(guarded: &Guarded, id: &str) {
    let ended = guarded.send("POST", &format!("{MANAGEMENT_PREFIX}/instances/{id}/terminate"), &guarded.admin).await;
    assert_eq!(ended.status, 202);
    until_status(guarded, id, "Terminated").await;
    let asked = now();
    while now() == asked {
        tokio::task::yield_now().await;
    }
    let _addresses = start(guarded, id).await;
    until_status(guarded, id, "Running").await;
}

#[tokio::test]
async fn an_address_does_not_act_on_the_next_instance_though_its_request_began_before() {
    let guarded = Guarded::start().await;
    let addresses = start(&guarded, "moved").await;
    let event = Begun::new(guarded.host.address(), &addresses("sendEventPostUri"), &[JSON], "1").await;
    replace(&guarded, "moved").await;
    assert_eq!(event.end().await.0, 401);
    until_status(&guarded, "moved", "Running").await;
}

#[tokio::test]
async fn what_was_good_at_the_head_of_a_request_must_be_good_behind_its_body() {
    let guarded = Guarded::start().await;
    let address = guarded.host.address();
    let (instance, event) = ("held", format!("{MANAGEMENT_PREFIX}/instances/held/raiseEvent/go"));
    let addresses = start(&guarded, instance).await;
    let signal = format!("{MANAGEMENT_PREFIX}/entities/counter/a?op=add");
    let (system, admin) = (guarded.keys(&["add", "system", "ci"]), guarded.keys(&["add", "admin", "ci"]));
    let function = guarded.keys(&["add", "function:HttpStart", "ci"]);
    let binding = Secrets::open(guarded.host.data()).expect("the host's secrets").binding_key().to_string();
    let deployment = ("content-type", "application/vnd.longhaul.deployment");
    let begun = [
        ("an event by a key", Begun::new(address, &event, &[JSON, ("x-functions-key", &system)], "1").await),
        ("an event by a token", Begun::new(address, &addresses("sendEventPostUri"), &[JSON], "1").await),
        ("a start", Begun::new(address, &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/late?code={system}"), &[], "1").await),
        ("a signal by the key of the binding", Begun::new(address, &format!("{signal}&code={binding}"), &[JSON], "1").await),
        ("a deployment", Begun::new(address, "/admin/deployments", &[deployment, ("x-functions-key", &admin)], "{}\n").await),
        ("an event by local RPC", Begun::new(&rpc_address(&guarded), &rpc_event(&binding), &[JSON], "1").await),
    ];
    let called = Begun::new(address, &format!("/api/HttpStart?code={function}"), &[JSON], "{\"name\": \"HelloSequence\"}").await;
    for arguments in [["revoke", "system", "ci"], ["revoke", "admin", "ci"], ["revoke", "function:HttpStart", "ci"]] {
        guarded.keys(&arguments);
    }
    guarded.keys(&["rotate", "links", "secret"]);
    guarded.keys(&["rotate", "system", "client-binding"]);
    for (what, begun) in begun {
        let (status, answer) = begun.end().await;
        assert_eq!(status, 401, "{what}: {answer}");
    }
    let (status, answer) = called.end().await;
    assert!(!(200..300).contains(&status), "a client function: {answer}");
    until_status(&guarded, instance, "Running").await;
    let late = guarded.send("GET", &format!("{MANAGEMENT_PREFIX}/instances/late"), &guarded.admin).await;
    assert_eq!(late.status, 404, "{}", late.body);
}

fn rpc_address(guarded: &Guarded) -> String {
    let text = std::fs::read_to_string(guarded.host.data().join("addresses.json")).expect("the host's addresses");
    let addresses: Value = serde_json::from_str(&text).expect("JSON");
    let base = addresses["rpcBaseUrl"].as_str().expect("local RPC is on");
    base.trim_start_matches("http://").split('/').next().expect("an address").to_owned()
}

fn rpc_event(binding: &str) -> String {
    format!("/durabletask/{binding}/instances/held/raiseEvent/go")
}

#[tokio::test]
async fn an_address_to_restart_gives_no_other_right_and_ends_no_other_address() {
    let guarded = Guarded::start().await;
    let owner = start(&guarded, "again").await;
    assert_eq!(guarded.host.send("POST", &owner("terminatePostUri")).await.status, 202);
    until_status(&guarded, "again", "Terminated").await;
    let asked = now();
    while now() == asked {
        tokio::task::yield_now().await;
    }
    for (parameter, wait) in [("restartWithNewInstanceId=true", ""), ("restartWithNewInstanceId=false", "&timeout=1&pollingInterval=1")] {
        let restarted = guarded.host.send("POST", &format!("{}&{parameter}{wait}", owner("restartPostUri"))).await;
        assert_eq!(restarted.status, 202, "{}", restarted.body);
        let given = addresses_in(&restarted.body, &guarded.origin());
        assert!(given("restartPostUri").contains("code=lht_"), "{}", restarted.body);
        for (method, member) in [
            ("GET", "statusQueryGetUri"),
            ("POST", "terminatePostUri"),
            ("POST", "sendEventPostUri"),
            ("POST", "suspendPostUri"),
            ("DELETE", "purgeHistoryDeleteUri"),
        ] {
            assert!(!given(member).contains("code="), "{member}: {}", restarted.body);
            assert_eq!(guarded.host.send_with(method, &given(member), &[JSON], "1").await.status, 401, "{member}");
        }
        let location = restarted.headers["location"].to_str().expect("text");
        assert!(!location.contains("code="), "{location}");
    }
    // It runs again, and the addresses of its owner are as good as they were.
    assert_eq!(guarded.host.send("GET", &owner("statusQueryGetUri")).await.status, 202);
    assert_eq!(guarded.host.send_with("POST", &owner("sendEventPostUri"), &[JSON], "1").await.status, 202);
}

#[tokio::test]
async fn a_status_that_is_asked_for_by_a_token_is_asked_for_again_by_that_very_token() {
    let guarded = Guarded::start().await;
    let status = start(&guarded, "watched").await("statusQueryGetUri");
    let token = status.split("code=").nth(1).expect("a token");
    let answered = guarded.host.send("GET", &status).await;
    assert!(answered.headers["location"].to_str().expect("text").ends_with(&format!("code={token}")), "{answered:?}");
}
