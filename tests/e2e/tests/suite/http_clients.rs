//! Requests exactly as the Python and JavaScript libraries of Azure Durable Functions send them.

use e2e::{Apps, Host};
use http::Method;
use serde_json::{Value, json};

const OCTETS: &str = "application/octet-stream";
const JSON: &str = "application/json";

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

async fn post(host: &Host, path: &str, content_type: &str, body: &str) -> e2e::Answer {
    host.http().send_text(Method::POST, &host.management_uri(path), content_type, body).await
}

#[tokio::test]
async fn python_starts_without_input_by_no_body_of_no_particular_type() {
    let host = hello().await;
    let id = post(&host, "/orchestrators/HelloSequence", OCTETS, "").await.expect(202).json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(host.until_status(&id, "Completed").await["input"], Value::Null);
}

#[tokio::test]
async fn python_sends_every_input_as_a_text_that_holds_json() {
    let host = hello().await;
    post(&host, "/orchestrators/WaitForGo/py", JSON, r#""{\"timeoutSeconds\": 600}""#).await.expect(202);
    let status = host.get("/instances/py?showInput=True").await.json();
    assert_eq!(status["input"], r#"{"timeoutSeconds": 600}"#);
}

#[tokio::test]
async fn python_raises_events_twice_encoded_and_none_as_the_text_null() {
    let host = hello().await;
    for (id, body, output) in [("one", r#""{\"a\": 1}""#, json!(r#"{"a": 1}"#)), ("none", r#""null""#, json!("null"))] {
        host.start_with_id("WaitForGo", id, &json!({})).await;
        post(&host, &format!("/instances/{id}/raiseEvent/go"), JSON, body).await.expect_empty(202);
        assert_eq!(host.output_of(id).await, output);
    }
}

#[tokio::test]
async fn python_terminates_with_a_quoted_reason_and_an_empty_body() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "t", &json!({})).await;
    post(&host, "/instances/t/suspend?reason=a%20%26%20b", OCTETS, "").await.expect_empty(202);
    host.until_status("t", "Suspended").await;
    post(&host, "/instances/t/resume?reason=", OCTETS, "").await.expect_empty(202);
    post(&host, "/instances/t/terminate?reason=a%20%26%20b", OCTETS, "").await.expect_empty(202);
    assert_eq!(host.until_status("t", "Terminated").await["output"], "a & b");
}

#[tokio::test]
async fn python_lists_with_six_digits_of_fraction() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "listed", &json!({})).await;
    let window = "createdTimeFrom=2020-01-02T03:04:05.000006Z&createdTimeTo=2999-01-02T03:04:05.000006Z";
    let found = host.get(&format!("/instances/?{window}&runtimeStatus=Running,Completed")).await.expect(200).json();
    assert_eq!((found.as_array().map(Vec::len), &found[0]["instanceId"]), (Some(1), &json!("listed")));
}

#[tokio::test]
async fn javascript_starts_without_input_by_an_empty_text() {
    let host = hello().await;
    post(&host, "/orchestrators/HelloSequence/js", JSON, r#""""#).await.expect(202);
    assert_eq!(host.until_status("js", "Completed").await["input"], "");
}

#[tokio::test]
async fn javascript_raises_without_data_by_no_body() {
    let host = hello().await;
    host.start_with_id("WaitForGo", "js", &json!({})).await;
    post(&host, "/instances/js/raiseEvent/go", JSON, "").await.expect_empty(202);
    assert_eq!(host.output_of("js").await, Value::Null);
}
