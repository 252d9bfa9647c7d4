//! The workloads, one file each. A new one is a file with a `pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>>` and a line
//! in [`ALL`].

mod counting;
mod disk;
mod disk_use;
mod fan_out;
mod hello;
mod inside;
mod reading;
mod sequence;
mod sleeping;
mod start_up;
mod timers;
mod waiting;

use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use longhaul_core::RuntimeStatus;

use crate::client::{Call, Connection};
use crate::floor::Template;
use crate::host::Host;
use crate::report::Figure;
use crate::setup::Setup;

/// What a workload's `run` returns.
pub type Running<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Figure>>> + 'a>>;

/// Something to measure.
pub struct Workload {
    /// Its id on the command line and in the output.
    pub id: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Does it.
    pub run: for<'a> fn(&'a Setup) -> Running<'a>,
}

/// All workloads, in the order they run.
pub const ALL: &[Workload] = &[
    Workload { id: "disk", about: "what one durable write costs here", run: |setup| Box::pin(disk::run(setup)) },
    Workload { id: "W1", about: "three activities in sequence over HTTP, 1 to 1,024 at a time", run: |setup| Box::pin(hello::run(setup)) },
    Workload { id: "W1i", about: "the same started from inside, without HTTP", run: |setup| Box::pin(inside::run(setup)) },
    Workload { id: "W2", about: "1,000 to 100,000 activities in parallel", run: |setup| Box::pin(fan_out::run(setup)) },
    Workload { id: "W3", about: "up to 100,000 instances wait for an event, over a crash", run: |setup| Box::pin(waiting::run(setup)) },
    Workload { id: "W4", about: "up to 100,000 increments of entities", run: |setup| Box::pin(counting::run(setup)) },
    Workload { id: "W5", about: "up to 100,000 activities in sequence, live and replayed", run: |setup| Box::pin(sequence::run(setup)) },
    Workload { id: "W6", about: "10,000 timers due within one second", run: |setup| Box::pin(timers::run(setup)) },
    Workload { id: "W7", about: "what W1 leaves on the disk, and writes to it", run: |setup| Box::pin(disk_use::run(setup)) },
    Workload { id: "W8", about: "start, stop, deploy, memory of an idle host", run: |setup| Box::pin(start_up::run(setup)) },
    Workload { id: "W9", about: "status reads and lists while W1 runs", run: |setup| Box::pin(reading::run(setup)) },
    Workload { id: "W10", about: "a million sleeping instances", run: |setup| Box::pin(sleeping::run(setup)) },
];

/// How much more an item of the largest size may cost than one of a smaller size: beyond this, cost is not linear.
const FLAT: f64 = 1.2;
/// The orchestration of three activities, and its result.
const HELLO: &str = "HelloSequence";
const GREETINGS: &str = r#"["Hello Tokyo!","Hello Seattle!","Hello London!"]"#;
/// Longest wait for work that the host has accepted to be done.
const DONE_LIMIT: Duration = Duration::from_secs(300);

/// The sum that `FanOut` and `LongSequence` return.
fn sum_of_squares(n: u64) -> u64 {
    (1..=n).map(|number| number * number).sum()
}

/// Cost for each item at the largest size, against the cheapest of the other sizes.
fn flatness(what: &str, costs: &[Duration]) -> Option<Figure> {
    let (last, before) = costs.split_last()?;
    let least = before.iter().min()?;
    Some(Figure::times(format!("{what}: cost each at the largest size"), last.as_secs_f64() / least.as_secs_f64()).at_most(FLAT))
}

/// Asks for an instance every `interval` until its status is this one.
///
/// # Errors
/// When it ends otherwise, or is not so within five minutes.
async fn until_it_is(connection: &mut Connection, id: &str, wanted: &str, interval: Duration) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let answer = connection.call(Call::status(id)).await?;
        let status = answer.json()?;
        if status["runtimeStatus"] == wanted {
            return Ok(());
        }
        // 202 means that it has not ended.
        ensure!(answer.status == 202, "instance {id} is not {wanted}: {status}");
        ensure!(begun.elapsed() < DONE_LIMIT, "instance {id} is not {wanted} after {} s: {status}", DONE_LIMIT.as_secs());
        tokio::time::sleep(interval).await;
    }
}

/// The rows of an instance that has begun and now waits, made on a host of its own.
async fn begun(setup: &Setup, data: &Path, orchestration: &str, input: &str) -> anyhow::Result<Template> {
    let host = Host::start(setup, data).await?;
    let mut connection = Connection::open(host.address).await?;
    let answer = connection.call(Call::start(orchestration, input)).await?;
    answer.expect_status(202)?;
    let payload = answer.json()?;
    let id = payload["id"].as_str().with_context(|| format!("no id in {payload}"))?;
    until_it_is(&mut connection, id, "Running", Duration::from_millis(5)).await?;
    host.stop().await?;
    Template::read(data, orchestration, RuntimeStatus::Running).await
}

/// Runs one instance of [`HELLO`] and checks its output.
async fn hello_once(host: &Host) -> anyhow::Result<()> {
    let mut connection = Connection::open(host.address).await?;
    connection.call(Call::start_and_wait(HELLO, "")).await?.expect_output(GREETINGS)
}
