//! Some of the writes of some scenarios; `cargo run -p faults -- writes` has all of all.

use std::path::Path;

use faults::disk::strace_works;
use faults::scenario::Scenario;
use faults::{Counted, writes};

async fn killed_at_some_writes(scenario: Scenario, step: u64) {
    // What strace may, the tracer may.
    if !strace_works() {
        return println!("skipped: this process may not trace others");
    }
    match writes::every(scenario, step, Path::new(env!("CARGO_BIN_EXE_faults"))).await {
        Ok(Counted { writes, kills }) => assert!(kills > 1, "only {kills} of {writes} writes were reached"),
        Err(failed) => panic!("what it left is in {}\n{}", failed.folder.display(), failed.violations.join("\n")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_whole_whichever_write_was_the_last() {
    killed_at_some_writes(Scenario::Transfer, 9).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_is_made_up_for_whichever_write_was_the_last() {
    killed_at_some_writes(Scenario::FirstStart, 41).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_what_was_answered_whichever_write_was_the_last() {
    killed_at_some_writes(Scenario::Keys, 11).await;
}
