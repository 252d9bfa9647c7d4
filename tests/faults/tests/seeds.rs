//! Two seeds at a small scale; `cargo run -p faults` has more.

use std::time::Duration;

use faults::Run;
use faults::disk::strace_works;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_as_foretold_with_and_without_faults() {
    for seed in [8, 21] {
        match faults::round(Run { seed, scale: 32, spread: Duration::from_secs(5), strace: strace_works() }).await {
            Ok(passed) => println!("seed {seed}: {passed:?}"),
            Err(failed) => panic!("seed {seed} failed; what it left is in {}\n{}", failed.folder.display(), failed.violations.join("\n")),
        }
    }
}
