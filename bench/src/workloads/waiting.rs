//! `WaitForGo`: many instances that wait for an event, over a crash and a restart of the host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::client::{Answer, Call, Connection};
use crate::floor::{Floor, FloorSample, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "WaitForGo";
const EVENT: &str = "go";
const DATA: &str = r#"{"by":"bench"}"#;
const INSTANCES: u64 = 10_000;
const QUICK_INSTANCES: u64 = 2_000;
const CLIENTS: usize = 64;
/// Instances in a page when all outputs are looked at.
const PAGE: u32 = 1_000;
/// Pause between two looks whether any instance still runs.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Longest wait for all to complete after the last event was accepted.
const COMPLETION_LIMIT: Duration = Duration::from_secs(120);

/// Start all, crash, start again, stop, start again, raise all, wait for all.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let count = setup.size(INSTANCES, QUICK_INSTANCES);
    let folder = setup.folder("waiting")?;
    let data = folder.path();
    let template = first_instance(setup).await?;
    let floor_before = floor(setup, &template, count / 2).await?;
    let host = Host::start(setup, data).await?;
    let idle = host.facts()?;
    let (ids, started) = start_all(&host, count).await?;
    let waiting = host.facts()?;
    host.crash().await?;

    let host = Host::start(setup, data).await?;
    let after_crash = host.ready_after;
    let stopped = host.stop().await?;

    let host = Host::start(setup, data).await?;
    let (after_stop, restarted) = (host.ready_after, host.facts()?);
    let begun = Instant::now();
    let raised = raise_all(&host, ids).await?;
    until_none_runs(&host).await?;
    let completed = begun.elapsed();
    check_outputs(&host, count).await?;
    let at_end = host.facts()?;
    host.stop().await?;

    let floor = FloorSample::joined(&[floor_before, floor(setup, &template, count / 2).await?]);
    let later = 1..template.len();
    let each = (waiting.resident_bytes.saturating_sub(idle.resident_bytes)) as f64 / count as f64;
    Ok(vec![
        Figure::rate(format!("start {count}"), started.per_second()).over(floor.steps_per_second(0..1)),
        Figure::ms("start: latency p99", started.percentile(99)),
        Figure::mib("memory of the idle host", idle.resident_bytes),
        Figure::mib(format!("memory with {count} waiting"), waiting.resident_bytes),
        Figure::new("memory for each that waits", each, Unit::Bytes),
        Figure::ms("start after a crash until it listens", after_crash),
        Figure::ms("stop", stopped),
        Figure::ms("start after a stop until it listens", after_stop),
        Figure::mib("memory after that start", restarted.resident_bytes),
        Figure::rate(format!("raise {count}, none in memory"), raised.per_second()).over(floor.steps_per_second(later.clone())),
        Figure::ms("raise: latency p99", raised.percentile(99)),
        Figure::ms(format!("from the first event until all {count} have completed"), completed)
            .over(1e3 * floor.instances as f64 / floor.steps_per_second(later)),
        Figure::mib("most memory of the host", at_end.peak_resident_bytes.max(waiting.peak_resident_bytes)),
    ])
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
    Template::read(folder.path(), ORCHESTRATION, "null").await
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
    let sample = clients.run(Until::Count(count), |_| Call::start(ORCHESTRATION, ""), check).await?;
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
        ensure!(begun.elapsed() < COMPLETION_LIMIT, "{} s after the last event still not ended: {running}", COMPLETION_LIMIT.as_secs());
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
