//! A host whose disk fails refuses what it cannot keep, trusts nothing that it had open, and goes on by itself.

use std::time::Duration;

use e2e::{Apps, Host, eventually};
use faults::disk::strace_works;
use faults::nemesis::Injection;
use http::Method;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);

async fn refuses_and_goes_on(calls: &str) {
    if !strace_works() {
        return println!("skipped: this process may not trace others");
    }
    let host = Host::with_app(&Apps::hello_cities()).await;
    host.start_with_id("HelloSequence", "before", &json!(null)).await;
    host.output_of("before").await;
    let start = async |id: &str| {
        let uri = host.management_uri(&format!("/orchestrators/HelloSequence/{id}"));
        host.http().try_send_json(Method::POST, &uri, &json!(null)).await.expect("an answer")
    };

    let injection = Injection::begin(host.process_id(), calls, "error=EIO").expect("strace starts");
    // strace takes a moment to attach. Each of these may be started or not, and is told apart by its answer.
    let mut accepted = vec!["before".to_owned()];
    let refused = async {
        loop {
            let id = format!("during-{}", accepted.len());
            match start(&id).await.status {
                202 => accepted.push(id),
                _ => return,
            }
        }
    };
    tokio::time::timeout(LIMIT, refused).await.expect("a start is refused while the disk fails");
    let again = start("refused").await;
    assert_eq!(again.status, 503, "a host whose disk fails says so: {}", again.text());
    assert_eq!(host.get("/instances/before").await.status, 200, "it can still be asked");
    injection.end();

    eventually("a start to be accepted again", LIMIT, || async {
        let answer = start("after").await;
        if answer.status == 202 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    host.output_of("after").await;
    assert!(host.log().contains("opened the database again after a failure"), "the handle was trusted on");
    host.crash().await;
    accepted.push("after".to_owned());
    for id in &accepted {
        host.output_of(id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_cannot_synchronise_refuses_and_goes_on_from_the_log() {
    refuses_and_goes_on("fdatasync,fsync").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_cannot_write_refuses_and_goes_on_from_the_log() {
    refuses_and_goes_on("pwrite64").await;
}
