//! W7. What the sequence of W1 leaves in the database's file, and what it has the disk write.

use super::hello::first_instance;
use super::{GREETINGS, HELLO};
use crate::client::Call;
use crate::floor::Floor;
use crate::host::{Host, database_bytes};
use crate::load::{Clients, Until};
use crate::process::ProcessFacts;
use crate::report::Figure;
use crate::setup::Setup;

const INSTANCES: (u64, u64) = (20_000, 1_000);
const CLIENTS: usize = 256;
/// Bytes for each finished instance: in the file, and written.
const FILE_GOAL: f64 = 2_048.0;
const WRITTEN_GOAL: f64 = 8_192.0;

/// A fresh database, and the same rows through the store alone.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let count = setup.count(INSTANCES.0, INSTANCES.1);
    let folder = setup.folder("disk-use")?;
    let data = folder.path();
    let template = first_instance(setup, data).await?;
    // What the deployment itself takes on the disk is not counted to the instances.
    let empty = database_bytes(data)?;
    let host = Host::start(setup, data).await?;
    let before = host.facts()?;
    let mut clients = Clients::connect(host.address, CLIENTS).await?;
    clients.run(Until::Count(count), |_| Call::start_and_wait(HELLO, ""), |answer| answer.expect_output(GREETINGS)).await?;
    let written = host.facts()?.written_bytes - before.written_bytes;
    host.stop().await?;
    let file = database_bytes(data)? - empty;

    let floor_folder = setup.folder("disk-use-floor")?;
    Floor::open(floor_folder.path()).await?.close().await?;
    let floor_empty = database_bytes(floor_folder.path())?;
    let floor = Floor::open(floor_folder.path()).await?;
    let before = ProcessFacts::own()?.written_bytes;
    let least = floor.write(&template, &template.one_by_one(), CLIENTS, Until::Count(count)).await?.instances as f64;
    let floor_written = ProcessFacts::own()?.written_bytes - before;
    floor.close().await?;
    let floor_file = database_bytes(floor_folder.path())? - floor_empty;

    let each = |bytes: u64| bytes as f64 / count as f64;
    Ok(vec![
        Figure::bytes("database per finished instance", each(file)).over(floor_file as f64 / least).at_most(FILE_GOAL),
        Figure::bytes(format!("written to the disk per instance, {CLIENTS} at a time"), each(written))
            .over(floor_written as f64 / least)
            .at_most(WRITTEN_GOAL),
    ])
}
