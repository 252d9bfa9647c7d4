//! `cargo run --release -p simulation -- --seeds 50000 --from 1`, and `... -- step --points 20000`.

mod stepping;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::{Parser, Subcommand};
use simulation::seeds::{self, Passed};

/// The engine on one thread in virtual time, with a seed for all that chance decides.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Threads; each runs seeds of its own
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
}

#[derive(Subcommand)]
enum Command {
    Step(stepping::Options),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let all_well = match &options.command {
        Some(Command::Step(options)) => stepping::run(options),
        None => run_seeds(&options) == 0,
    };
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_seeds(options: &Options) -> u64 {
    let (begin, next, failed) = (Instant::now(), AtomicU64::new(options.from), AtomicU64::new(0));
    let total = Mutex::new(Passed::default());
    let end = options.from + options.seeds;
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            match seeds::run(seed) {
                Ok(passed) => {
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.instances += passed.instances;
                    total.records += passed.records;
                    total.crashes += passed.crashes;
                    total.failures += passed.failures;
                }
                Err(violations) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    println!("seed {seed} FAILED");
                    violations.iter().for_each(|violation| println!("  {violation}"));
                    println!("  again: cargo run --release -p simulation -- --seeds 1 --from {seed}");
                }
            }
        }
    };
    std::thread::scope(|scope| (0..options.threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner();
    let Passed { instances, records, crashes, failures } = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let minutes = begin.elapsed().as_secs_f64() / 60.0;
    println!(
        "{} seeds, {failed} failed, {:.0} seeds a minute; {instances} instances, {records} records, {crashes} crashes, {failures} failures of the store",
        options.seeds,
        options.seeds as f64 / minutes
    );
    failed
}
