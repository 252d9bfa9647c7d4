//! `cargo run --release -p simulation -- step --points 20000`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use clap::Args;
use simulation::step::point::{Point, Setting};
use simulation::step::sweep::{self, Calm, Violations};
use simulation::step::{Passed, scenarios};

/// Every so many points a line tells how far it is.
const TOLD_EVERY: usize = 1_000;
/// Settings by chance, for points of two faults.
const UNEVEN_SETTINGS: u64 = 30;

/// Lets one call of the store after the other fail, over a list of scenarios.
#[derive(Args)]
pub struct Options {
    /// How many points to run: those of one fault first, by chance if there are more of them, and
    /// then points of two
    #[arg(long, default_value_t = 2_000)]
    points: usize,
    /// Runs this point alone, such as hello/plain/7:fail-after
    #[arg(long)]
    only: Option<Point>,
    /// With --only: prints the log that the point leaves
    #[arg(long, requires = "only")]
    log: bool,
    /// Chooses what is left to chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; each runs points of its own
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
}

/// Runs points. Returns whether all went as foretold.
pub fn run(options: &Options) -> bool {
    let begin = Instant::now();
    let settings: Vec<_> = match &options.only {
        Some(point) => vec![point.setting],
        None => Setting::EACH.into_iter().chain((2..UNEVEN_SETTINGS).map(Setting::Uneven)).collect(),
    };
    let calm = match sweep::calm(&settings, options.threads) {
        Ok(calm) => calm,
        Err(failed) => {
            failed.iter().for_each(|(name, violations)| tell_failure(name, violations));
            return false;
        }
    };
    if let Some(point) = options.only.as_ref().filter(|_| options.log) {
        simulation::step::log(point).iter().for_each(|record| println!("{record}"));
    }
    let points = options.only.as_ref().map_or_else(|| chosen(options, &calm), |point| vec![point.clone()]);
    let told = |done: usize, point: &Point, result: &Result<Passed, Violations>| {
        if let Err(violations) = result {
            tell_failure(&point.to_string(), violations);
        }
        if done.is_multiple_of(TOLD_EVERY) {
            println!("{done} of {} points, {:.0} a second", points.len(), done as f64 / begin.elapsed().as_secs_f64());
        }
    };
    let results = sweep::each(&points, options.threads, |point| sweep::judged(point, &calm), told);
    summary(&points, &results, begin)
}

fn chosen(options: &Options, calm: &Calm) -> Vec<Point> {
    let each: Calm = calm.iter().filter(|((_, setting), _)| Setting::EACH.contains(setting)).map(|(run, passed)| (*run, *passed)).collect();
    let mut points = sweep::some(sweep::single_faults(&each), options.points, options.seed);
    let doubles = options.points - points.len();
    points.extend(sweep::double_faults(calm, doubles, options.seed));
    points
}

fn summary(points: &[Point], results: &[Result<Passed, Violations>], begin: Instant) -> bool {
    let passed: Vec<_> = results.iter().flatten().collect();
    let failed = results.len() - passed.len();
    let double = passed.iter().filter(|passed| passed.faults > 1).count();
    let calls: u64 = passed.iter().map(|passed| passed.calls).sum();
    let mut of_scenario: BTreeMap<_, usize> = BTreeMap::new();
    points.iter().for_each(|point| *of_scenario.entry(point.scenario).or_default() += 1);
    let settings: BTreeSet<_> = points.iter().map(|point| point.setting).collect();
    for name in scenarios::names().filter(|name| of_scenario.contains_key(name)) {
        println!("{name:>20} {:>6} points", of_scenario[name]);
    }
    println!(
        "{} points, {failed} failed, {double} of two faults, {} scenarios, {} settings, {calls} calls of the store, {:.0} points a minute",
        points.len(),
        of_scenario.len(),
        settings.len(),
        points.len() as f64 / begin.elapsed().as_secs_f64() * 60.0
    );
    failed == 0
}

fn tell_failure(name: &str, violations: &[String]) {
    println!("{name} FAILED");
    violations.iter().for_each(|violation| println!("  {violation}"));
    println!("  again: cargo run --release -p simulation -- step --only {name}");
}
