//! A host that is asked to stop, and one that finds its data in use.

use std::time::Duration;

use e2e::{Apps, Host, HostOptions, Program, Sample, longhaul_command, text};
use serde_json::json;

#[tokio::test]
async fn a_stop_is_clean_and_work_goes_on_after_the_next_start() {
    let host = Host::with_app(&Apps::hello_cities()).await;
    let waiting = host.start_orchestration("WaitForGo", &json!({})).await;
    let mut busy = Vec::new();
    for _ in 0..5 {
        busy.push(host.start_orchestration("LongSequence", &json!(1_000)).await);
    }
    assert!(host.stop().await.success());
    host.start_again().await;
    for id in busy {
        assert_eq!(host.output_of(&id).await, json!(333_833_500));
    }
    host.raise(&waiting, "go", &json!("on")).await.expect_empty(202);
    assert_eq!(host.output_of(&waiting).await, "on");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_an_activity_which_runs_again_later() {
    let sample = Sample::with_delay(Duration::from_secs(5), Vec::new()).await;
    let id = text(&sample.begin(&json!({"maxAttempts": 1})).await, "id");
    sample.jobs.until_requests(1).await;
    assert!(sample.host.stop().await.success());
    sample.host.start_again().await;
    sample.until_waiting(&id, 1).await;
    sample.jobs.until_requests(2).await;
}

#[tokio::test]
async fn a_stop_waits_for_no_guest_that_does_not_return() {
    let arguments = vec!["--turn-deadline-ms=600000", "--guest-threads=1"];
    let host = Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments }).await;
    // The one guest thread takes these in their order, so what ends shows that the one before spins.
    host.start_with_id("Misbehaving", "spins", &json!("spin")).await;
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    host.start_with_id("Misbehaving", "asks", &json!("ask entity spin")).await;
    assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
    for _ in 0..2 {
        assert!(host.stop().await.success());
        host.start_again().await;
        assert_eq!(host.start_and_wait("Misbehaving", &json!("behave")).await, "well");
        for (id, expected) in [("spins", "Pending"), ("asks", "Running")] {
            let status = host.status(id).await;
            assert_eq!((&status["runtimeStatus"], &status["parkedReason"]), (&json!(expected), &json!(null)), "{id}");
        }
    }
    let log = host.log();
    assert!(log.contains("their turns are taken again after the next start"), "{log}");
    assert!(!log.contains("EntityStopped") && !log.contains("a turn came to nothing"), "{log}");
}

#[tokio::test]
async fn a_second_host_on_the_same_data_is_refused_and_told_who_has_it() {
    let host = Host::with_app(&Apps::hello_cities()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = longhaul_command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=off", "--data"]).arg(host.data());
    let mut second = Program::spawn("the second host", command, &folder.path().join("stderr.log"));
    let exit = second.ended(Duration::from_secs(30)).await;
    assert!(!exit.success());
    let told = second.stderr();
    assert!(told.contains(&format!("pid {}", host.process_id())) && told.contains("longhaul.db"), "{told}");
    assert!(second.stdout().is_empty(), "{:?}", second.stdout());
    let id = host.start_orchestration("FanOut", &json!(2)).await;
    assert_eq!(host.output_of(&id).await, json!(5), "the first host is not disturbed");
}
