//! W8. How heavy a host is that has nothing to do, how soon it is ready, and what a deployment takes.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::hello::first_instance;
use super::{begun, waiting};
use crate::floor::Floor;
use crate::host::Host;
use crate::load::Until;
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

const FINISHED: (u64, u64) = (100_000, 5_000);
const WAITING: (u64, u64) = (10_000, 1_000);
/// Instances that are planted in one commit.
const AT_A_TIME: usize = 1_000;
/// Until the host listens, milliseconds, and idle memory, MiB.
const EMPTY_GOAL_MS: f64 = 300.0;
const FULL_GOAL_MS: f64 = 1_000.0;
const IDLE_GOAL_MIB: f64 = 60.0;

/// Empty folders, then one with many instances.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let binary = setup.host.metadata()?.len();
    let empty = starts(setup, setup.folder("start-up")?.path(), None).await?;
    let folder = setup.folder("start-up")?;
    let first = Host::start(setup, folder.path()).await?;
    let compiled = first.ready_after;
    first.stop().await?;
    let app = starts(setup, folder.path(), Some(&setup.app)).await?;
    let (deployed, again) = deploy(setup).await?;
    let (finished, waiting) = (setup.count(FINISHED.0, FINISHED.1), setup.count(WAITING.0, WAITING.1));
    let folder = setup.folder("start-up-full")?;
    plant(setup, folder.path(), finished, waiting).await?;
    let full = starts(setup, folder.path(), Some(&setup.app)).await?;
    Ok(vec![
        Figure::new("size of the host's binary", binary as f64 / f64::from(1 << 20), Unit::Mebibytes),
        Figure::ms("start with an empty database and no app until it listens, p50", empty.ready).at_most(EMPTY_GOAL_MS),
        Figure::ms("first start with an app until it listens, guests compiled", compiled),
        Figure::ms("later start with an app until it listens, p50", app.ready).at_most(EMPTY_GOAL_MS),
        Figure::ms("stop, p50", app.stopped),
        Figure::mib("memory of the idle host, p50", app.resident_bytes).at_most(IDLE_GOAL_MIB),
        Figure::ms("deploy the sample, guests compiled", deployed),
        Figure::ms("deploy the sample again", again),
        Figure::ms(format!("start with {finished} finished and {waiting} waiting, p50"), full.ready).at_most(FULL_GOAL_MS),
        Figure::mib(format!("memory with {finished} finished and {waiting} waiting, p50"), full.resident_bytes),
    ])
}

/// The middle of several starts.
struct Starts {
    ready: Duration,
    stopped: Duration,
    resident_bytes: u64,
}

async fn starts(setup: &Setup, data: &Path, app: Option<&Path>) -> anyhow::Result<Starts> {
    // The first start on a folder creates or recovers something.
    Host::start_with(setup, data, app).await?.stop().await?;
    let (mut ready, mut stopped, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.size(5, 2) {
        let host = Host::start_with(setup, data, app).await?;
        ready.push(host.ready_after);
        resident.push(host.facts()?.resident_bytes);
        stopped.push(host.stop().await?);
    }
    resident.sort_unstable();
    let (ready, stopped) = (Sample::sequence(ready).median(), Sample::sequence(stopped).median());
    Ok(Starts { ready, stopped, resident_bytes: resident[resident.len() / 2] })
}

/// Deploys the sample twice to a host without an app.
async fn deploy(setup: &Setup) -> anyhow::Result<(Duration, Duration)> {
    let folder = setup.folder("deploy")?;
    let host = Host::start_with(setup, folder.path(), None).await?;
    let once = async || {
        let mut command = Command::new(&setup.host);
        command.arg("deploy").arg(&setup.sample).args(["--host", &format!("http://{}", host.address), "--data"]).arg(folder.path());
        let since = Instant::now();
        let output = command.stdin(Stdio::null()).output().await.context("cannot start the host's command `deploy`")?;
        let took = since.elapsed();
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the sample cannot be deployed ({}): {text}", output.status);
        anyhow::Ok(took)
    };
    let times = (once().await?, once().await?);
    host.stop().await?;
    Ok(times)
}

/// Rows of real instances, copied.
async fn plant(setup: &Setup, data: &Path, finished: u64, open: u64) -> anyhow::Result<()> {
    let done = first_instance(setup, data).await?;
    let waits = begun(setup, data, waiting::ORCHESTRATION, waiting::INPUT).await?;
    let floor = Floor::open(data).await?;
    floor.write(&done, &done.at_once(), AT_A_TIME, Until::Count(finished)).await?;
    floor.write(&waits, &waits.at_once(), AT_A_TIME, Until::Count(open)).await?;
    floor.close().await
}
