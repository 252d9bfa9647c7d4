//! Bodies of requests, as clients of all kinds write them.

use e2e::{Apps, Host};
use http::Method;
use serde_json::json;

async fn hello() -> Host {
    Host::with_app(&Apps::hello_cities()).await
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let host = hello().await;
    let uri = host.management_uri("/orchestrators/WaitForGo/marked");
    host.http().send_text(Method::POST, &uri, "application/json", "\u{feff}{\"timeoutSeconds\": 600}").await.expect(202);
    let status = host.until_status("marked", "Running").await;
    assert_eq!(status["input"], json!({"timeoutSeconds": 600}));
}
