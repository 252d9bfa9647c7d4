//! No key and no token turns up where it is not meant to be, whatever is asked and answered.

use bytes::Bytes;
use e2e::{Answer, Apps, Canaries, Host, HostOptions};
use http::{Method, Request};
use http_body_util::Full;

/// Routes that say something, or refuse, by method and path; `ID` stands for an instance that has ended.
const ASKED: [(Method, &str); 24] = [
    (Method::GET, "/"),
    (Method::GET, "/healthz"),
    (Method::GET, "/openapi.json"),
    (Method::GET, "/metrics"),
    (Method::GET, "/admin/keys"),
    (Method::GET, "/admin/deployments"),
    (Method::GET, "/admin/timers"),
    (Method::POST, "/admin/timers/none/run"),
    (Method::POST, "/admin/deployments"),
    (Method::POST, "/admin/keys/nowhere/x"),
    (Method::POST, "/admin/keys/system/none/rotate"),
    (Method::DELETE, "/admin/keys/admin/default"),
    (Method::GET, "/api/HttpStartNothing"),
    (Method::GET, "/nowhere"),
    (Method::GET, "/runtime/webhooks/durabletask/instances?showInput=true&showHistory=true"),
    (Method::GET, "/runtime/webhooks/durabletask/instances?top=-1"),
    (Method::GET, "/runtime/webhooks/durabletask/entities?fetchState=true"),
    (Method::GET, "/runtime/webhooks/durabletask/instances/ID?showInput=true&showHistory=true&showHistoryOutput=true"),
    (Method::GET, "/runtime/webhooks/durabletask/instances/none"),
    (Method::POST, "/runtime/webhooks/durabletask/instances/ID/raiseEvent/go"),
    (Method::POST, "/runtime/webhooks/durabletask/instances/ID/terminate?reason=enough"),
    (Method::POST, "/runtime/webhooks/durabletask/instances/ID/rewind"),
    (Method::POST, "/runtime/webhooks/durabletask/orchestrators/Nothing"),
    (Method::PUT, "/runtime/webhooks/durabletask/instances/ID"),
];

/// Shows a key in the header or in the query.
async fn ask(host: &Host, method: &Method, path: &str, key: &str, in_query: bool) -> Answer {
    let mut uri = host.uri(path);
    if in_query {
        uri = format!("{uri}{}code={key}", if uri.contains('?') { '&' } else { '?' });
    }
    let request = Request::builder().method(method).uri(uri).header("content-type", "application/json");
    let request = if in_query { request } else { request.header("x-functions-key", key) };
    host.http().try_request(request.body(Full::new(Bytes::from("{"))).expect("a request")).await.expect("an answer")
}

/// What nobody learns from an answer must be neither in its headers nor in its body.
fn found_in_answer(canaries: &Canaries, what: &str, answer: &Answer) -> Vec<String> {
    let mut found = canaries.found_in(what, &answer.body);
    found.extend(canaries.found_in(what, format!("{:?}", answer.headers).as_bytes()));
    found
}

async fn key_of(host: &Host, admin: &str, path: &str) -> String {
    let answer = ask(host, &Method::POST, &format!("/admin/keys/{path}"), admin, false).await;
    answer.json()["key"].as_str().unwrap_or_else(|| panic!("no key: {}", answer.text())).to_owned()
}

/// Starts an instance; returns its id and the token of its status.
async fn started(host: &Host, key: &str) -> (String, String) {
    let path = "/runtime/webhooks/durabletask/orchestrators/HelloSequence";
    let request = Request::post(host.uri(path)).header("x-functions-key", key).body(Full::default()).expect("a request");
    let answer = host.http().try_request(request).await.expect("an answer").expect(202).json();
    let status = answer["statusQueryGetUri"].as_str().expect("an address");
    let (_, token) = status.rsplit_once("code=").expect("a token");
    (answer["id"].as_str().expect("an id").to_owned(), token.to_owned())
}

#[tokio::test]
async fn no_key_and_no_token_is_in_logs_histories_errors_lists_or_files() {
    let host = Host::start(HostOptions { app: Some(&Apps::hello_cities()), arguments: vec!["--auth=keys"] }).await;
    let admin = std::fs::read_to_string(host.data().join("admin-key")).expect("an admin key").trim().to_owned();
    let shop = key_of(&host, &admin, "system/shop").await;
    let rotated = key_of(&host, &admin, "system/shop/rotate").await;
    let (id, token) = started(&host, &rotated).await;
    // One that looks like a key and is none, as of a caller who mistook the host.
    let stranger = format!("lhs_{}", "5c".repeat(36));

    let mut canaries = Canaries::of(&host.data());
    let shown = [("a key that was rotated", &shop), ("a key", &rotated), ("a token", &token), ("a key of elsewhere", &stranger)];
    shown.iter().for_each(|(name, secret)| canaries.plant(name, secret));
    let mut found = Vec::new();
    for key in [&admin, &shop, &rotated, &token, &stranger] {
        for (method, path) in ASKED {
            for in_query in [false, true] {
                let answer = ask(&host, &method, &path.replace("ID", &id), key, in_query).await;
                found.extend(found_in_answer(&canaries, &format!("the answer {} to {method} {path}", answer.status), &answer));
            }
        }
    }
    // The search finds what is there: this answer is meant to show a key.
    let meant = ask(&host, &Method::POST, "/admin/keys/system/other", &admin, false).await;
    let mut known = Canaries::default();
    known.plant("a new key", meant.json()["key"].as_str().expect("a key"));
    assert_eq!(found_in_answer(&known, "the answer with it", &meant).len(), 1);
    found.extend(canaries.found_in("the log", host.log().as_bytes()));
    found.extend(canaries.found_in("the output", host.output().join("\n").as_bytes()));
    found.extend(canaries.found_in_folder(&host.data()));
    host.stop().await;
    found.extend(canaries.found_in("the log of the stop", host.log().as_bytes()));
    found.extend(canaries.found_in_folder(&host.data()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn a_client_function_sees_no_key_in_whatever_place_of_a_head() {
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: vec!["--auth=keys"] }).await;
    let admin = std::fs::read_to_string(host.data().join("admin-key")).expect("an admin key").trim().to_owned();
    let mut canaries = Canaries::of(&host.data());
    canaries.plant("a key", &admin);
    let encoded: String = admin.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/api/MisbehavingClient?first={admin}&code={admin}&CODE={encoded}&x={encoded}&kept=1&q=/head");
    let request = Request::get(host.uri(&path))
        .header("x-functions-key", "junk")
        .header("x-functions-key", &admin)
        .header("X-Functions-Key", format!("{admin}, junk"))
        .header("authorization", format!("Bearer {admin}"))
        .header("referer", format!("http://other/?code={admin}"))
        .header("cookie", format!("a={admin}; b=kept"))
        .header("x-other", "kept");
    let seen = host.http().try_request(request.body(Full::default()).expect("a request")).await.expect("an answer").expect(200).text();
    assert!(seen.contains("kept=1") && seen.contains("x-other: kept"), "{seen}");
    let found = canaries.found_in("what the guest saw", seen.as_bytes());
    assert!(found.is_empty() && !seen.contains(&encoded), "{seen}\n{}", found.join("\n"));
}
