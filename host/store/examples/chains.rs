//! How long reading chains takes, and folding them.
//!
//! `cargo run --release -p longhaul-store --example chains [DIRECTORY] [ROUNDS]`: writes one chain
//! of 100,000 turns, each with the result of an activity and the next call, and 10,000 chains of
//! one turn, to a new database in a temporary directory below `DIRECTORY` (default: the system's);
//! then reads the long one alone and the short ones 64 at a time, `ROUNDS` times (default 5). The
//! processor time is that of all threads.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use longhaul_core::message::Message;
use longhaul_core::orchestration::fold;
use longhaul_core::record::{NewRecord, Received, TurnRecord};
use longhaul_core::{ActivityCall, Command, ExecutionId, InstanceId, TaskId, TaskResult};
use longhaul_store::conformance::sample;
use longhaul_store::{ChainRecord, Instances, Log, Position, SqliteConfig, SqliteStore};

const TURNS: u32 = 100_000;
const SHORT_CHAINS: u32 = 10_000;
const AT_A_TIME: usize = 64;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let rounds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let directory = tempfile::tempdir_in(&directory)?;
    let store = SqliteStore::open(SqliteConfig::in_directory(directory.path())).await?;
    let long = InstanceId::trusted("long");
    let short: Vec<_> = (0..SHORT_CHAINS).map(|number| InstanceId::trusted(format!("short-{number:08}"))).collect();
    for from in (0..TURNS).step_by(1_000) {
        sample::append(&store, (from..from + 1_000).map(|number| turn(&long, number))).await;
    }
    sample::append(&store, short.iter().map(|id| turn(id, 0))).await;
    let tail = store.tail(&long).await?.ok_or("the long chain has a tail")?;
    let mut tails = Vec::new();
    for id in &short {
        tails.push(store.tail(id).await?.ok_or("a short chain has a tail")?);
    }
    println!("{:>30} {:>12} {:>12} {:>12}", "for each record, us", "read", "of cpu", "fold");
    for _ in 0..rounds {
        show("one chain of 100,000", TURNS, read_long(&store, &long, tail).await?);
        show("10,000 chains of one", SHORT_CHAINS, read_short(&store, &short, &tails).await?);
    }
    Ok(())
}

struct Took {
    read: Duration,
    cpu: Duration,
    fold: Duration,
}

async fn read_long(store: &SqliteStore, id: &InstanceId, tail: Position) -> Result<Took, Box<dyn std::error::Error>> {
    let (begun, cpu) = (Instant::now(), cpu());
    let chain = store.read_chain(tail).await?;
    let (read, cpu) = (begun.elapsed(), self::cpu() - cpu);
    let begun = Instant::now();
    folded(id, chain);
    Ok(Took { read, cpu, fold: begun.elapsed() })
}

async fn read_short(store: &SqliteStore, ids: &[InstanceId], tails: &[Position]) -> Result<Took, Box<dyn std::error::Error>> {
    let mut took = Took { read: Duration::ZERO, cpu: Duration::ZERO, fold: Duration::ZERO };
    for (ids, tails) in ids.chunks(AT_A_TIME).zip(tails.chunks(AT_A_TIME)) {
        let (begun, cpu) = (Instant::now(), cpu());
        let chains = store.read_chains(tails.to_vec()).await?;
        took.read += begun.elapsed();
        took.cpu += self::cpu() - cpu;
        let begun = Instant::now();
        ids.iter().zip(chains).for_each(|(id, chain)| folded(id, chain));
        took.fold += begun.elapsed();
    }
    Ok(took)
}

fn folded(id: &InstanceId, chain: Vec<ChainRecord>) {
    let folded = fold(id.clone(), chain.into_iter().map(|one| (one.record, one.base)));
    assert!(!folded.replay.is_empty(), "the guest has been called");
}

fn show(what: &str, records: u32, took: Took) {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(records);
    println!("{what:>30} {:>12.2} {:>12.2} {:>12.2}", each(took.read), each(took.cpu), each(took.fold));
}

/// Turn `number` of a sequence of activities: the result of one has come, the next is called.
fn turn(id: &InstanceId, number: u32) -> NewRecord {
    let execution = ExecutionId::trusted(format!("{:032x}", 1));
    let received = match number.checked_sub(1) {
        None => sample::first_turn(1).received,
        Some(task) => {
            let result = TaskResult::Completed(sample::json(&number.to_string()));
            vec![Received::Inline(Message::ActivityDone { execution, task: TaskId(task), attempt: 1, result })]
        }
    };
    let call = ActivityCall { name: "Square".into(), input: sample::json(&number.to_string()), retry: None, timeout_ms: None };
    let commands = vec![Command::CallActivity(call)];
    let now = 1_700_000_000_000 + u64::from(number);
    let record = sample::of(id.as_str(), TurnRecord { received, commands, pending: true, ..sample::turn(number, now, 0) });
    NewRecord { base: number == 0, ..record }
}

/// Processor time of this process.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets: the state is field 3, user and system time are fields 14 and 15,
    // in hundredths of a second.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
