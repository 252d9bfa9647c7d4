//! All attacks at once against a host with default settings, in little: it stands, stays within its budgets, and a canary goes on.

use std::time::Duration;

use hostile::siege::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_under_all_attacks_at_once_stands_and_stays_within_its_budgets() {
    let report = run(Plan::small(1, Duration::from_secs(12))).await.expect("the siege begins");
    println!("{report}");
    assert!(report.wrong().is_empty(), "{report}");
    let requests: Vec<_> = report.requests().collect();
    assert!(requests.len() >= 5 && requests.iter().all(|(_, count)| *count > 0), "hardly anything was attacked: {report}");
}
