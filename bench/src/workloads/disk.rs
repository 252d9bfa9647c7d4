//! What one durable write costs on this disk, so that all other figures can be read: nothing durable is faster.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::floor::{Floor, Template};
use crate::load::Until;
use crate::report::Figure;
use crate::setup::Setup;
use crate::statistics::Sample;

/// Size of one bare write: a page of the database.
const PAGE: [u8; 4_096] = [b'x'; 4_096];

/// Bare writes and bare commits in turns, so that both see the same disk.
pub async fn run(setup: &Setup) -> anyhow::Result<Vec<Figure>> {
    let folder = setup.folder("disk")?;
    let path = folder.path().join("bare");
    let mut file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let floor = Floor::open(folder.path()).await?;
    let template = Template::one_message();
    let limit = setup.size(Duration::from_secs(3), Duration::from_millis(800));
    let (mut writes, mut commits) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < limit {
        writes.push(bare_write(&mut file)?);
        commits.push(floor.write(&template, &template.one_by_one(), 1, Until::Count(1)).await?.rounds);
    }
    floor.close().await?;
    let (writes, commits) = (Sample::sequence(writes), Sample::joined(&commits));
    Ok(vec![
        Figure::us("append 4 KiB to a file and fdatasync, p50", writes.median()),
        Figure::us("append 4 KiB to a file and fdatasync, p99", writes.percentile(99)),
        Figure::us("commit of one row through the store, p50", commits.median()),
        Figure::us("commit of one row through the store, p99", commits.percentile(99)),
    ])
}

fn bare_write(file: &mut File) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    file.write_all(&PAGE)?;
    file.sync_data()?;
    Ok(begun.elapsed())
}
