//! `LongSequence`: a long history, made live and then replayed.
//!
//! An ended instance is never replayed, so one that has not ended is needed, and it must end by itself as soon as the replay is done.
//! The rows of an instance that the host has finished, without the last one, are exactly that: every step but the last
//! is in the log, the last activity is asked for and not answered. Planted under new ids, such chains are what a host finds after
//! a crash. It replays each to the end, runs the one activity and completes. The same with a short chain is the baseline: start-up, the
//! last activity and the last commit are in both, so the difference is the replay.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use longhaul_core::InstanceId;

use super::sum_of_squares;
use crate::client::{Call, Connection};
use crate::floor::{Floor, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "LongSequence";
const STEPS: u64 = 10_000;
const QUICK_STEPS: u64 = 3_000;
const BASELINE_STEPS: u64 = 2;
/// Steps of one of the sequences that are timed live, and how many of these.
const LIVE_STEPS: u64 = 1_000;
const LIVE_RUNS: usize = 4;
/// Chains that are replayed side by side.
const SIDE_BY_SIDE: usize = 10;
/// How often an instance is asked whether it has ended. Short against what is measured.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Restarts of which the middle one counts.
const RESTARTS: usize = 3;

/// A long sequence live, then replayed alone and ten side by side.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let steps = setup.size(STEPS, QUICK_STEPS);
    let long = Sequence::make(setup, steps).await?;
    let short = Sequence::make(setup, BASELINE_STEPS).await?;
    let (live, live_floor) = live(setup, &long).await?;
    let alone = difference(setup, &long, &short, 1).await?;
    let together = difference(setup, &long, &short, SIDE_BY_SIDE).await?;
    let rate = |count: usize, time: Duration| count as f64 * (steps - BASELINE_STEPS) as f64 / time.as_secs_f64();
    Ok(vec![
        Figure::rate("steps live, one after the other", live.per_second() * LIVE_STEPS as f64)
            .over(live_floor.per_second() * LIVE_STEPS as f64),
        Figure::ms(format!("{steps} steps after a restart: replay"), alone.replay).over_time(alone.read),
        Figure::rate("replayed steps, one instance", rate(1, alone.replay)).over(rate(1, alone.read)),
        Figure::rate(format!("replayed steps, {SIDE_BY_SIDE} instances at a time"), rate(SIDE_BY_SIDE, together.replay))
            .over(rate(SIDE_BY_SIDE, together.read)),
        Figure::ms(format!("{steps} steps after a restart: from start to end"), alone.whole),
        Figure::new("rows of the history", long.template.len() as f64, Unit::Count),
    ])
}

/// A sequence that was run live.
struct Sequence {
    folder: tempfile::TempDir,
    template: Template,
}

async fn run_live(host: &Host, steps: u64) -> anyhow::Result<Sample> {
    let mut client = Clients::connect(host.address, 1).await?;
    let expected = sum_of_squares(steps).to_string();
    let call = move |_| Call::start_and_wait(ORCHESTRATION, &steps.to_string());
    client.run(Until::Count(1), call, move |answer| answer.expect_output(&expected)).await
}

impl Sequence {
    async fn make(setup: &Setup, steps: u64) -> anyhow::Result<Self> {
        let folder = setup.folder("replay")?;
        let host = Host::start(setup, folder.path()).await?;
        run_live(&host, steps).await?;
        host.stop().await?;
        let template = Template::read(folder.path(), ORCHESTRATION, &steps.to_string()).await?;
        Ok(Self { folder, template })
    }

    /// Plants `count` unfinished copies, and starts the host on them. The middle of several tries.
    async fn recover(&self, setup: &Setup, count: usize) -> anyhow::Result<Recovery> {
        let data = self.folder.path();
        let unfinished = self.template.first(self.template.len() - 1);
        let (mut whole, mut read) = (Vec::new(), Vec::new());
        for _ in 0..setup.size(RESTARTS, 1) {
            let floor = Floor::open(data).await?;
            let mut planted = Vec::new();
            for _ in 0..count {
                planted.push(floor.plant(&unfinished).await?);
            }
            floor.close().await?;
            let floor = Floor::open(data).await?;
            read.push(floor.read(&planted).await?);
            floor.close().await?;
            whole.push(until_ended(setup, data, &planted).await?);
        }
        Ok(Recovery { whole: Sample::sequence(whole).median(), read: Sample::sequence(read).median() })
    }
}

struct Recovery {
    /// From the start of the process until all have ended.
    whole: Duration,
    /// Reading the rows alone.
    read: Duration,
}

struct Replay {
    whole: Duration,
    replay: Duration,
    read: Duration,
}

async fn difference(setup: &Setup, long: &Sequence, short: &Sequence, count: usize) -> anyhow::Result<Replay> {
    let (long, short) = (long.recover(setup, count).await?, short.recover(setup, count).await?);
    let replay = long.whole.saturating_sub(short.whole).max(POLL_INTERVAL);
    Ok(Replay { whole: long.whole, replay, read: long.read })
}

/// Starts the host and waits until all these instances have completed.
async fn until_ended(setup: &Setup, data: &Path, ids: &[InstanceId]) -> anyhow::Result<Duration> {
    let host = Host::start(setup, data).await?;
    let mut connection = Connection::open(host.address).await?;
    for id in ids {
        loop {
            let answer = connection.call(Call::status(id.as_str())).await?;
            if answer.status != 202 {
                answer.expect_status(200)?;
                let status = answer.json()?;
                ensure!(status["runtimeStatus"] == "Completed", "instance {id} ended otherwise: {status}");
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    let took = host.spawned.elapsed();
    host.stop().await?;
    Ok(took)
}

/// Shorter sequences live, in turns with their floor: each row in a commit of its own.
async fn live(setup: &Setup, sequence: &Sequence) -> anyhow::Result<(Sample, Sample)> {
    let template = sequence.template.first(usize::try_from(LIVE_STEPS)?);
    let folder = setup.folder("replay-floor")?;
    let floor = Floor::open(folder.path()).await?;
    let host = Host::start(setup, sequence.folder.path()).await?;
    let (mut live, mut least) = (Vec::new(), Vec::new());
    for _ in 0..setup.size(LIVE_RUNS, 1) {
        live.push(run_live(&host, LIVE_STEPS).await?);
        least.push(floor.write(&template, &template.one_by_one(), 1, Until::Count(1)).await?.rounds);
    }
    host.stop().await?;
    floor.close().await?;
    Ok((Sample::joined(&live), Sample::joined(&least)))
}
