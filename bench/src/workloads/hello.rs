//! W1. `HelloSequence`: an orchestration of three activities, one after the other, started and waited for over HTTP.

use std::path::Path;
use std::time::Duration;

use longhaul_core::RuntimeStatus;
use tempfile::TempDir;

use super::{GREETINGS, HELLO, hello_once};
use crate::client::Call;
use crate::floor::{Floor, FloorSample, Template};
use crate::host::Host;
use crate::load::{Clients, Until};
use crate::process::ProcessFacts;
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

const CLIENTS: [usize; 4] = [1, 64, 256, MANY];
/// So many that most only wait: throughput should hardly suffer.
const MANY: usize = 1_024;
/// What one client may wait beyond the bare commits.
const BEYOND_COMMITS: Duration = Duration::from_millis(1);
/// Instances per second, and the share of the best that is left with [`MANY`].
const RATE_GOAL: f64 = 6_000.0;
const SHARE_GOAL: f64 = 0.8;
const P99_GOAL_MS: f64 = 150.0;
/// How often host and floor take turns.
const ROUNDS: u32 = 3;

/// Closed loops of 1, 64, 256 and 1,024 clients, in turns with their floors.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("hello")?;
    let data = folder.path();
    let template = first_instance(setup, data).await?;
    let floor = FloorStore::make(setup, &template).await?;
    let host = Host::start(setup, data).await?;
    let mut loops = Vec::new();
    for clients in CLIENTS {
        loops.push(Loop::run(setup, &host, &floor, clients).await?);
    }
    let at_end = host.facts()?;
    host.stop().await?;
    floor.close().await?;

    let mut figures: Vec<_> = loops.iter().flat_map(Loop::figures).collect();
    let best = loops.iter().map(|one| one.sample.per_second()).fold(0.0, f64::max);
    let left = loops.iter().filter(|one| one.clients == MANY).map(|one| one.sample.per_second() / best);
    figures.extend(left.map(|share| Figure::times(format!("{MANY} at a time: throughput against the best"), share).at_least(SHARE_GOAL)));
    figures.extend([
        Figure::count("rows per finished instance", template.len() as f64),
        Figure::mib("most memory of the host", at_end.peak_resident_bytes),
    ]);
    Ok(figures)
}

/// The rows of a first instance, on a host of its own: its database can only be read once the host has stopped.
pub async fn first_instance(setup: &Setup, data: &Path) -> anyhow::Result<Template> {
    let host = Host::start(setup, data).await?;
    hello_once(&host).await?;
    host.stop().await?;
    Template::read(data, HELLO, RuntimeStatus::Completed).await
}

/// What one closed loop measured.
struct Loop {
    clients: usize,
    sample: Sample,
    host_cpu: Duration,
    load_cpu: Duration,
    floor: FloorSample,
}

impl Loop {
    async fn run(setup: &Setup, host: &Host, floor: &FloorStore, clients: usize) -> anyhow::Result<Self> {
        let mut connections = Clients::connect(host.address, clients).await?;
        let mut hello = async |limit| {
            let call = |_| Call::start_and_wait(HELLO, "");
            connections.run(Until::Elapsed(limit), call, |answer| answer.expect_output(GREETINGS)).await
        };
        hello(setup.size(Duration::from_secs(1), Duration::from_millis(300))).await?;
        let (mut samples, mut floors) = (Vec::new(), Vec::new());
        let (mut host_cpu, mut load_cpu) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let (host_before, own_before) = (host.facts()?, ProcessFacts::own()?);
            samples.push(hello(setup.size(Duration::from_secs(2), Duration::from_millis(500))).await?);
            host_cpu += host.facts()?.cpu - host_before.cpu;
            load_cpu += ProcessFacts::own()?.cpu - own_before.cpu;
            floors.push(floor.write(setup, clients).await?);
        }
        let sample = Sample::joined(&samples);
        eprintln!("  {clients} at a time: {:.0} per second", sample.per_second());
        Ok(Self { clients, sample, host_cpu, load_cpu, floor: FloorSample::joined(&floors) })
    }

    fn figures(&self) -> Vec<Figure> {
        let Self { clients, sample, floor, .. } = self;
        let each = |cpu: Duration| cpu / u32::try_from(sample.count().max(1)).unwrap_or(u32::MAX);
        let name = |what: &str| format!("{clients} at a time: {what}");
        let mut throughput = Figure::rate(name("throughput"), sample.per_second()).over(floor.per_second());
        let mut middle = Figure::ms(name("latency p50"), sample.median()).over_time(floor.rounds.median());
        let mut high = Figure::ms(name("latency p99"), sample.percentile(99)).over_time(floor.rounds.percentile(99));
        match *clients {
            1 => middle = middle.at_most((floor.rounds.median() + BEYOND_COMMITS).as_secs_f64() * 1e3),
            64 => throughput = throughput.at_least(RATE_GOAL),
            256 => (throughput, high) = (throughput.at_least(RATE_GOAL), high.at_most(P99_GOAL_MS)),
            _ => {}
        }
        vec![
            throughput,
            middle,
            high,
            Figure::us(name("host's processor time each"), each(self.host_cpu)),
            Figure::us(name("load's processor time each"), each(self.load_cpu)),
        ]
    }
}

/// One database for the floors of all loops, as the loops share one.
struct FloorStore {
    _folder: TempDir,
    floor: Floor,
    template: Template,
}

impl FloorStore {
    async fn make(setup: &Setup, template: &Template) -> anyhow::Result<Self> {
        let folder = setup.folder("hello-floor")?;
        Ok(Self { floor: Floor::open(folder.path()).await?, _folder: folder, template: template.clone() })
    }

    async fn write(&self, setup: &Setup, at_a_time: usize) -> anyhow::Result<FloorSample> {
        let limit = setup.size(Duration::from_secs(1), Duration::from_millis(250));
        self.floor.write(&self.template, &self.template.one_by_one(), at_a_time, Until::Elapsed(limit)).await
    }

    async fn close(self) -> anyhow::Result<()> {
        self.floor.close().await
    }
}
