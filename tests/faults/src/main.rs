//! `cargo run -p faults -- --seed 7 --seconds 60 --scale 20`: runs with seed 7, 8, 9 and so on until the time is over.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use faults::disk::strace_works;
use faults::{Failed, Passed, Run, Tally};

/// The starts of the programs are spread over so many milliseconds for each of them.
const SPREAD_MS: u64 = 150;
/// Runs between two lines about all so far.
const PROGRESS_RUNS: usize = 10;

/// Random programs against the real host while it is killed, paused and starved of room, checked against a model.
#[derive(Parser)]
struct Seeds {
    /// The first seed; each further run takes the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No further run begins after so many seconds; the first always does
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Programs in each run
    #[arg(long, default_value_t = 20)]
    scale: usize,
    /// The starts of a run's programs are spread over so many seconds; 0.15 for each program unless given
    #[arg(long)]
    spread_seconds: Option<u64>,
    /// Runs until there were so many programs, however long that takes
    #[arg(long, default_value_t = 0)]
    programs: usize,
    /// Runs until the host was killed so often, however long that takes
    #[arg(long, default_value_t = 0)]
    kills: usize,
}

impl Seeds {
    fn is_enough(&self, tally: &Tally) -> bool {
        let goals = tally.programs >= self.programs && tally.kills >= self.kills;
        let has_goals = self.programs > 0 || self.kills > 0;
        goals && (has_goals || tally.took >= Duration::from_secs(self.seconds))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let seeds = Seeds::parse();
    tokio::select! {
        code = random(seeds) => code,
        // The runtime drops what runs when this returns: the host is killed and its disk unmounted.
        _ = tokio::signal::ctrl_c() => {
            println!("interrupted");
            ExitCode::FAILURE
        }
    }
}

async fn random(seeds: Seeds) -> ExitCode {
    let strace = strace_works();
    if !strace {
        println!("skipped: kills at a chosen system call and broken disks, because strace is not installed or may not attach");
    }
    let spread = seeds.spread_seconds.map_or(Duration::from_millis(SPREAD_MS * seeds.scale as u64), Duration::from_secs);
    let (begin, mut tally) = (Instant::now(), Tally::default());
    for seed in seeds.seed.. {
        let run = Instant::now();
        let result = faults::round(Run { seed, scale: seeds.scale, spread, strace }).await;
        report(seed, seeds.scale, result, run.elapsed(), &mut tally);
        tally.took = begin.elapsed();
        if seeds.is_enough(&tally) {
            break;
        }
        if tally.runs.is_multiple_of(PROGRESS_RUNS) {
            println!("so far: {tally}");
        }
    }
    println!("{tally}");
    if tally.violations > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(seed: u64, scale: usize, result: Result<Passed, Failed>, took: Duration, tally: &mut Tally) {
    tally.runs += 1;
    match result {
        Ok(passed) => {
            tally.add(&passed);
            let Passed { programs: _, instances, activities, faults, small_disk } = passed;
            let took = took.as_secs_f32();
            println!("seed {seed}: {instances} instances, {activities} runs of activities, {} faults, {took:.1} s", faults.len());
            if !small_disk {
                println!("  skipped: full disks and power cuts, because this process may not mount a file system");
            }
        }
        Err(Failed { violations, folder }) => {
            tally.violations += violations.len();
            println!("seed {seed} FAILED; its programs, data and log are in {}", folder.display());
            violations.iter().for_each(|violation| println!("  {violation}"));
            println!("  again: cargo run -p faults -- --seed {seed} --seconds 0 --scale {scale}");
        }
    }
}
