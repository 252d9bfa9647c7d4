//! Local RPC, and the client binding that tells libraries of it (sections 12.1 and 10.12 of the contract).

use e2e::{AppFolder, Apps, Host, HostOptions, longhaul_command};
use http::{Method, Request};
use serde_json::{Value, json};

async fn hello(arguments: Vec<&'static str>) -> Host {
    Host::start(HostOptions { app: Some(&Apps::hello_cities()), arguments }).await
}

fn without_app(arguments: Vec<&'static str>) -> HostOptions<'static> {
    HostOptions { app: None::<&AppFolder>, arguments }
}

async fn get_with(host: &Host, uri: &str, headers: &[(&str, &str)]) -> e2e::Answer {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Default::default()).expect("a request");
    host.http().try_request(request).await.unwrap_or_else(|error| panic!("{error:#}"))
}

#[tokio::test]
async fn local_rpc_has_every_management_route_and_nothing_else() {
    let host = hello(vec!["--rpc-port=0"]).await;
    let http = host.http();
    let post = async |path: &str, body: Value| http.send_json(Method::POST, &host.rpc_uri(path), &body).await;
    post("/orchestrators/WaitForGo/a", json!({})).await.expect(202);
    http.send(Method::GET, &host.rpc_uri("/instances/a")).await.expect(202);
    assert_eq!(http.send(Method::GET, &host.rpc_uri("/instances/")).await.expect(200).json()[0]["instanceId"], "a");
    post("/instances/a/suspend?reason=r", Value::Null).await.expect_empty(202);
    host.until_status("a", "Suspended").await;
    post("/instances/a/resume?reason=r", Value::Null).await.expect_empty(202);
    post("/instances/a/raiseEvent/go", json!(7)).await.expect_empty(202);
    assert_eq!(host.output_of("a").await, json!(7));
    post("/instances/a/restart?restartWithNewInstanceId=false", Value::Null).await.expect(202);
    post("/instances/a/terminate?reason=r", Value::Null).await.expect_empty(202);
    host.until_status("a", "Terminated").await;
    post("/entities/Counter/k?op=Add", json!(3)).await.expect_empty(202);
    host.until_entity("Counter", "k", |state| state["value"] == 3).await;
    http.send(Method::GET, &host.rpc_uri("/entities/Counter/k")).await.expect(200);
    http.send(Method::DELETE, &host.rpc_uri("/instances/a")).await.expect(200);
    let root = host.rpc_uri("").trim_end_matches("/durabletask").to_owned();
    for path in
        ["/", "/healthz", "/api/HttpStart", "/admin/deployments", "/admin/client-binding", "/runtime/webhooks/durabletask/instances"]
    {
        http.send(Method::GET, &format!("{root}{path}")).await.expect_empty(404);
    }
    http.send(Method::GET, &host.uri("/durabletask/instances")).await.expect_empty(404);
}

#[tokio::test]
async fn addresses_handed_out_by_local_rpc_lead_to_the_public_routes() {
    let host = hello(vec!["--rpc-port=0"]).await;
    let started = host.http().send_json(Method::POST, &host.rpc_uri("/orchestrators/WaitForGo/a"), &json!({})).await.expect(202);
    let payload = started.json();
    let status = payload["statusQueryGetUri"].as_str().expect("an address");
    assert!(status.starts_with(&host.management_uri("/instances/a?")), "{status}");
    assert_eq!(started.header("location"), status);
    host.http().send(Method::GET, status).await.expect(202);
    // A status says where it was asked for, as it was asked for.
    let asked = host.rpc_uri("/instances/a?showInput=false");
    assert_eq!(host.http().send(Method::GET, &asked).await.expect(202).header("location"), asked);
}

#[tokio::test]
async fn a_public_url_stands_in_what_local_rpc_and_the_binding_hand_out() {
    let host = hello(vec!["--rpc-port=0", "--public-url=https://longhaul.example", "--auth=none"]).await;
    let payload = host.http().send(Method::POST, &host.rpc_uri("/orchestrators/HelloSequence")).await.expect(202).json();
    let base = "https://longhaul.example/runtime/webhooks/durabletask";
    assert!(payload["statusQueryGetUri"].as_str().is_some_and(|uri| uri.starts_with(base)), "{payload}");
    let binding: Value = serde_json::from_str(&host.client_binding().expect("the binding")).expect("JSON");
    assert_eq!(binding["baseUrl"], base);
}

#[tokio::test]
async fn pages_on_the_web_cannot_use_local_rpc() {
    let host = Host::start(without_app(vec!["--rpc-port=0"])).await;
    let uri = host.rpc_uri("/instances");
    for headers in [[("host", "evil.example")], [("origin", "https://evil.example")], [("x-forwarded-for", "10.0.0.1")]] {
        let refused = get_with(&host, &uri, &headers).await.expect(403).json();
        assert!(refused["Message"].is_string(), "{headers:?}");
    }
    get_with(&host, &uri, &[("host", "localhost")]).await.expect(200);
}

#[tokio::test]
async fn the_client_binding_is_printed_as_the_libraries_read_it() {
    let host = Host::start(without_app(vec!["--rpc-port=0"])).await;
    let binding: Value = serde_json::from_str(&host.client_binding().expect("the binding")).expect("JSON");
    let base = host.management_uri("");
    let hub = "taskHub=TestHubName&connection=Storage";
    let instance = format!("{base}/instances/INSTANCEID");
    let expected = json!({
        "taskHubName": "TestHubName",
        "connectionName": "Storage",
        "creationUrls": {
            "createNewInstancePostUri": format!("{base}/orchestrators/{{functionName}}[/{{instanceId}}]?"),
            "createAndWaitOnNewInstancePostUri":
                format!("{base}/orchestrators/{{functionName}}[/{{instanceId}}]?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&"),
        },
        "managementUrls": {
            "id": "INSTANCEID",
            "statusQueryGetUri": format!("{instance}?{hub}"),
            "sendEventPostUri": format!("{instance}/raiseEvent/{{eventName}}?{hub}"),
            "terminatePostUri": format!("{instance}/terminate?reason={{text}}&{hub}"),
            "rewindPostUri": format!("{instance}/rewind?reason={{text}}&{hub}"),
            "purgeHistoryDeleteUri": format!("{instance}?{hub}"),
            "restartPostUri": format!("{instance}/restart?{hub}"),
            "suspendPostUri": format!("{instance}/suspend?reason={{text}}&{hub}"),
            "resumePostUri": format!("{instance}/resume?reason={{text}}&{hub}"),
        },
        "baseUrl": base,
        "requiredQueryStringParameters": "",
        "rpcBaseUrl": format!("{}/", host.rpc_uri("")),
        "httpBaseUrl": null,
    });
    assert_eq!(binding, expected);
    let file: Value = serde_json::from_slice(&std::fs::read(host.data().join("addresses.json")).expect("the file")).expect("JSON");
    assert_eq!((&file["address"], &file["rpcBaseUrl"]), (&json!(host.address()), &binding["rpcBaseUrl"]));
}

#[tokio::test]
async fn without_local_rpc_the_binding_names_none() {
    let host = Host::start(without_app(vec!["--rpc-port=off"])).await;
    let binding: Value = serde_json::from_str(&host.client_binding().expect("the binding")).expect("JSON");
    assert_eq!(binding.get("rpcBaseUrl"), None);
    assert!(host.output().iter().all(|line| !line.contains("Local RPC")), "{:?}", host.output());
    let stranger = get_with(&host, &host.uri("/admin/client-binding"), &[("host", "evil.example")]).await.expect(403).json();
    assert!(stranger["Message"].is_string(), "{stranger}");
}

#[tokio::test]
async fn a_port_for_local_rpc_that_is_taken_is_an_error_at_start() {
    let first = Host::start(without_app(vec!["--rpc-port=0"])).await;
    let uri: http::Uri = first.rpc_uri("").parse().expect("an address");
    let port = uri.port_u16().expect("a port").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = longhaul_command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port", &port, "--data"]).arg(folder.path());
    let output = command.output().expect("the program can be run");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(&port) && error.contains("--rpc-port"), "{error}");
}

#[tokio::test]
async fn forwarded_host_and_scheme_count_together_and_only_where_they_are_believed() {
    let both = [("x-forwarded-host", "longhaul.example"), ("x-forwarded-proto", "https")];
    let host = hello(vec!["--use-forwarded-host", "--auth=none"]).await;
    host.start_with_id("WaitForGo", "a", &json!({})).await;
    let uri = host.management_uri("/instances/a");
    let location = |answer: e2e::Answer| answer.header("location").to_owned();
    let forwarded = location(get_with(&host, &uri, &both).await);
    assert_eq!(forwarded, "https://longhaul.example/runtime/webhooks/durabletask/instances/a");
    for headers in [vec![both[0]], vec![both[1]], vec![both[0], ("x-forwarded-proto", "gopher")]] {
        assert_eq!(location(get_with(&host, &uri, &headers).await), uri, "{headers:?}");
    }
    let careful = hello(vec![]).await;
    careful.start_with_id("WaitForGo", "a", &json!({})).await;
    let uri = careful.management_uri("/instances/a");
    assert_eq!(location(get_with(&careful, &uri, &both).await), uri);
    // Whoever comes through a proxy may not deploy, even if the proxy is on this machine.
    get_with(&careful, &careful.uri("/admin/deployments"), &both).await.expect(403);
}

#[tokio::test]
async fn a_host_that_asks_for_keys_lets_libraries_in_by_their_binding() {
    let host = hello(vec!["--rpc-port=0", "--auth=keys", "--links=system-key"]).await;
    let binding: Value = serde_json::from_str(&host.client_binding().expect("the command line finds the key")).expect("JSON");
    let (base, required) =
        (binding["rpcBaseUrl"].as_str().expect("a base"), binding["requiredQueryStringParameters"].as_str().expect("a key"));
    host.http().send(Method::GET, &host.rpc_uri("/instances")).await.expect_empty(401);
    host.http().send(Method::GET, &host.management_uri("/instances")).await.expect_empty(401);
    let started = host.http().send_json(Method::POST, &format!("{base}orchestrators/WaitForGo/a"), &json!({})).await.expect(202).json();
    // The one key stands in every address, as in Azure, and none of it in what the host writes down for everybody.
    let status = started["statusQueryGetUri"].as_str().expect("an address");
    assert!(status.ends_with(required), "{status}");
    host.http().send(Method::GET, status).await.expect(202);
    host.http().send(Method::GET, &host.management_uri(&format!("/instances?{required}"))).await.expect(200);
    let file = std::fs::read_to_string(host.data().join("addresses.json")).expect("the file");
    let key = required.strip_prefix("code=").expect("a key");
    assert!(!file.contains(key) && !host.output().join("\n").contains(key) && !host.log().contains(key));
    host.command(&["keys", "rotate", "system", "client-binding"]).expect("a new key");
    host.http().send(Method::GET, status).await.expect_empty(401);
    host.http().send(Method::GET, &format!("{base}instances")).await.expect_empty(401);
}
