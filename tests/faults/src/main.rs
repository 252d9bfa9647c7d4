//! The program `faults`: random programs under random faults, and kills at every write of short scenarios.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use faults::disk::strace_works;
use faults::scenario::Scenario;
use faults::{Counted, Failed, Passed, Run, Tally, tracer, writes};
use tokio::task::JoinSet;

/// The starts of the programs are spread over so many milliseconds for each of them.
const SPREAD_MS: u64 = 150;
/// Runs between two lines about all so far.
const PROGRESS_RUNS: usize = 10;

/// Random programs against the real host while it is killed, paused and starved of room, checked against a model.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    seeds: Seeds,
}

#[derive(Args)]
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
    /// So many runs at a time, each with a host of its own: most of the time a host is being started again
    #[arg(long, default_value_t = 1)]
    at_a_time: usize,
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

#[derive(Subcommand)]
enum Command {
    /// Kill the host at the first write of a scenario, at its second, its third and so on
    Writes {
        /// Only this one, such as `transfer`
        #[arg(long)]
        scenario: Option<String>,
        /// Only the first write and each that comes so many later
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        step: u64,
    },
    /// Trace a process (used by `writes` itself)
    #[command(hide = true)]
    Trace { process: u32, folder: PathBuf, number: u64 },
}

fn main() -> ExitCode {
    match Options::parse() {
        // Before there is any other thread: whoever traces must be the thread that waits.
        Options { command: Some(Command::Trace { process, folder, number }), .. } => traced(tracer::run(process, &folder, number)),
        options => with_runtime(options),
    }
}

fn traced(result: anyhow::Result<()>) -> ExitCode {
    result.map_or_else(
        |error| {
            eprintln!("cannot trace: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

#[tokio::main]
async fn with_runtime(options: Options) -> ExitCode {
    let work = async {
        match options.command {
            Some(Command::Writes { scenario, step }) => every_write(scenario.as_deref(), step).await,
            Some(Command::Trace { .. }) | None => random(options.seeds).await,
        }
    };
    tokio::select! {
        code = work => code,
        // The runtime drops what runs when this returns: the host is killed and its disk unmounted.
        _ = tokio::signal::ctrl_c() => {
            println!("interrupted");
            ExitCode::FAILURE
        }
    }
}

async fn every_write(only: Option<&str>, step: u64) -> ExitCode {
    let wanted: Vec<_> = Scenario::ALL.into_iter().filter(|scenario| only.is_none_or(|name| name == scenario.name())).collect();
    if wanted.is_empty() {
        println!("no such scenario; there are: {}", Scenario::ALL.map(Scenario::name).join(", "));
        return ExitCode::FAILURE;
    }
    let faults = std::env::current_exe().expect("a program knows its own path");
    let (begin, mut kills, mut failed) = (Instant::now(), 0, 0);
    for scenario in wanted.iter().copied() {
        let run = Instant::now();
        match writes::every(scenario, step, &faults).await {
            Ok(Counted { writes, kills: these }) => {
                kills += these;
                println!("{}: {writes} writes, killed at {these} of them, {:.1} s", scenario.name(), run.elapsed().as_secs_f32());
            }
            Err(Failed { violations, folder }) => {
                failed += 1;
                println!("{} FAILED; its data and log are in {}", scenario.name(), folder.display());
                violations.iter().for_each(|violation| println!("  {violation}"));
            }
        }
    }
    println!("{} scenarios, {kills} kills, {failed} scenarios failed, {:.0} s", wanted.len(), begin.elapsed().as_secs_f32());
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn random(seeds: Seeds) -> ExitCode {
    let strace = strace_works();
    if !strace {
        println!("skipped: kills at a chosen system call and broken disks, because strace is not installed or may not attach");
    }
    let spread = seeds.spread_seconds.map_or(Duration::from_millis(SPREAD_MS * seeds.scale as u64), Duration::from_secs);
    let (begin, mut tally) = (Instant::now(), Tally::default());
    let (mut next, mut running) = (seeds.seed, JoinSet::new());
    loop {
        while running.len() < seeds.at_a_time.max(1) && (next == seeds.seed || !seeds.is_enough(&tally)) {
            let run = Run { seed: next, scale: seeds.scale, spread, strace };
            running.spawn(async move {
                let begin = Instant::now();
                (run, faults::round(run).await, begin.elapsed())
            });
            next += 1;
        }
        let Some(ended) = running.join_next().await else { break };
        let (run, result, took) = ended.expect("a run's panics are among its results");
        report(run, result, took, &mut tally);
        tally.took = begin.elapsed();
        if tally.runs.is_multiple_of(PROGRESS_RUNS) {
            println!("so far: {tally}");
        }
    }
    println!("{tally}");
    if tally.violations > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(Run { seed, scale, .. }: Run, result: Result<Passed, Failed>, took: Duration, tally: &mut Tally) {
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
