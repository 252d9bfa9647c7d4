//! How heavy a host is that has nothing to do.

use crate::host::Host;
use crate::report::{Figure, Unit};
use crate::setup::Setup;
use crate::statistics::Sample;

/// Starts and stops the host on an empty folder, then again several times.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("start-up")?;
    let binary = setup.host.metadata()?.len();
    let first = Host::start(setup, folder.path()).await?;
    let first_ready = first.ready_after;
    first.stop().await?;
    let (mut ready, mut stopped, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..setup.size(5, 2) {
        let host = Host::start(setup, folder.path()).await?;
        ready.push(host.ready_after);
        resident.push(host.facts()?.resident_bytes);
        stopped.push(host.stop().await?);
    }
    resident.sort_unstable();
    Ok(vec![
        Figure::new("size of the host's binary", binary as f64 / f64::from(1 << 20), Unit::Mebibytes),
        Figure::ms("first start until it listens, guests compiled", first_ready),
        Figure::ms("later start until it listens, p50", Sample::sequence(ready).median()),
        Figure::ms("stop, p50", Sample::sequence(stopped).median()),
        Figure::mib("memory of the idle host, p50", resident[resident.len() / 2]),
    ])
}
