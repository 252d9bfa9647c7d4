//! `HelloSequence`: an orchestration of three activities, one after the other, started and waited for over HTTP.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::Call;
use crate::floor::{Floor, FloorSample, Template};
use crate::host::{Host, database_bytes};
use crate::load::{Clients, Until};
use crate::process::ProcessFacts;
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

const ORCHESTRATION: &str = "HelloSequence";
const OUTPUT: &str = r#"["Hello Tokyo!","Hello Seattle!","Hello London!"]"#;
const CLIENTS: [usize; 3] = [1, 64, 256];
/// How often host and floor take turns.
const ROUNDS: u32 = 3;

/// Closed loops of 1, 64 and 256 clients, in turns with their floors.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("hello")?;
    let data = folder.path();
    let template = first_instance(setup, data).await?;
    let floor = FloorStore::make(setup, &template).await?;
    // What the deployment itself takes on the disk is not counted to the instances.
    let empty = database_bytes(data)?;
    let host = Host::start(setup, data).await?;
    let at_start = host.facts()?;
    let mut loops = Vec::new();
    for clients in CLIENTS {
        loops.push(Loop::run(setup, &host, &floor, clients).await?);
    }
    let at_end = host.facts()?;
    host.stop().await?;
    let finished: usize = loops.iter().map(|one| one.finished).sum();
    let file = (database_bytes(data)? - empty) as f64 / finished as f64;
    let written = (at_end.written_bytes - at_start.written_bytes) as f64 / finished as f64;
    let floor_bytes = floor.bytes_for_each(loops.iter().map(|one| one.floor.instances).sum()).await?;

    let mut figures: Vec<_> = loops.iter().flat_map(Loop::figures).collect();
    figures.extend([
        Figure::new("rows per finished instance", template.len() as f64, Unit::Count),
        Figure::new("database per finished instance", file, Unit::Bytes).over(floor_bytes),
        Figure::new("written to the disk per finished instance", written, Unit::Bytes),
        Figure::mib("most memory of the host", at_end.peak_resident_bytes),
    ]);
    Ok(figures)
}

/// The rows of a first instance, on a host of its own: its database can only be read once the host has stopped.
async fn first_instance(setup: &Setup, data: &Path) -> anyhow::Result<Template> {
    let host = Host::start(setup, data).await?;
    let mut client = Clients::connect(host.address, 1).await?;
    client.run(Until::Count(1), |_| Call::start_and_wait(ORCHESTRATION, ""), |answer| answer.expect_output(OUTPUT)).await?;
    host.stop().await?;
    Template::read(data, ORCHESTRATION, "null").await
}

/// What one closed loop measured.
struct Loop {
    clients: usize,
    /// All instances, those of the warm-up included.
    finished: usize,
    sample: Sample,
    host_cpu: Duration,
    load_cpu: Duration,
    floor: FloorSample,
}

impl Loop {
    async fn run(setup: &Setup, host: &Host, floor: &FloorStore, clients: usize) -> anyhow::Result<Self> {
        let mut connections = Clients::connect(host.address, clients).await?;
        let mut hello = async |limit| {
            let call = |_| Call::start_and_wait(ORCHESTRATION, "");
            connections.run(Until::Elapsed(limit), call, |answer| answer.expect_output(OUTPUT)).await
        };
        let warm_up = hello(setup.size(Duration::from_secs(1), Duration::from_millis(300))).await?.count();
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
        let finished = warm_up + sample.count();
        Ok(Self { clients, finished, sample, host_cpu, load_cpu, floor: FloorSample::joined(&floors) })
    }

    fn figures(&self) -> Vec<Figure> {
        let Self { clients, sample, floor, .. } = self;
        let each = |cpu: Duration| cpu / u32::try_from(sample.count().max(1)).unwrap_or(u32::MAX);
        vec![
            Figure::rate(format!("{clients} at a time: throughput"), sample.per_second()).over(floor.per_second()),
            Figure::ms(format!("{clients} at a time: latency p50"), sample.median()).over_time(floor.rounds.median()),
            Figure::ms(format!("{clients} at a time: latency p99"), sample.percentile(99)).over_time(floor.rounds.percentile(99)),
            Figure::us(format!("{clients} at a time: host's processor time each"), each(self.host_cpu)),
            Figure::us(format!("{clients} at a time: load's processor time each"), each(self.load_cpu)),
        ]
    }
}

/// One database for the floors of all loops, as the loops share one.
struct FloorStore {
    folder: TempDir,
    floor: Floor,
    template: Template,
    empty_bytes: u64,
}

impl FloorStore {
    async fn make(setup: &Setup, template: &Template) -> anyhow::Result<Self> {
        let folder = setup.folder("hello-floor")?;
        Floor::open(folder.path()).await?.close().await?;
        let empty_bytes = database_bytes(folder.path())?;
        Ok(Self { floor: Floor::open(folder.path()).await?, folder, template: template.clone(), empty_bytes })
    }

    async fn write(&self, setup: &Setup, at_a_time: usize) -> anyhow::Result<FloorSample> {
        let limit = setup.size(Duration::from_secs(1), Duration::from_millis(250));
        self.floor.write(&self.template, &self.template.one_by_one(), at_a_time, Until::Elapsed(limit)).await
    }

    /// Closes the store. How much of its file each of `instances` takes.
    async fn bytes_for_each(self, instances: usize) -> anyhow::Result<f64> {
        self.floor.close().await?;
        Ok((database_bytes(self.folder.path())? - self.empty_bytes) as f64 / instances as f64)
    }
}
