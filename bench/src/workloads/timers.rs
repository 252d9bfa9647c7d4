//! W6. Timers: how late they fire when ten thousand are due within a second, and how late a client hears of it.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use crate::client::{Call, Connection};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const TIMERS: (u64, u64) = (10_000, 500);
/// All are due within this time, milliseconds.
const WITHIN_MS: u64 = 1_000;
/// Times from the start of the first instance until the first timer. If not all instances sleep by then, the next longer is tried.
const FIRST_AFTER_MS: [u64; 4] = [3_000, 8_000, 20_000, 60_000];
const SLEEPERS: (u64, u64) = (1_000, 100);
const SLEEP_MS: u64 = 1_000;
/// Lateness of 99 in 100, milliseconds: by the turn's own time, and as a client sees it.
const GOAL_MS: f64 = 100.0;
const CLIENT_GOAL_MS: f64 = 120.0;

/// Both on one host.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("timers")?;
    let host = Host::start(setup, folder.path()).await?;
    let count = setup.count(TIMERS.0, TIMERS.1);
    let late = sleep_together(&host, count).await?;
    let sleepers = setup.count(SLEEPERS.0, SLEEPERS.1);
    let (turn_late, client_late) = sleep_apart(&host, sleepers).await?;
    host.stop().await?;
    Ok(vec![
        Figure::ms(format!("{count} timers within {WITHIN_MS} ms: lateness p50"), late.median()),
        Figure::ms(format!("{count} timers within {WITHIN_MS} ms: lateness p99"), late.percentile(99)).at_most(GOAL_MS),
        Figure::ms(format!("{count} timers within {WITHIN_MS} ms: lateness at most"), late.percentile(100)),
        Figure::ms(format!("{sleepers} sleeps of {SLEEP_MS} ms: lateness of the turn p99"), turn_late.percentile(99)),
        Figure::ms(format!("{sleepers} sleeps of {SLEEP_MS} ms: beyond it for the client p50"), client_late.median()),
        Figure::ms(format!("{sleepers} sleeps of {SLEEP_MS} ms: beyond it for the client p99"), client_late.percentile(99))
            .at_most(CLIENT_GOAL_MS),
    ])
}

/// How late each of `count` instances woke that were to wake within a second.
async fn sleep_together(host: &Host, count: u64) -> anyhow::Result<Sample> {
    for first_after_ms in FIRST_AFTER_MS {
        let input = json!({ "count": count, "firstAfterMs": first_after_ms, "withinMs": WITHIN_MS });
        let mut connection = Connection::open(host.address).await?;
        let answer = connection.call(Call::start_and_wait("SleepTogether", &input.to_string())).await?;
        answer.expect_status(200)?;
        let slept = answer.json()?;
        let slept = slept.as_array().context("SleepTogether returned no list")?;
        ensure!(slept.len() as u64 == count, "{} instances slept instead of {count}", slept.len());
        let number = |one: &serde_json::Value, member: &str| one[member].as_i64().with_context(|| format!("no {member} in {one}"));
        let mut late = Vec::with_capacity(slept.len());
        let mut all_in_time = true;
        for one in slept {
            all_in_time &= number(one, "aheadMs")? > 0;
            let late_ms = number(one, "lateMs")?;
            late.push(Duration::from_millis(u64::try_from(late_ms).with_context(|| format!("a timer fired {} ms early", -late_ms))?));
        }
        if all_in_time {
            return Ok(Sample::sequence(late));
        }
        eprintln!("  not all instances slept after {first_after_ms} ms; trying a longer time");
    }
    anyhow::bail!("{count} instances cannot be started within {} ms; take a smaller --scale", FIRST_AFTER_MS[FIRST_AFTER_MS.len() - 1])
}

/// Each client has one instance sleep a second: how late each woke by its own time, and how much longer than that second the client waited.
async fn sleep_apart(host: &Host, count: u64) -> anyhow::Result<(Sample, Sample)> {
    let mut clients = Clients::connect(host.address, usize::try_from(count)?).await?;
    let begun = Instant::now();
    let (late, own) = std::sync::mpsc::channel();
    let check = move |answer: &crate::client::Answer| {
        answer.expect_status(200)?;
        let late_ms = answer.json()?.as_u64().context("SleepFor returned no number")?;
        Ok(late.send(Duration::from_millis(late_ms))?)
    };
    let sample = clients.run(Until::Count(count), |_| Call::start_and_wait("SleepFor", &SLEEP_MS.to_string()), check).await?;
    ensure!(begun.elapsed() >= Duration::from_millis(SLEEP_MS), "sleeps of {SLEEP_MS} ms took {:?}", begun.elapsed());
    let beyond = sample.times().iter().map(|took| took.saturating_sub(Duration::from_millis(SLEEP_MS)));
    Ok((Sample::sequence(own.try_iter().collect()), Sample::sequence(beyond.collect())))
}
