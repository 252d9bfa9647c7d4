//! The server outside the host to which activities report their runs, and what it must hold in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use e2e::{Reply, StubServer};
use interpreter_programs::Entry;

use crate::model::{Call, Foretold};

/// One report.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What the activity said.
    pub entry: Entry,
    /// How often the host had been started again when it came.
    pub start: u32,
}

/// The server.
pub struct Ledger {
    server: StubServer,
    reports: Arc<Mutex<Vec<Reported>>>,
    starts: Arc<AtomicU32>,
    denied: Denied,
}

/// Instances and tokens.
type Denied = Arc<Mutex<BTreeSet<(String, u32)>>>;

impl Ledger {
    /// Starts the server.
    pub async fn start() -> Self {
        let (reports, starts, denied): (Arc<Mutex<Vec<Reported>>>, Arc<AtomicU32>, Denied) = Default::default();
        let (all, number, refused) = (reports.clone(), starts.clone(), denied.clone());
        let server = StubServer::start(move |arrived| match serde_json::from_str::<Entry>(&arrived.body) {
            Ok(entry) if lock(&refused).contains(&(entry.instance.clone(), entry.token)) => Reply::new(503, &[], ""),
            Ok(entry) => {
                let reported = Reported { entry, start: number.load(Ordering::SeqCst) };
                lock(&all).push(reported);
                Reply::new(200, &[], "")
            }
            Err(error) => Reply::new(400, &[], &error.to_string()),
        });
        Self { server: server.await, reports, starts, denied }
    }

    /// Where it is, such as `http://127.0.0.1:5000`.
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Where activities report.
    pub fn url(&self) -> String {
        format!("{}/ledger", self.origin())
    }

    /// How often the host was started again.
    pub fn starts(&self) -> u32 {
        self.starts.load(Ordering::SeqCst)
    }

    /// The host has ended and is about to be started again: what comes from now on comes from the next.
    pub async fn next_start(&self) {
        self.server.until_disconnected().await;
        self.starts.fetch_add(1, Ordering::SeqCst);
    }

    /// Refuses an activity's reports, so that it fails, and does not note them.
    pub fn deny(&self, instance: &str, token: u32) {
        lock(&self.denied).insert((instance.to_owned(), token));
    }

    /// Takes them again.
    pub fn allow(&self, instance: &str, token: u32) {
        lock(&self.denied).remove(&(instance.to_owned(), token));
    }

    /// Forgets all reports.
    pub fn clear(&self) {
        lock(&self.reports).clear();
    }

    /// All reports so far.
    pub fn reports(&self) -> Vec<Reported> {
        lock(&self.reports).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wrong with the reports. `ended` tells in which start of the host each instance was first seen to have ended, `crashes` how
/// often a host ended while activities may have run.
pub fn violations(reports: &[Reported], foretold: &Foretold, ended: &BTreeMap<String, u32>, crashes: usize) -> Vec<String> {
    let mut by_call: BTreeMap<(String, u32), Vec<&Reported>> = BTreeMap::new();
    for reported in reports {
        by_call.entry((reported.entry.instance.clone(), reported.entry.token)).or_default().push(reported);
    }
    let unknown = by_call.iter().filter(|(call, _)| !foretold.calls.contains_key(call) && !foretold.victims.contains(&call.0));
    let mut found: Vec<String> =
        unknown.map(|(call, runs)| format!("nobody asked for the activity of {call:?}, which ran: {runs:?}")).collect();
    for (call, wanted) in &foretold.calls {
        let runs = by_call.get(call).map_or(&[][..], Vec::as_slice);
        found.extend(
            wrong_runs(wanted, runs, crashes).map(|why| format!("the activity of {call:?} should be {wanted:?}, but {why}: {runs:?}")),
        );
        let after = runs.iter().filter(|run| ended.get(&call.0).is_some_and(|&end| run.start > end));
        found.extend(after.map(|run| format!("an activity began in a host that was started after {} had ended: {run:?}", call.0)));
    }
    found
}

fn wrong_runs(wanted: &Call, runs: &[&Reported], crashes: usize) -> Option<String> {
    if let Some(other) = runs.iter().find(|run| run.entry.key != runs[0].entry.key) {
        return Some(format!("its runs have different keys, {} and {}", runs[0].entry.key, other.entry.key));
    }
    let attempts = |number: u32| runs.iter().filter(|run| run.entry.attempt == number).count();
    let last = runs.iter().map(|run| run.entry.attempt).max().unwrap_or(0);
    // A crash may undo the end of a run, so each may cost one more; nothing else may.
    if let Some(number) = (1..=last).find(|&number| attempts(number) > 1 + crashes) {
        return Some(format!("attempt {number} ran {} times in spite of {crashes} crashes", attempts(number)));
    }
    match wanted {
        Call::Succeeds { .. } if runs.is_empty() => Some("it never ran".to_owned()),
        Call::Succeeds { failures } if crashes == 0 && last != failures + 1 => Some(format!("the last attempt was number {last}")),
        Call::Succeeds { failures } if last <= *failures => Some(format!("the last attempt was number {last}")),
        // A report may be lost with the host that made it, so a crash excuses an attempt that is not in the ledger.
        Call::Fails { attempts } if last > *attempts || (crashes == 0 && last != *attempts) => {
            Some(format!("the last attempt was number {last}"))
        }
        Call::Succeeds { .. } | Call::Fails { .. } | Call::Abandoned => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(attempt: u32, key: &str, start: u32) -> Reported {
        Reported { entry: Entry { instance: "a".into(), token: 1, attempt, key: key.into() }, start }
    }

    fn check(wanted: Call, reports: &[Reported], crashes: usize) -> usize {
        let calls = BTreeMap::from([(("a".to_owned(), 1), wanted)]);
        let foretold = Foretold { calls, ..Foretold::default() };
        violations(reports, &foretold, &BTreeMap::from([("a".to_owned(), 1)]), crashes).len()
    }

    #[test]
    fn a_run_too_many_needs_a_crash() {
        let twice = [report(1, "k", 0), report(1, "k", 1)];
        assert_eq!(check(Call::Succeeds { failures: 0 }, &twice, 0), 1);
        assert_eq!(check(Call::Succeeds { failures: 0 }, &twice, 1), 0);
    }

    #[test]
    fn missing_runs_other_keys_and_late_starts_are_found() {
        assert_eq!(check(Call::Succeeds { failures: 0 }, &[], 5), 1);
        assert_eq!(check(Call::Abandoned, &[report(1, "k", 0), report(2, "other", 0)], 0), 1);
        assert_eq!(check(Call::Abandoned, &[report(1, "k", 2)], 0), 1);
        assert_eq!(check(Call::Fails { attempts: 2 }, &[report(1, "k", 0), report(2, "k", 0), report(3, "k", 0)], 3), 1);
        let calls = Foretold::default();
        assert_eq!(violations(&[report(1, "k", 0)], &calls, &BTreeMap::new(), 0).len(), 1);
    }
}
