//! Many callers at once who each ask for what they may: the host stays within the sum of its budgets, in a memory cgroup if one can be made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use http::Method;
use serde_json::json;
use tokio::task::JoinSet;

const MIB: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(120);
/// The budgets that the host is given: for instances, bodies, answers, and guests at work.
const ARGUMENTS: [&str; 5] = [
    "--instance-memory-bytes=104857600",
    "--body-memory-bytes=67108864",
    "--answer-memory-bytes=67108864",
    "--guest-memory-bytes=134217728",
    "--max-page-bytes=4194304",
];
/// Their sum, with what has no setting: records that the tables do not show yet, and what is read into memory.
const BUDGETS_MIB: usize = 100 + 64 + 64 + 128 + 64 + 25;
/// The program itself with its caches, and what is copied on its way from one budget to the next.
const BESIDES_MIB: usize = 300;
/// Waiting instances with a megabyte of input each. By their number alone they took four times as much memory.
const INSTANCES: usize = 300;

/// A control group that ends what takes more memory than it may.
struct Group(PathBuf);

impl Group {
    /// `None` where none can be made.
    fn new(process: u32, limit_mib: usize) -> Option<Self> {
        let folder = Path::new("/sys/fs/cgroup/memory").join(format!("longhaul-test-{process}"));
        std::fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        std::fs::write(group.0.join("memory.limit_in_bytes"), (limit_mib * MIB).to_string()).ok()?;
        std::fs::write(group.0.join("cgroup.procs"), process.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel removes it once the process in it has gone.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The most that the process ever had in memory.
fn peak_mib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the host runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") >> 10
}

/// Sends a request until there is room for it.
async fn until_taken(host: &Host, method: Method, uri: &str, body: &str) {
    let what = format!("{method} {uri} to be taken");
    eventually(&what, LIMIT, || async {
        let request = http::Request::builder().method(method.clone()).uri(uri).header("content-type", "application/json");
        let request = request.body(body.to_owned().into()).expect("a request");
        match host.http().try_request(request).await {
            Ok(answer) if answer.status == 200 || answer.status == 202 => Ok(()),
            Ok(answer) if answer.status == 429 || answer.status == 503 => Err(format!("there is no room: {}", answer.text())),
            Ok(answer) => panic!("{}: {}", answer.status, answer.text()),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_stays_within_the_sum_of_its_budgets() {
    let host = std::sync::Arc::new(Host::start(HostOptions { app: Some(&Apps::test_guests()), arguments: ARGUMENTS.to_vec() }).await);
    let process = host.process_id();
    let _group = Group::new(process, BUDGETS_MIB + BESIDES_MIB);
    let input = std::sync::Arc::new(json!(format!("wait {}", "x".repeat(MIB))).to_string());
    let mut works = JoinSet::new();
    for worker in 0..8 {
        let (host, input) = (host.clone(), input.clone());
        works.spawn(async move {
            for number in (worker..INSTANCES).step_by(8) {
                let uri = host.management_uri(&format!("/orchestrators/Misbehaving/i{number:04}"));
                until_taken(&host, Method::POST, &uri, &input).await;
            }
        });
    }
    works.join_all().await;

    let long = std::sync::Arc::new(json!(format!("wait {}", "x".repeat(20 * MIB))).to_string());
    let mut works = JoinSet::new();
    for worker in 0..16 {
        let (host, long) = (host.clone(), long.clone());
        works.spawn(async move {
            let list = host.management_uri(&format!("/instances?top=1000&instanceIdPrefix=i{:03}", worker % 3));
            until_taken(&host, Method::GET, &list, "").await;
            if worker % 4 == 0 {
                until_taken(&host, Method::POST, &host.management_uri(&format!("/orchestrators/Misbehaving/long{worker}")), &long).await;
            }
            let status = host.management_uri(&format!("/instances/i{worker:04}?showHistory=true&showHistoryOutput=true"));
            until_taken(&host, Method::GET, &status, "").await;
        });
    }
    works.join_all().await;
    assert_eq!(host.process_id(), process, "the host is another process");
    let peak = peak_mib(process);
    assert!(peak < BUDGETS_MIB + BESIDES_MIB, "the host had {peak} MiB in memory; its budgets are {BUDGETS_MIB} MiB");
    println!("at most {peak} MiB");
}
