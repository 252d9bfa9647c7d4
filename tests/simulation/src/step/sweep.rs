//! Points by the thousand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use seeded::Random;

use super::point::{Fault, How, Point, Setting};
use super::{Passed, run, scenarios};

/// How much longer a run may take for each of its faults, in virtual time: what hangs takes three
/// seconds to die and 0.7 to start again, and nothing may wait much longer than that.
const DELAY_MS: u64 = 10_000;

/// What was not as foretold.
pub type Violations = Vec<String>;

/// The runs without a fault, by scenario and setting.
pub type Calm = BTreeMap<(&'static str, Setting), Passed>;

/// Runs every scenario without a fault in each of these settings.
///
/// # Errors
/// What went wrong, by the name of the point.
pub fn calm(settings: &[Setting], threads: usize) -> Result<Calm, BTreeMap<String, Violations>> {
    let of = |scenario| settings.iter().map(move |&setting| Point { scenario, setting, faults: Vec::new() });
    let points: Vec<_> = scenarios::names().flat_map(of).collect();
    let mut calm = Calm::new();
    let mut failed = BTreeMap::new();
    for (point, result) in points.iter().zip(each(&points, threads, run, |_, _, _| {})) {
        match result {
            Ok(passed) => _ = calm.insert((point.scenario, point.setting), passed),
            Err(violations) => _ = failed.insert(point.to_string(), violations),
        }
    }
    if failed.is_empty() { Ok(calm) } else { Err(failed) }
}

/// Every call of these runs, in every way it can fail.
pub fn single_faults(calm: &Calm) -> Vec<Point> {
    let mut points = Vec::new();
    for (&(scenario, setting), passed) in calm {
        for call in 1..=passed.calls {
            points.extend(How::ALL.map(|how| Point { scenario, setting, faults: vec![Fault { call, how }] }));
        }
    }
    points
}

/// So many of these points, by chance.
pub fn some(mut points: Vec<Point>, count: usize, seed: u64) -> Vec<Point> {
    let mut random = Random::new(seed);
    for index in 0..points.len().min(count) {
        let other = random.within(index as u64, points.len() as u64) as usize;
        points.swap(index, other);
    }
    points.truncate(count);
    points
}

/// So many points of two faults by chance, the second of them within as many calls after the first
/// as the run has without any.
pub fn double_faults(calm: &Calm, count: usize, seed: u64) -> Vec<Point> {
    let runs: Vec<_> = calm.iter().collect();
    let mut random = Random::new(seed);
    let mut one = || {
        let (&(scenario, setting), passed) = *random.choose(&runs);
        let first = random.within(1, passed.calls + 1);
        let second = first + random.within(1, passed.calls + 1);
        let faults = [first, second].map(|call| Fault { call, how: *random.choose(&How::ALL) });
        Point { scenario, setting, faults: faults.into() }
    };
    (0..count).map(|_| one()).collect()
}

/// Runs a point, and compares how long it took with the run that has no fault.
///
/// # Errors
/// What was not as foretold.
pub fn judged(point: &Point, calm: &Calm) -> Result<Passed, Violations> {
    let passed = run(point)?;
    let without = calm[&(point.scenario, point.setting)];
    let limit_ms = without.took_ms + DELAY_MS * passed.faults as u64;
    if passed.took_ms > limit_ms {
        return Err(vec![format!("it took {} ms and may take {limit_ms}: something waited for nothing", passed.took_ms)]);
    }
    if passed.faults == 0 {
        return Err(vec![format!("its call was never made: {} calls there were, {} without a fault", passed.calls, without.calls)]);
    }
    Ok(passed)
}

/// Runs points on so many threads. Returns what came of them, in their order.
pub fn each<T: Send>(
    points: &[Point],
    threads: usize,
    run: impl Fn(&Point) -> T + Sync,
    told: impl Fn(usize, &Point, &T) + Sync,
) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(index) else { return };
            let result = run(point);
            told(done.fetch_add(1, Ordering::Relaxed) + 1, point, &result);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm_run() -> Calm {
        Calm::from([(("hello", Setting::Plain), Passed { calls: 9, faults: 0, took_ms: 5 })])
    }

    #[test]
    fn every_call_fails_in_every_way_once() {
        let points = single_faults(&calm_run());
        let names: std::collections::BTreeSet<_> = points.iter().map(ToString::to_string).collect();
        assert_eq!((points.len(), names.len()), (36, 36));
        assert!(names.contains("hello/plain/9:hang-after"), "{names:?}");
    }

    #[test]
    fn a_part_of_the_points_has_none_twice() {
        let part = some(single_faults(&calm_run()), 30, 1);
        let names: std::collections::BTreeSet<_> = part.iter().map(ToString::to_string).collect();
        assert_eq!((part.len(), names.len()), (30, 30));
    }

    #[test]
    fn the_second_of_two_faults_comes_after_the_first() {
        let points = double_faults(&calm_run(), 100, 1);
        assert!(points.iter().all(|point| point.faults[0].call < point.faults[1].call && point.faults[1].call <= 18), "{points:?}");
    }
}
