//! How many records per second one writer takes, by the size of its batches.
//!
//! `cargo run --release -p longhaul-store --example append [DIRECTORY] [SECONDS]`: writes to a new
//! database in a temporary directory below `DIRECTORY` (default: the system's) for `SECONDS`
//! (default 3) per size. Every instance has a start and four turns; ids are ordered by time, as the
//! host makes them. The tables are brought up to date meanwhile, as in a host.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use longhaul_core::Payload;
use longhaul_core::record::{NewRecord, TurnRecord};
use longhaul_store::conformance::sample;
use longhaul_store::{Batch, InstanceQuery, Instances, Log, SqliteConfig, SqliteStore, Store};

/// Records of one instance.
const PER_INSTANCE: u64 = 5;
/// Length of the payload that each turn carries, bytes.
const PAYLOAD_BYTES: usize = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    println!("{:>6} {:>12} {:>12} {:>10} {:>10} {:>14}", "batch", "records/s", "commits/s", "p50 ms", "p99 ms", "final flush ms");
    for size in [1, 10, 100, 1_000] {
        let directory = tempfile::tempdir_in(&directory)?;
        let store = SqliteStore::open(SqliteConfig::in_directory(directory.path())).await?;
        let mut took = Vec::new();
        let mut next = 0;
        let begin = Instant::now();
        let mut encoding = Duration::ZERO;
        while begin.elapsed() - encoding < Duration::from_secs(seconds) {
            let before = Instant::now();
            let records = (next..next + size).map(|number| sample::encoded(record(number, size))).collect();
            next += size;
            let encoded = Instant::now();
            encoding += encoded - before;
            store.append(Batch { records, ..Batch::default() }).await?;
            took.push(encoded.elapsed());
        }
        let elapsed = begin.elapsed() - encoding;
        let before = Instant::now();
        store.list(InstanceQuery { limit: 1, ..InstanceQuery::default() }).await?;
        let flush = before.elapsed();
        store.close().await?;
        took.sort();
        let per_second = |count: f64| count / elapsed.as_secs_f64();
        let at = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1_000.0;
        let (p50, p99) = (at(50), at(99));
        let (records, commits) = (per_second(next as f64), per_second(took.len() as f64));
        println!("{size:>6} {records:>12.0} {commits:>12.0} {p50:>10.3} {p99:>10.3} {:>14.1}", flush.as_secs_f64() * 1_000.0);
    }
    Ok(())
}

/// Instances run side by side, as many as a batch is long, so that a batch holds one record of
/// each.
fn record(number: u64, side_by_side: u64) -> NewRecord {
    let (round, place) = (number / side_by_side, number % side_by_side);
    let name = format!("{:016x}{:016x}", round / PER_INSTANCE, place);
    let now = 1_700_000_000_000 + round;
    match u32::try_from(round % PER_INSTANCE).unwrap_or(0) {
        0 => sample::started(&name, now),
        4 => sample::of(&name, sample::completed(3, now, &payload())),
        number => {
            let custom_status = Payload::parse(payload()).ok();
            sample::of(&name, TurnRecord { custom_status, ..sample::turn(number - 1, now, usize::from(number == 1)) })
        }
    }
}

fn payload() -> String {
    format!("\"{}\"", "x".repeat(PAYLOAD_BYTES - 2))
}
