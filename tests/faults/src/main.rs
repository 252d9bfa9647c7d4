//! `cargo run -p faults -- --seed 7 --seconds 60 --scale 20`: runs with seed 7, 8, 9 and so on until the time is over.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use faults::disk::strace_works;

/// Random programs against the real host while it is killed, paused and starved of room, checked against a model.
#[derive(Parser)]
struct Options {
    /// The first seed; each further run takes the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No further run begins after so many seconds; the first always does
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Programs in each run
    #[arg(long, default_value_t = 20)]
    scale: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    tokio::select! {
        code = run(options) => code,
        // The runtime drops what runs when this returns: the host is killed and its disk unmounted.
        _ = tokio::signal::ctrl_c() => {
            println!("interrupted");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> ExitCode {
    let Options { seed, seconds, scale } = options;
    let strace = strace_works();
    if !strace {
        println!("skipped: kills at a chosen system call, because strace is not installed or may not attach");
    }
    let (begin, mut failed) = (Instant::now(), false);
    for seed in seed.. {
        let run = Instant::now();
        match faults::round(seed, scale, strace).await {
            Ok(passed) => {
                let faults::Passed { instances, activities, faults, small_disk } = passed;
                let took = run.elapsed().as_secs_f32();
                println!("seed {seed}: {instances} instances, {activities} runs of activities, {} faults, {took:.1} s", faults.len());
                if !small_disk {
                    println!("  skipped: full disks, because this process may not mount a file system");
                }
            }
            Err(faults::Failed { violations, folder }) => {
                failed = true;
                println!("seed {seed} FAILED; its programs, data and log are in {}", folder.display());
                violations.iter().for_each(|violation| println!("  {violation}"));
                println!("  again: cargo run -p faults -- --seed {seed} --seconds 0 --scale {scale}");
            }
        }
        if begin.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
