//! W5. `LongSequence`: activities one after the other, live, and then replayed.
//!
//! The orchestration itself says how long each tenth of its steps took, so that a step that grows dearer shows.
//!
//! An ended instance is never replayed, so one that has not ended is needed, and it must end by itself as soon as the replay is done.
//! The rows of an instance that the host has finished, without the last one, are exactly that: every step but the last
//! is in the log, the last activity is asked for and not answered. Planted under new ids, such chains are what a host finds after
//! a crash. It replays each to the end, runs the one activity and completes. The same with a short chain is the baseline: start-up, the
//! last activity and the last commit are in both, so the difference is the replay.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use longhaul_core::{InstanceId, RuntimeStatus};

use super::{FLAT, flatness, sum_of_squares, until_it_is};
use crate::client::{Call, Connection};
use crate::floor::{Floor, Template};
use crate::host::Host;
use crate::load::Until;
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "LongSequence";
/// Steps, full and quick.
const SIZES: [(u64, u64); 3] = [(2_000, 300), (10_000, 1_000), (100_000, 3_000)];
const BASELINE_STEPS: u64 = 2;
/// What a step may take beyond its commit.
const BEYOND_COMMIT: Duration = Duration::from_micros(200);
/// Chains that are replayed side by side, of the middle size.
const SIDE_BY_SIDE: usize = 10;
/// Replay of the largest, milliseconds.
const REPLAY_GOAL_MS: f64 = 1_000.0;
/// How often an instance is asked whether it has ended. Short against what is measured.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// Restarts of which the middle one counts.
const RESTARTS: usize = 3;

/// Each size live and replayed; the middle one also ten at a time.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let short = Sequence::make(setup, BASELINE_STEPS).await?;
    let baseline = short.recover(setup, 1).await?;
    let (mut figures, mut live_costs, mut replay_costs) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (full, quick)) in SIZES.into_iter().enumerate() {
        let long = Sequence::make(setup, setup.count(full, quick)).await?;
        let replay = long.recover(setup, 1).await?.without(&baseline);
        figures.extend(long.figures(setup).await?);
        figures.extend(replay.figures(long.steps, 1, number == SIZES.len() - 1));
        let steps = u32::try_from(long.steps)?;
        live_costs.push(long.took / steps);
        replay_costs.push(replay.replay / steps);
        if number == 1 {
            let together = long.recover(setup, SIDE_BY_SIDE).await?.without(&short.recover(setup, SIDE_BY_SIDE).await?);
            figures.extend(together.figures(long.steps, SIDE_BY_SIDE, false));
        }
    }
    figures.extend(flatness("steps live", &live_costs));
    figures.extend(flatness("steps replayed", &replay_costs));
    Ok(figures)
}

/// A sequence that was run live.
struct Sequence {
    steps: u64,
    folder: tempfile::TempDir,
    template: Template,
    took: Duration,
    /// Milliseconds that each tenth of the steps took.
    tenths_ms: Vec<f64>,
}

impl Sequence {
    async fn make(setup: &Setup, steps: u64) -> anyhow::Result<Self> {
        let folder = setup.folder("sequence")?;
        let host = Host::start(setup, folder.path()).await?;
        let mut connection = Connection::open(host.address).await?;
        let begun = Instant::now();
        let answer = connection.call(Call::start(ORCHESTRATION, &steps.to_string())).await?;
        answer.expect_status(202)?;
        let id = answer.json()?["id"].as_str().context("a start was answered without an id")?.to_owned();
        until_it_is(&mut connection, &id, "Completed", live_poll(steps)).await?;
        let took = begun.elapsed();
        let status = connection.call(Call::status(&id)).await?.json()?;
        let output = &status["output"];
        ensure!(output["sum"] == sum_of_squares(steps), "the sum of {steps} squares is not right in {status}");
        let tenths = output["tenthsMs"].as_array().with_context(|| format!("no tenths in {status}"))?;
        let tenths_ms = tenths.iter().filter_map(serde_json::Value::as_f64).collect();
        host.stop().await?;
        let template = Template::read(folder.path(), ORCHESTRATION, RuntimeStatus::Completed).await?;
        Ok(Self { steps, folder, template, took, tenths_ms })
    }

    /// Of the live run, with a floor: as many rows as a part of the steps, each in a commit of its own.
    async fn figures(&self, setup: &Setup) -> anyhow::Result<Vec<Figure>> {
        let Self { steps, tenths_ms, .. } = self;
        let folder = setup.folder("sequence-floor")?;
        let floor = Floor::open(folder.path()).await?;
        let template = self.template.first(self.template.len().min(setup.size(2_000, 200)));
        let least = floor.write(&template, &template.one_by_one(), 1, Until::Count(1)).await?.rounds;
        floor.close().await?;
        let (each, commit) = (self.took / u32::try_from(*steps)?, least.elapsed / u32::try_from(template.len())?);
        let mut figures = vec![
            Figure::us(format!("{steps} steps live: time for each"), each)
                .over_time(commit)
                .at_most((commit + BEYOND_COMMIT).as_secs_f64() * 1e6),
        ];
        if let [first, .., last] = &tenths_ms[..] {
            figures
                .push(Figure::times(format!("{steps} steps live: the last tenth against the first"), last / first.max(1.0)).at_most(FLAT));
        }
        figures.push(Figure::count(format!("{steps} steps: rows"), self.template.len() as f64));
        Ok(figures)
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

impl Recovery {
    /// Only what is more than the baseline's start-up and last step.
    fn without(self, baseline: &Self) -> Replay {
        let replay = self.whole.saturating_sub(baseline.whole).max(POLL_INTERVAL);
        Replay { whole: self.whole, replay, read: self.read }
    }
}

struct Replay {
    whole: Duration,
    replay: Duration,
    read: Duration,
}

impl Replay {
    fn figures(&self, steps: u64, count: usize, is_judged: bool) -> Vec<Figure> {
        let name =
            if count == 1 { format!("{steps} steps replayed") } else { format!("{count} times {steps} steps replayed side by side") };
        let rate = |time: Duration| count as f64 * (steps - BASELINE_STEPS) as f64 / time.as_secs_f64();
        let replay = Figure::ms(name.clone(), self.replay).over_time(self.read);
        vec![
            if is_judged { replay.at_most(REPLAY_GOAL_MS) } else { replay },
            Figure::rate(format!("{name}: steps"), rate(self.replay)).over(rate(self.read)),
            Figure::ms(format!("{name}: from start to end"), self.whole),
        ]
    }
}

/// How often a live run is asked whether it has ended: seldom against what it takes, so that asking is no load on it.
fn live_poll(steps: u64) -> Duration {
    Duration::from_micros((steps * 5).clamp(1_000, 50_000))
}

/// Starts the host and waits until all these instances have completed.
async fn until_ended(setup: &Setup, data: &Path, ids: &[InstanceId]) -> anyhow::Result<Duration> {
    let host = Host::start(setup, data).await?;
    let mut connection = Connection::open(host.address).await?;
    for id in ids {
        until_it_is(&mut connection, id.as_str(), "Completed", POLL_INTERVAL).await?;
    }
    let took = host.spawned.elapsed();
    host.stop().await?;
    Ok(took)
}
