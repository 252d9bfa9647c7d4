//! W3. `WaitForGo`: many instances wait for an event with a timeout, over a crash (SIGKILL) of the host; then all are raised.
//!
//! The host keeps only some of them in memory. After the crash none is, so every raise also brings one back by replay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use longhaul_core::RuntimeStatus;
use serde_json::Value;

use super::{DONE_LIMIT, flatness};
use crate::client::{Answer, Call, Connection};
use crate::floor::{Floor, FloorSample, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

/// What waits, and for how long: long enough for any run.
pub const ORCHESTRATION: &str = "WaitForGo";
/// Its input.
pub const INPUT: &str = r#"{"timeoutSeconds":86400}"#;
const EVENT: &str = "go";
const DATA: &str = r#"{"by":"bench"}"#;
/// Instances, full and quick.
const SIZES: [(u64, u64); 3] = [(1_000, 200), (10_000, 1_000), (100_000, 3_000)];
const CLIENTS: usize = 64;
/// Instances in a page when all outputs are looked at.
const PAGE: u32 = 1_000;
/// Pause between two looks whether any instance still runs.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Starts and raises per second, memory with all waiting (MiB), and time until the host is ready after the crash (ms).
const RATE_GOAL: f64 = 8_000.0;
const MEMORY_GOAL_MIB: f64 = 300.0;
const READY_GOAL_MS: f64 = 2_000.0;

/// All sizes, each on a database of its own.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let template = first_instance(setup).await?;
    let (mut figures, mut start_costs, mut raise_costs) = (Vec::new(), Vec::new(), Vec::new());
    for (full, quick) in SIZES {
        let one = Waited::measure(setup, &template, setup.count(full, quick)).await?;
        figures.extend(one.figures(full == SIZES[2].0));
        start_costs.push(one.started.each());
        raise_costs.push(one.completed / u32::try_from(one.count)?);
    }
    figures.extend(flatness("starts", &start_costs));
    figures.extend(flatness("raises until completed", &raise_costs));
    Ok(figures)
}

/// What one size measured.
struct Waited {
    count: u64,
    floor: FloorSample,
    rows: usize,
    started: Sample,
    idle_bytes: u64,
    waiting_bytes: u64,
    ready_after_crash: Duration,
    raised: Sample,
    /// From the first event until all have completed.
    completed: Duration,
    peak_bytes: u64,
}

impl Waited {
    /// Starts all, crashes, starts again, raises all, and waits for all.
    async fn measure(setup: &Setup, template: &Template, count: u64) -> anyhow::Result<Self> {
        let folder = setup.folder("waiting")?;
        let data = folder.path();
        let floor = floor(setup, template, count).await?;
        let host = Host::start(setup, data).await?;
        let idle_bytes = host.facts()?.resident_bytes;
        let (ids, started) = start_all(&host, count).await?;
        let waiting = host.facts()?;
        host.crash().await?;

        let host = Host::start(setup, data).await?;
        let ready_after_crash = host.ready_after;
        let begun = Instant::now();
        let raised = raise_all(&host, ids).await?;
        until_none_runs(&host).await?;
        let completed = begun.elapsed();
        check_outputs(&host, count).await?;
        let peak_bytes = host.facts()?.peak_resident_bytes.max(waiting.peak_resident_bytes);
        host.stop().await?;
        let (waiting_bytes, rows) = (waiting.resident_bytes, template.len());
        Ok(Self { count, floor, rows, started, idle_bytes, waiting_bytes, ready_after_crash, raised, completed, peak_bytes })
    }

    fn figures(&self, is_judged: bool) -> Vec<Figure> {
        let Self { count, floor, started, raised, .. } = self;
        let later = 1..self.rows;
        let each = self.waiting_bytes.saturating_sub(self.idle_bytes) as f64 / *count as f64;
        let goal = |figure: Figure, goal: fn(Figure) -> Figure| if is_judged { goal(figure) } else { figure };
        vec![
            goal(Figure::rate(format!("start {count}"), started.per_second()).over(floor.steps_per_second(0..1)), |figure| {
                figure.at_least(RATE_GOAL)
            }),
            Figure::ms(format!("start {count}: latency p99"), started.percentile(99)),
            goal(Figure::mib(format!("memory with {count} waiting"), self.waiting_bytes), |figure| figure.at_most(MEMORY_GOAL_MIB)),
            Figure::bytes(format!("memory for each of {count} that wait"), each),
            goal(Figure::ms(format!("{count} waiting: start after a crash until it listens"), self.ready_after_crash), |figure| {
                figure.at_most(READY_GOAL_MS)
            }),
            goal(
                Figure::rate(format!("raise {count}, none in memory"), raised.per_second()).over(floor.steps_per_second(later.clone())),
                |figure| figure.at_least(RATE_GOAL),
            ),
            Figure::ms(format!("raise {count}: latency p99"), raised.percentile(99)),
            Figure::ms(format!("from the first event until all {count} have completed"), self.completed)
                .over(1e3 * floor.instances as f64 / floor.steps_per_second(later)),
            Figure::mib(format!("{count} waiting: most memory of the host"), self.peak_bytes),
        ]
    }
}

/// The rows of a first instance, on a host of its own.
async fn first_instance(setup: &Setup) -> anyhow::Result<Template> {
    let folder = setup.folder("waiting-first")?;
    let host = Host::start(setup, folder.path()).await?;
    let (ids, _) = start_all(&host, 1).await?;
    // In the run itself no instance is in memory when its event comes.
    host.stop().await?;
    let host = Host::start(setup, folder.path()).await?;
    raise_all(&host, ids).await?;
    until_none_runs(&host).await?;
    host.stop().await?;
    Template::read(folder.path(), ORCHESTRATION, RuntimeStatus::Completed).await
}

async fn start_all(host: &Host, count: u64) -> anyhow::Result<(Vec<String>, Sample)> {
    let ids = Arc::new(Mutex::new(Vec::new()));
    let found = ids.clone();
    let check = move |answer: &Answer| {
        answer.expect_status(202)?;
        let payload = answer.json()?;
        let id = payload["id"].as_str().with_context(|| format!("no id in {payload}"))?;
        found.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        Ok(())
    };
    let mut clients = Clients::connect(host.address, CLIENTS).await?;
    let sample = clients.run(Until::Count(count), |_| Call::start(ORCHESTRATION, INPUT), check).await?;
    let ids = std::mem::take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((ids, sample))
}

async fn raise_all(host: &Host, ids: Vec<String>) -> anyhow::Result<Sample> {
    let mut clients = Clients::connect(host.address, CLIENTS).await?;
    let count = ids.len() as u64;
    let call = move |number: u64| Call::raise(&ids[usize::try_from(number).unwrap_or(usize::MAX)], EVENT, DATA);
    clients.run(Until::Count(count), call, |answer| answer.expect_status(202)).await
}

async fn until_none_runs(host: &Host) -> anyhow::Result<()> {
    let mut connection = Connection::open(host.address).await?;
    let begun = Instant::now();
    loop {
        let answer = connection.call(Call::list("Running,Pending", 1, "")).await?;
        answer.expect_status(200)?;
        let running = answer.json()?;
        if running.as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        ensure!(begun.elapsed() < DONE_LIMIT, "{} s after the last event still not ended: {running}", DONE_LIMIT.as_secs());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn check_outputs(host: &Host, count: u64) -> anyhow::Result<()> {
    let expected: Value = serde_json::from_str(DATA)?;
    let mut connection = Connection::open(host.address).await?;
    let (mut completed, mut continuation) = (0, String::new());
    loop {
        let answer = connection.call(Call::list("Completed", PAGE, &continuation)).await?;
        answer.expect_status(200)?;
        let page = answer.json()?;
        let page = page.as_array().context("the list of instances is no list")?;
        if let Some(wrong) = page.iter().find(|instance| instance["output"] != expected) {
            bail!("an instance has another output than the event's payload {expected}: {wrong}");
        }
        completed += page.len() as u64;
        continuation = answer.continuation;
        if continuation.is_empty() {
            ensure!(completed == count, "{completed} instances completed instead of {count}");
            return Ok(());
        }
    }
}

async fn floor(setup: &Setup, template: &Template, count: u64) -> anyhow::Result<FloorSample> {
    let folder = setup.folder("waiting-floor")?;
    let floor = Floor::open(folder.path()).await?;
    let sample = floor.write(template, &template.one_by_one(), CLIENTS, Until::Count(count)).await?;
    floor.close().await?;
    Ok(sample)
}
