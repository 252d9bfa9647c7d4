//! W4. Increments of entities: by signals and by calls of orchestrations, and by signals over HTTP.
//!
//! A signal is counted once the entity's state shows it. Every counter's state is compared with what it must be in the end.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::{DONE_LIMIT, flatness};
use crate::client::{Call, Connection};
use crate::floor::{Floor, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const ENTITY: &str = "Counter";
/// Increments, full and quick, and how often: the fewer there are, the less a single time says. The middle one counts.
const SIZES: [(u64, u64, usize); 3] = [(1_000, 1_000, 5), (10_000, 2_000, 5), (100_000, 4_000, 1)];
const HTTP_SIGNALS: (u64, u64) = (20_000, 1_000);
/// Counters that share the increments.
const KEYS: [u64; 2] = [1, 1_000];
/// Signals of one orchestration, sent in one turn, and how many such orchestrations run at a time.
const SIGNALS_EACH: u64 = 1_000;
const SENDERS: usize = 8;
/// Orchestrations that call, each one call after the other.
const CALLERS: u64 = 50;
const HTTP_CLIENTS: usize = 64;
/// Increments of one counter per second, by signal.
const SIGNAL_GOAL: f64 = 20_000.0;
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// All ways at all sizes on one host.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("counting")?;
    let host = Host::start(setup, folder.path()).await?;
    let (at_once, in_turns) = (floor(setup, usize::try_from(SIGNALS_EACH)?).await?, floor(setup, usize::try_from(CALLERS)?).await?);
    let mut figures = Vec::new();
    for keys in KEYS {
        let counters = if keys == 1 { "one counter".to_owned() } else { format!("{keys} counters") };
        let (mut signal_costs, mut call_costs) = (Vec::new(), Vec::new());
        for (full, quick, rounds) in SIZES {
            let times = setup.count(full, quick);
            let per_second = |took: Duration| times as f64 / took.as_secs_f64();
            let took = middle(rounds, async |round| by_signals(&host, keys, times, round).await).await?;
            let rate = Figure::rate(format!("{times} signals from orchestrations, {counters}"), per_second(took)).over(at_once);
            figures.push(if keys == 1 && full == SIZES[2].0 { rate.at_least(SIGNAL_GOAL) } else { rate });
            signal_costs.push(took / u32::try_from(times)?);
            let took = middle(rounds, async |round| by_calls(&host, keys, times, round).await).await?;
            // Of a call both the question and the answer must be durable, one after the other.
            figures.push(Figure::rate(format!("{times} calls from orchestrations, {counters}"), per_second(took)).over(in_turns / 2.0));
            call_costs.push(took / u32::try_from(times)?);
        }
        figures.extend(flatness(&format!("signals, {counters}"), &signal_costs));
        figures.extend(flatness(&format!("calls, {counters}"), &call_costs));
    }
    let times = setup.count(HTTP_SIGNALS.0, HTTP_SIGNALS.1);
    let took = by_http(&host, times).await?;
    figures.push(Figure::rate(format!("{times} signals over HTTP, one counter"), times as f64 / took.as_secs_f64()).over(in_turns));
    figures.push(Figure::mib("most memory of the host", host.facts()?.peak_resident_bytes));
    host.stop().await?;
    Ok(figures)
}

/// The middle one of several times.
async fn middle(rounds: usize, measure: impl AsyncFn(usize) -> anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    let mut took = Vec::new();
    for round in 0..rounds {
        took.push(measure(round).await?);
    }
    Ok(Sample::sequence(took).median())
}

/// From the first signal sent until the last is in a counter's state.
async fn by_signals(host: &Host, keys: u64, times: u64, round: usize) -> anyhow::Result<Duration> {
    let prefix = format!("signals-{keys}-{times}-{round}-");
    let orchestrations = times.div_ceil(SIGNALS_EACH);
    let own = prefix.clone();
    let sent = move |number: u64| SIGNALS_EACH.min(times - number * SIGNALS_EACH);
    let call = move |number: u64| {
        let input = json!({ "prefix": own, "first": number * SIGNALS_EACH, "keys": keys, "times": sent(number) });
        Call::start_and_wait("SignalMany", &input.to_string())
    };
    let mut clients = Clients::connect(host.address, SENDERS).await?;
    let begun = Instant::now();
    clients.run(Until::Count(orchestrations), call, |answer| answer.expect_status(200)).await?;
    until_counted(host, &prefix, keys, times).await?;
    Ok(begun.elapsed())
}

/// From the first call until the last is answered.
async fn by_calls(host: &Host, keys: u64, times: u64, round: usize) -> anyhow::Result<Duration> {
    let prefix = format!("calls-{keys}-{times}-{round}-");
    // The first callers make one call more, so that all together make as many as they should.
    let made = move |caller: u64| times / CALLERS + u64::from(caller < times % CALLERS);
    let before = move |caller: u64| caller * (times / CALLERS) + caller.min(times % CALLERS);
    let own = prefix.clone();
    let call = move |caller: u64| {
        let input = json!({ "prefix": own, "first": before(caller), "keys": keys, "times": made(caller) });
        Call::start_and_wait("AddMany", &input.to_string())
    };
    let mut clients = Clients::connect(host.address, usize::try_from(CALLERS)?).await?;
    let begun = Instant::now();
    clients.run(Until::Count(CALLERS), call, |answer| answer.expect_status(200)).await?;
    let took = begun.elapsed();
    until_counted(host, &prefix, keys, times).await?;
    Ok(took)
}

/// From the first request until the last signal is in the counter's state.
async fn by_http(host: &Host, times: u64) -> anyhow::Result<Duration> {
    let mut clients = Clients::connect(host.address, HTTP_CLIENTS).await?;
    let begun = Instant::now();
    let call = |_| Call::signal(ENTITY, "http-0", "Add", "1");
    clients.run(Until::Count(times), call, |answer| answer.expect_status(202)).await?;
    until_counted(host, "http-", 1, times).await?;
    Ok(begun.elapsed())
}

/// Waits until the counters show their shares of `times`, and no more.
async fn until_counted(host: &Host, prefix: &str, keys: u64, times: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(host.address).await?;
    let begun = Instant::now();
    for number in 0..keys.min(times) {
        let expected = times / keys + u64::from(number < times % keys);
        let key = format!("{prefix}{number}");
        loop {
            let answer = connection.call(Call::entity(ENTITY, &key)).await?;
            // An entity that no signal has reached yet does not exist.
            let value = if answer.status == 404 { 0 } else { answer.json()?["value"].as_u64().unwrap_or(u64::MAX) };
            ensure!(value <= expected, "counter {key} should be {expected} but is {}", answer.json()?);
            if value == expected {
                break;
            }
            let limit = DONE_LIMIT.as_secs();
            ensure!(begun.elapsed() < DONE_LIMIT, "counter {key} is {value} instead of {expected} after {limit} s");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    Ok(())
}

/// Rows of one message per second, that many in each commit.
async fn floor(setup: &Setup, at_a_time: usize) -> anyhow::Result<f64> {
    let folder = setup.folder("counting-floor")?;
    let floor = Floor::open(folder.path()).await?;
    let template = Template::one_message();
    let limit = setup.size(Duration::from_secs(1), Duration::from_millis(300));
    let sample = floor.write(&template, &template.at_once(), at_a_time, Until::Elapsed(limit)).await?;
    floor.close().await?;
    Ok(sample.per_second())
}
