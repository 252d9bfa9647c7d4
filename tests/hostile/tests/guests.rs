//! Every broken guest against one host, honest ones among them.

use e2e::{Apps, Host, HostOptions, eventually};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_guests_come_to_the_right_outcome_and_harm_nobody_else() {
    let rows = [hostile::guests::broken(), hostile::guests::honest()].concat();
    let count = rows.len();
    let wrong = hostile::guests::run(rows).await;
    assert!(wrong.is_empty(), "{} of {count} rows:\n{}", wrong.len(), wrong.join("\n"));
}

/// A guest that needs more memory than it may have is set aside; an operator gives it more and lets it go on.
#[tokio::test]
async fn an_instance_that_was_set_aside_goes_on_once_the_cause_is_mended_and_it_is_resumed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("host.toml");
    let with_memory = |bytes: usize| std::fs::write(&file, format!("orchestrator-memory-bytes = {bytes}\n")).expect("a settings file");
    with_memory(16 << 20);
    let path: &'static str = Box::leak(file.to_string_lossy().into_owned().into_boxed_str());
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: vec!["--config", path] }).await;
    host.start_with_id("Misbehaving", "hungry", &json!("wait eat 32 MiB")).await;
    host.until_running("hungry").await;
    host.raise("hungry", "Go", &json!(1)).await.expect_empty(202);
    let parked = async || {
        eventually("the instance to be set aside", std::time::Duration::from_secs(60), || async {
            let status = host.status("hungry").await;
            status["parkedReason"].as_str().map(str::to_owned).ok_or_else(|| status.to_string())
        })
        .await
    };
    assert!(parked().await.contains("16777216 bytes of memory"));
    // Resumed without a change it comes to the same; events are taken meanwhile.
    host.raise("hungry", "Other", &json!(1)).await.expect_empty(202);
    host.post("/instances/hungry/resume?reason=again").await.expect_empty(202);
    assert!(parked().await.contains("16777216 bytes of memory"));
    with_memory(128 << 20);
    host.crash().await;
    assert!(parked().await.contains("16777216 bytes of memory"), "it stays as it was until somebody says so");
    host.post("/instances/hungry/resume?reason=more%20memory").await.expect_empty(202);
    assert_eq!(host.output_of("hungry").await, "well");
    assert!(host.status("hungry").await.get("parkedReason").is_none());
}
