//! The workloads, one file each. A new one is a file with a `pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>>` and a line
//! in [`ALL`].

mod disk;
mod fan_out;
mod hello;
mod replay;
mod start_up;
mod waiting;

use std::pin::Pin;

use crate::report::Figure;
use crate::setup::Setup;

/// What a workload's `run` returns.
pub type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Figure>>> + 'a>>;

/// Something to measure.
pub struct Workload {
    /// Its name on the command line and in the output.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Does it.
    pub run: for<'a> fn(&'a Setup) -> Running<'a>,
}

/// All workloads, in the order they run.
pub const ALL: &[Workload] = &[
    Workload { name: "disk", about: "what one durable write costs here", run: |setup| Box::pin(disk::run(setup)) },
    Workload { name: "start-up", about: "binary, start, stop and memory of an idle host", run: |setup| Box::pin(start_up::run(setup)) },
    Workload { name: "hello", about: "three activities in sequence, 1, 64 and 256 at a time", run: |setup| Box::pin(hello::run(setup)) },
    Workload { name: "fan-out", about: "1,000 and 10,000 activities in parallel", run: |setup| Box::pin(fan_out::run(setup)) },
    Workload { name: "replay", about: "a history of 10,000 steps, live and replayed", run: |setup| Box::pin(replay::run(setup)) },
    Workload { name: "waiting", about: "10,000 instances that wait for an event", run: |setup| Box::pin(waiting::run(setup)) },
];

/// What `FanOut` and `LongSequence` return.
fn sum_of_squares(n: u64) -> u64 {
    (1..=n).map(|number| number * number).sum()
}
