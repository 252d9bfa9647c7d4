//! A host whose disk fails refuses what it cannot keep, trusts nothing that it had open, and goes on by itself.

use std::path::Path;
use std::time::Duration;

use e2e::{Apps, Host, eventually};
use faults::disk::{SmallDisk, strace_works};
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

/// Puts the data of a host that was stopped onto a small disk.
fn move_to_small_disk(data: &Path) -> Option<SmallDisk> {
    let beside = data.with_extension("beside");
    std::fs::create_dir(&beside).expect("a folder can be made");
    copy_files(data, &beside);
    let disk = SmallDisk::mount(data, false)?;
    copy_files(&beside, data);
    Some(disk)
}

fn copy_files(from: &Path, to: &Path) {
    let files = from.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    for file in files.filter(|path| path.is_file()) {
        std::fs::copy(&file, to.join(file.file_name().expect("a file has a name"))).expect("there is room for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_starts_on_a_full_disk_and_goes_on_once_there_is_room() {
    let host = Host::with_app(&Apps::hello_cities()).await;
    for number in 0..20 {
        host.start_with_id("HelloSequence", &format!("before-{number}"), &json!(null)).await;
    }
    host.output_of("before-19").await;
    host.kill();
    let Some(disk) = move_to_small_disk(&host.data()) else { return println!("skipped: this process may not mount a file system") };
    disk.fill();
    host.start_again().await;

    assert_eq!(host.get("/instances/before-0").await.status, 200, "it can be asked");
    let uri = host.management_uri("/orchestrators/HelloSequence/meanwhile");
    let refused = host.http().send_json(Method::POST, &uri, &json!(null)).await;
    assert!([503, 507].contains(&refused.status), "{}: {}", refused.status, refused.text());
    disk.make_room();
    eventually("a start to be accepted", LIMIT, || async {
        let answer = host.http().try_send_json(Method::POST, &uri, &json!(null)).await.expect("an answer");
        if answer.status == 202 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    host.output_of("meanwhile").await;
    for number in 0..20 {
        host.output_of(&format!("before-{number}")).await;
    }
    host.stop().await;
}
