//! New deployments leave running instances alone, and a refused one changes nothing.

use e2e::{AppFolder, Apps, Host, HostOptions};
use http::Method;
use serde_json::{Value, json};

const BUNDLE: &str = "application/vnd.longhaul.deployment";

/// The test guests with the second version of `ShapeShifter`.
fn changed() -> AppFolder {
    Apps::test_guests().with_manifest(|text| text.replace("shape_shifter_v1", "shape_shifter_v2"))
}

async fn deployments(host: &Host) -> Value {
    host.http().send(Method::GET, &host.uri("/admin/deployments")).await.expect(200).json()
}

async fn old_instances_finish_on_old_code(arguments: Vec<&'static str>) {
    let app = Apps::test_guests();
    let host = Host::start(HostOptions { app: Some(&app), arguments }).await;
    host.start_with_id("ShapeShifter", "old", &json!(1)).await;
    let told = host.deploy(&changed()).expect("the changed app is taken");
    assert!(told.contains("deployment 2") && told.contains("ShapeShifter: orchestrationTrigger"), "{told}");
    host.start_with_id("ShapeShifter", "new", &json!(1)).await;
    host.raise("new", "go", &json!(1)).await.expect_empty(202);
    assert_eq!(host.output_of("new").await, "Sculpt");
    host.start_with_id("ShapeShifter", "newer", &json!(1)).await;
    host.crash().await;
    for (id, activity) in [("old", "Paint"), ("newer", "Sculpt")] {
        host.raise(id, "go", &json!(1)).await.expect_empty(202);
        assert_eq!(host.output_of(id).await, activity);
    }
    // An id that is used again begins on what is current then.
    host.start_with_id("ShapeShifter", "old", &json!(1)).await;
    host.raise("old", "go", &json!(1)).await.expect_empty(202);
    let again = host.until("old", "the new execution to complete", |status| status["output"] == "Sculpt").await;
    assert_eq!(again["runtimeStatus"], "Completed");
}

#[tokio::test]
async fn instances_finish_on_the_deployment_that_they_began_on() {
    old_instances_finish_on_old_code(Vec::new()).await;
}

#[tokio::test]
async fn they_do_when_every_turn_begins_with_a_replay() {
    old_instances_finish_on_old_code(vec!["--evict-after-every-turn"]).await;
}

#[tokio::test]
async fn deploying_the_same_twice_makes_no_new_deployment() {
    let host = Host::with_app(&Apps::hello_cities()).await;
    let before = deployments(&host).await;
    assert_eq!((before.as_array().map(Vec::len), &before[0]["isCurrent"]), (Some(1), &json!(true)));
    let told = host.deploy(&Apps::hello_cities()).expect("it is taken");
    assert!(told.contains("deployment 1"), "{told}");
    assert_eq!(deployments(&host).await, before);
}

/// Tries to deploy `app` on a host that has a good one, and returns what was said.
async fn refusal_of(app: &AppFolder) -> String {
    let host = Host::with_app(&Apps::hello_cities()).await;
    let before = deployments(&host).await;
    let told = host.deploy(app).expect_err("the app must be refused");
    assert_eq!(deployments(&host).await, before, "a refused deployment changed something");
    assert_eq!(host.start_and_wait("FanOut", &json!(2)).await, json!(5));
    host.crash().await;
    assert_eq!(deployments(&host).await, before);
    told
}

#[tokio::test]
async fn an_orchestrator_that_could_send_requests_is_refused_by_the_name_of_its_import() {
    let app = Apps::test_guests().with_manifest(|text| text.replace("shape_shifter_v1", "outgoing_orchestrator"));
    let told = refusal_of(&app).await;
    for part in ["`wasi:http/", "ShapeShifter", "outgoing_orchestrator"] {
        assert!(told.contains(part), "`{part}` is missing: {told}");
    }
}

#[tokio::test]
async fn a_component_of_the_wrong_kind_is_refused() {
    let app = Apps::test_guests().with_manifest(|text| text.replace("shape_shifter_v1", "misbehaving_entity"));
    let told = refusal_of(&app).await;
    assert!(told.contains("ShapeShifter") && told.contains("orchestrator"), "{told}");
}

#[tokio::test]
async fn a_missing_component_is_named() {
    let app = Apps::test_guests().with_manifest(|text| text.replace("shape_shifter_v1", "forgotten"));
    let told = refusal_of(&app).await;
    assert!(told.contains("components/forgotten.wasm"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_no_component_is_named() {
    let app = Apps::test_guests().with_manifest(|text| text);
    std::fs::write(app.path().join("components/shape_shifter_v1.wasm"), "hello").expect("the component can be replaced");
    let told = refusal_of(&app).await;
    assert!(told.contains("ShapeShifter") && told.contains("not a WebAssembly component"), "{told}");
}

#[tokio::test]
async fn an_unknown_key_of_a_manifest_is_named_with_its_line() {
    let app =
        Apps::test_guests().with_manifest(|text| text.replace("name = \"ShapeShifter\"", "name = \"ShapeShifter\"\ncolour = \"red\""));
    let told = refusal_of(&app).await;
    assert!(told.contains("colour") && told.contains("line "), "{told}");
}

#[tokio::test]
async fn the_host_checks_what_a_client_may_have_skipped() {
    let host = Host::with_app(&Apps::hello_cities()).await;
    let before = deployments(&host).await;
    let manifest = "[app]\nname = \"raw\"\n[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"main.wasm\"\n";
    for (manifest, named) in [
        (manifest, "main.wasm"),
        ("[app]\nname = \"raw\"\nversion = 7\n", "version"),
        ("[app]\nname = \"raw\"\n", "[[function]]"),
        ("nonsense", "line 1"),
    ] {
        let body = format!("{}\n", json!({"manifest": manifest, "components": []}));
        let answer = host.http().administer(&host, "/admin/deployments", Some(BUNDLE), &body).await.expect(400);
        assert!(answer.text().contains(named), "`{named}` is missing: {}", answer.text());
    }
    let send = async |kind: &str, body: &str| host.http().administer(&host, "/admin/deployments", Some(kind), body).await.status;
    assert_eq!(send(BUNDLE, "no bundle").await, 400);
    assert_eq!(send("application/json", "{}").await, 415);
    assert_eq!(deployments(&host).await, before);
}

#[tokio::test]
async fn a_host_without_an_app_says_what_to_do() {
    let host = Host::start(HostOptions::default()).await;
    let refused = host.post("/orchestrators/HelloSequence").await.expect(400).json();
    assert!(refused["ExceptionMessage"].as_str().is_some_and(|text| text.contains("longhaul deploy")), "{refused}");
    host.deploy(&Apps::hello_cities()).expect("the app is taken");
    assert_eq!(host.start_and_wait("FanOut", &json!(2)).await, json!(5));
}
