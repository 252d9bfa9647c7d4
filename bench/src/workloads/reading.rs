//! W9. Status reads and lists at a steady pace while W1 runs, in turns with W1 alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::MissedTickBehavior;

use super::{GREETINGS, HELLO};
use crate::client::{Call, Connection};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const CLIENTS: usize = 256;
/// How often W1 runs alone and with readers.
const ROUNDS: u32 = 4;
/// 100 status reads a second, and 10 lists of 100 instances.
const STATUS_PACE: Duration = Duration::from_millis(10);
const LIST_PACE: Duration = Duration::from_millis(100);
const PAGE: u32 = 100;
/// What must be left of W1's throughput, and how long reads may take.
const SHARE_GOAL: f64 = 0.9;
const P99_GOAL_MS: f64 = 50.0;

/// One host, W1 all the time but for the pauses between rounds.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("reading")?;
    let host = Host::start(setup, folder.path()).await?;
    let mut clients = Clients::connect(host.address, CLIENTS).await?;
    let mut hello = async |limit| {
        let call = |_| Call::start_and_wait(HELLO, "");
        clients.run(Until::Elapsed(limit), call, |answer| answer.expect_output(GREETINGS)).await
    };
    hello(setup.size(Duration::from_secs(1), Duration::from_millis(300))).await?;
    let ids = Arc::new(some_ids(&host).await?);
    let limit = setup.size(Duration::from_millis(1_500), Duration::from_millis(500));
    let (mut alone, mut read) = (Vec::new(), Vec::new());
    let (mut statuses, mut lists) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(hello(limit).await?);
        let stop = Arc::new(AtomicBool::new(false));
        let own = ids.clone();
        let next_status = move |number: usize| Call::status(&own[number % own.len()]);
        let status = tokio::spawn(at_pace(Connection::open(host.address).await?, STATUS_PACE, stop.clone(), next_status));
        let next_list = |_| Call::list("Completed", PAGE, "");
        let list = tokio::spawn(at_pace(Connection::open(host.address).await?, LIST_PACE, stop.clone(), next_list));
        read.push(hello(limit).await?);
        stop.store(true, Ordering::Relaxed);
        statuses.push(status.await??);
        lists.push(list.await??);
    }
    host.stop().await?;
    let (alone, read) = (Sample::joined(&alone).per_second(), Sample::joined(&read).per_second());
    let (statuses, lists) = (Sample::joined(&statuses), Sample::joined(&lists));
    Ok(vec![
        Figure::rate(format!("W1 alone, {CLIENTS} at a time"), alone),
        Figure::rate(format!("W1 with 100 status reads and 10 lists of {PAGE} a second"), read),
        Figure::times("W1 with reads against W1 alone", read / alone).at_least(SHARE_GOAL),
        Figure::ms("status read p50", statuses.median()),
        Figure::ms("status read p99", statuses.percentile(99)).at_most(P99_GOAL_MS),
        Figure::ms(format!("list of {PAGE} p50"), lists.median()),
        Figure::ms(format!("list of {PAGE} p99"), lists.percentile(99)).at_most(P99_GOAL_MS),
    ])
}

async fn some_ids(host: &Host) -> anyhow::Result<Vec<String>> {
    let answer = Connection::open(host.address).await?.call(Call::list("Completed", PAGE, "")).await?;
    answer.expect_status(200)?;
    let page = answer.json()?;
    let page = page.as_array().context("the list of instances is no list")?;
    let ids: Vec<_> = page.iter().filter_map(|row| row["instanceId"].as_str().map(str::to_owned)).collect();
    ensure!(!ids.is_empty(), "no instance has completed");
    Ok(ids)
}

/// Makes a call at every tick. One that is due while the call before is under way is made right after it, and its time counts from when it
/// was due, so that a slow answer is not counted once where it held up ten.
async fn at_pace(
    mut connection: Connection,
    pace: Duration,
    stop: Arc<AtomicBool>,
    next: impl Fn(usize) -> Call + Send + 'static,
) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let due = ticks.tick().await;
        let answer = connection.call(next(times.len())).await?;
        times.push(due.elapsed());
        answer.expect_status(200)?;
        ensure!(answer.body.len() > 2, "an answer is empty");
    }
    Ok(Sample::new(times, begun.elapsed()))
}
