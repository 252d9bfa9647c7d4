//! W10. A million sleeping instances: rows in the store, and next to nothing in memory.
//!
//! One instance goes to sleep for thirty days on a host; its rows are copied under a million other ids through the store. That is what
//! a million starts would leave, in seconds instead of minutes.

use std::time::{Duration, Instant};

use super::{GREETINGS, HELLO, begun, hello_once};
use crate::client::Call;
use crate::floor::Floor;
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "SleepFor";
const SLEEPERS: (u64, u64) = (1_000_000, 20_000);
const SLEEP_MS: u64 = 30 * 86_400_000;
/// Instances that are planted in one commit.
const AT_A_TIME: usize = 2_000;
/// How long the host is watched doing nothing.
const WATCHED: Duration = Duration::from_secs(4);
const MEMORY_GOAL_MIB: f64 = 400.0;
const READY_GOAL_MS: f64 = 3_000.0;
/// Processor time of a host that has nothing to do, milliseconds for each second.
const IDLE_GOAL_MS: f64 = 10.0;
/// What an instance that does something may cost more because others sleep.
const SLOWER_GOAL: f64 = 1.2;

/// Plants them, starts, watches, and runs W1 with one client among them.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let count = setup.count(SLEEPERS.0, SLEEPERS.1);
    let folder = setup.folder("sleeping")?;
    let data = folder.path();
    let template = begun(setup, data, ORCHESTRATION, &SLEEP_MS.to_string()).await?;
    let host = Host::start(setup, data).await?;
    let alone = hello(setup, &host).await?;
    host.stop().await?;
    let since = Instant::now();
    let floor = Floor::open(data).await?;
    floor.write(&template, &template.at_once(), AT_A_TIME, Until::Count(count)).await?;
    floor.close().await?;
    eprintln!("  {count} sleepers planted in {:.1} s", since.elapsed().as_secs_f64());

    let host = Host::start(setup, data).await?;
    let (ready, resident) = (host.ready_after, host.facts()?.resident_bytes);
    tokio::time::sleep(setup.size(WATCHED, Duration::from_secs(1))).await;
    let before = host.facts()?.cpu;
    tokio::time::sleep(setup.size(WATCHED, Duration::from_secs(1))).await;
    let idle = (host.facts()?.cpu - before).as_secs_f64() / setup.size(WATCHED, Duration::from_secs(1)).as_secs_f64();
    let among = hello(setup, &host).await?;
    let peak = host.facts()?.peak_resident_bytes;
    host.crash().await?;
    let host = Host::start(setup, data).await?;
    let after_crash = host.ready_after;
    hello_once(&host).await?;
    host.stop().await?;
    Ok(vec![
        Figure::ms(format!("start with {count} sleeping until it listens"), ready).at_most(READY_GOAL_MS),
        Figure::ms(format!("start after a crash with {count} sleeping"), after_crash).at_most(READY_GOAL_MS),
        Figure::mib(format!("memory with {count} sleeping"), resident),
        Figure::mib("most memory, with W1 among them", peak).at_most(MEMORY_GOAL_MIB),
        Figure::new("processor time for each idle second", idle * 1e3, Unit::Milliseconds).at_most(IDLE_GOAL_MS),
        Figure::ms("W1 with one client, nothing asleep: p50", alone.median()),
        Figure::ms(format!("W1 with one client, {count} asleep: p50"), among.median())
            .at_most(alone.median().as_secs_f64() * 1e3 * SLOWER_GOAL),
    ])
}

async fn hello(setup: &Setup, host: &Host) -> anyhow::Result<Sample> {
    let mut client = Clients::connect(host.address, 1).await?;
    let limit = setup.size(Duration::from_secs(2), Duration::from_millis(500));
    client.run(Until::Elapsed(limit), |_| Call::start_and_wait(HELLO, ""), |answer| answer.expect_output(GREETINGS)).await
}
