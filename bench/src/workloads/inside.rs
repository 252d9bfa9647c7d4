//! W1i. The sequence of W1 started from inside: an orchestration calls it many times as a sub-orchestration. No HTTP is in between, so
//! this is what the engine itself can do.

use serde_json::json;

use super::{GREETINGS, HELLO, flatness, hello::first_instance};
use crate::client::{Call, Connection};
use crate::floor::{Floor, Template};
use crate::host::Host;
use crate::load::Until;
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

/// The same with an activity whose guest the manifest allows to serve many calls.
const REUSED: &str = "HelloReused";
/// How many sequences, full and quick.
const SIZES: [(u64, u64); 3] = [(1_000, 100), (10_000, 500), (40_000, 2_000)];
/// Sequences under way at a time.
const AT_A_TIME: usize = 256;
/// Sequences per second: each activity call with a fresh guest, and with one that serves many.
const FRESH_GOAL: f64 = 6_000.0;
const REUSED_GOAL: f64 = 10_000.0;

/// Both kinds of activity at three sizes, and their floor.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("inside")?;
    let template = first_instance(setup, folder.path()).await?;
    let mut figures = Vec::new();
    for (orchestration, goal) in [(HELLO, FRESH_GOAL), (REUSED, REUSED_GOAL)] {
        let host = Host::start(setup, folder.path()).await?;
        // Not measured: the host's first work finds cold caches.
        call_many(&host, orchestration, setup.count(500, 50)).await?;
        let mut costs = Vec::new();
        for (full, quick) in SIZES {
            let count = setup.count(full, quick);
            let before = host.facts()?.cpu;
            let sample = call_many(&host, orchestration, count).await?;
            let cpu = (host.facts()?.cpu - before).as_secs_f64() / count as f64;
            let name = |what: &str| format!("{orchestration}, {count}: {what}");
            let least = floor(setup, &template, count).await?;
            let rate = Figure::rate(name("throughput"), sample.per_second() * count as f64).over(least);
            figures.push(if full == SIZES[2].0 { rate.at_least(goal) } else { rate });
            figures.push(Figure::us(name("host's processor time each"), std::time::Duration::from_secs_f64(cpu)));
            costs.push(sample.elapsed / u32::try_from(count)?);
        }
        figures.extend(flatness(orchestration, &costs));
        host.stop().await?;
    }
    Ok(figures)
}

async fn call_many(host: &Host, orchestration: &str, count: u64) -> anyhow::Result<Sample> {
    let expected: serde_json::Value = serde_json::from_str(GREETINGS)?;
    let input = json!({ "orchestration": orchestration, "expected": expected, "count": count, "lanes": AT_A_TIME });
    let mut connection = Connection::open(host.address).await?;
    let begun = std::time::Instant::now();
    // The caller has compared every output with the expected one and counted them.
    connection.call(Call::start_and_wait("CallMany", &input.to_string())).await?.expect_output(&count.to_string())?;
    Ok(Sample::sequence(vec![begun.elapsed()]))
}

/// Instances per second of the same rows, as many at a time.
async fn floor(setup: &Setup, template: &Template, count: u64) -> anyhow::Result<f64> {
    let folder = setup.folder("inside-floor")?;
    let floor = Floor::open(folder.path()).await?;
    let sample = floor.write(template, &template.one_by_one(), AT_A_TIME, Until::Count(count)).await?;
    floor.close().await?;
    Ok(sample.per_second())
}
