//! W2. `FanOut`: one orchestration that calls many activities at once and adds up their results.

use std::time::Duration;

use longhaul_core::RuntimeStatus;

use super::{flatness, sum_of_squares};
use crate::client::Call;
use crate::floor::{Floor, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "FanOut";
/// How many activities, and how often.
const SIZES: [(u64, u64); 3] = [(1_000, 9), (10_000, 5), (100_000, 2)];
const QUICK_SIZES: [u64; 3] = [100, 1_000, 5_000];
/// The size that has a goal, and the goal.
const JUDGED: u64 = 10_000;
const GOAL_MS: f64 = 600.0;

/// Each size in a database of its own, in turns with its floor.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let (mut figures, mut costs) = (Vec::new(), Vec::new());
    for ((size, times), quick) in SIZES.into_iter().zip(QUICK_SIZES) {
        let (measured, cost) = fan_out(setup, setup.count(size, quick), setup.size(times, 2)).await?;
        figures.extend(measured);
        costs.push(cost);
    }
    figures.extend(flatness("activities", &costs));
    Ok(figures)
}

async fn fan_out(setup: &Setup, size: u64, times: u64) -> anyhow::Result<(Vec<Figure>, Duration)> {
    let folder = setup.folder("fan-out")?;
    let host = Host::start(setup, folder.path()).await?;
    once(&host, size).await?;
    host.stop().await?;
    let template = Template::read(folder.path(), ORCHESTRATION, RuntimeStatus::Completed).await?;

    let floor_folder = setup.folder("fan-out-floor")?;
    let floor = Floor::open(floor_folder.path()).await?;
    let host = Host::start(setup, folder.path()).await?;
    let (mut live, mut least) = (Vec::new(), Vec::new());
    for _ in 0..times {
        live.push(once(&host, size).await?);
        // What the results have to wait for is the first turn; all later rows could go into one commit.
        least.push(floor.write(&template, &template.first_then_rest(), 1, Until::Count(1)).await?.rounds);
    }
    let facts = host.facts()?;
    host.stop().await?;
    floor.close().await?;

    let (live, least) = (Sample::joined(&live).median(), Sample::joined(&least).median());
    let per_activity = |time: Duration| time / u32::try_from(size).unwrap_or(u32::MAX);
    let whole = Figure::ms(format!("{size} activities, p50"), live).over_time(least);
    let figures = vec![
        if size == JUDGED { whole.at_most(GOAL_MS) } else { whole },
        Figure::us(format!("{size} activities: time for each, p50"), per_activity(live)).over_time(per_activity(least)),
        Figure::count(format!("{size} activities: rows"), template.len() as f64),
        Figure::mib(format!("{size} activities: most memory of the host"), facts.peak_resident_bytes),
    ];
    Ok((figures, per_activity(live)))
}

async fn once(host: &Host, size: u64) -> anyhow::Result<Sample> {
    let mut client = Clients::connect(host.address, 1).await?;
    let expected = sum_of_squares(size).to_string();
    let call = move |_| Call::start_and_wait(ORCHESTRATION, &size.to_string());
    client.run(Until::Count(1), call, move |answer| answer.expect_output(&expected)).await
}
