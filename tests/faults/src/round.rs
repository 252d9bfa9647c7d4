//! One run with one seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{AppFolder, Apps};
use interpreter_programs::Step;
use serde_json::Value;

use crate::disk::SmallDisk;
use crate::generate::{ACCOUNTS, program};
use crate::ledger::{self, Ledger};
use crate::model::{Events, Foretold};
use crate::nemesis::{self, Fault, Means};
use crate::random::Random;
use crate::subject::{self, Subject};
use crate::{client, database};

/// One seed in so many runs without any fault, where everything has to happen exactly once.
const QUIET: u64 = 8;
/// The starts of the programs are spread over as many milliseconds for each program.
const SPREAD_MS: u64 = 150;

/// A run in which everything was as foretold.
#[derive(Debug)]
pub struct Passed {
    /// Instances that ended, those that programs started among them.
    pub instances: usize,
    /// Runs of activities.
    pub activities: usize,
    /// What was done to the host.
    pub faults: Vec<Fault>,
    /// Whether the data lay on a disk that could be filled.
    pub small_disk: bool,
}

/// A run in which something was not.
#[derive(Debug)]
pub struct Failed {
    /// What was expected and what was seen.
    pub violations: Vec<String>,
    /// Where the data and the host's log are.
    pub folder: PathBuf,
}

/// Runs `scale` programs under the faults that `seed` chooses, and checks everything. The data is kept if the run fails.
///
/// # Errors
/// What was not as foretold.
pub async fn round(seed: u64, scale: usize, strace: bool) -> Result<Passed, Failed> {
    let folder = std::env::temp_dir().join(format!("longhaul-faults-{seed}-{}", std::process::id()));
    let failed = |violations: Vec<String>| Failed { violations, folder: folder.clone() };
    // In a task of its own, whose panics (a refused request, a wait that took too long) are results like others.
    let run = tokio::spawn(run(seed, scale, strace, folder.clone()));
    match run.await {
        Ok(Ok(passed)) => {
            let _ = std::fs::remove_dir_all(&folder);
            Ok(passed)
        }
        Ok(Err(violations)) => Err(failed(violations)),
        Err(panic) => Err(failed(vec![panic_text(panic)])),
    }
}

async fn run(seed: u64, scale: usize, strace: bool, folder: PathBuf) -> Result<Passed, Vec<String>> {
    let mut random = Random::new(seed);
    let programs: BTreeMap<String, Vec<Step>> = (0..scale).map(|number| (format!("p{number}"), program(&mut random))).collect();
    let mut foretold = Foretold::default();
    programs.iter().for_each(|(instance, steps)| foretold.add(instance, steps));
    // A run with the same process id may have left one.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(subject::data(&folder)).expect("a folder for the run");
    let text = serde_json::to_string_pretty(&programs).expect("programs are JSON");
    std::fs::write(folder.join("programs.json"), text).expect("a file with the programs");
    let disk = SmallDisk::mount(&subject::data(&folder));
    let means = Means { strace, small_disk: disk.is_some() };
    let ledger = Ledger::start().await;
    let host = Subject::start(&folder, app(&ledger.origin()), nemesis::mode(&mut random), &ledger).await;
    let work = Work { host: &host, programs: &programs, foretold: &foretold };
    let (ends, faults) = work.carry_out(&mut random, !seed.is_multiple_of(QUIET), means).await;
    host.stop().await;
    let mut violations = wrong_ends(&ends, &foretold, &programs);
    let ended = ends.iter().map(|(instance, (_, start))| (instance.clone(), *start)).collect();
    let reports = ledger.reports();
    // The last one was the stop after all had ended.
    violations.extend(ledger::violations(&reports, &foretold, &ended, host.crashes() - 1));
    let copy = copy_database(&host.data(), &folder);
    violations.extend(database::violations(&copy, &foretold).await.unwrap_or_else(|error| vec![format!("{error:#}")]));
    if violations.is_empty() {
        return Ok(Passed { instances: ends.len(), activities: reports.len(), faults, small_disk: means.small_disk });
    }
    violations.push(format!("the faults were {faults:?}"));
    Err(violations)
}

/// What is to be done in a run.
struct Work<'a> {
    host: &'a Subject<'a>,
    programs: &'a BTreeMap<String, Vec<Step>>,
    foretold: &'a Foretold,
}

/// The status objects of instances in the end, with the number of the host's start in which they were first seen so.
type Ends = BTreeMap<String, (Value, u32)>;

impl Work<'_> {
    /// Starts and accompanies all programs while the nemesis is at work, until all have ended and all money has arrived.
    async fn carry_out(&self, random: &mut Random, faulty: bool, means: Means) -> (Ends, Vec<Fault>) {
        let over = AtomicBool::new(!faulty);
        let torment = nemesis::torment(self.host, random.fork(), means, &over);
        let all = async {
            let funds = ACCOUNTS.map(|account| client::fund(self.host, account));
            let [north, east, south, west] = funds;
            tokio::join!(north, east, south, west);
            let spread = SPREAD_MS * self.programs.len() as u64;
            let programs = self.programs.keys().map(|instance| self.accompany(instance, random.fork(), spread));
            join_all(programs).await;
            let ends = join_all(self.foretold.ends.keys().map(async |id| (id.clone(), client::until_ended(self.host, id).await))).await;
            over.store(true, Ordering::SeqCst);
            ends.into_iter().collect::<Ends>()
        };
        let (ends, faults) = tokio::join!(all, torment);
        join_all(self.foretold.balances.iter().map(|(account, &balance)| client::until_balance(self.host, account, balance))).await;
        (ends, faults)
    }

    /// Starts a program at some time within `spread_ms` milliseconds, and raises the events that it and its children wait for.
    async fn accompany(&self, instance: &str, mut random: Random, spread_ms: u64) {
        tokio::time::sleep(Duration::from_millis(random.within(0, spread_ms + 1))).await;
        client::start(self.host, &mut random, instance, &self.host.ledger().url(), &self.programs[instance]).await;
        let is_own = |events: &&Events| root(&events.instance) == instance;
        let raises = self.foretold.events.iter().filter(is_own).map(|events| {
            let mut random = random.fork();
            async move { client::raise(self.host, &mut random, events, events.instance != instance).await }
        });
        join_all(raises).await;
    }
}

/// Waits for all of them, beside each other on this task.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|poll| {
        for (future, output) in futures.iter_mut().zip(&mut outputs).filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(poll) {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

fn wrong_ends(ends: &Ends, foretold: &Foretold, programs: &BTreeMap<String, Vec<Step>>) -> Vec<String> {
    let mut found = Vec::new();
    for (instance, end) in &foretold.ends {
        let Some((status, _)) = ends.get(instance) else { continue };
        let expected = [&Value::from("Completed"), &end.output, &end.custom_status];
        let seen = [&status["runtimeStatus"], &status["output"], &status["customStatus"]];
        if seen != expected {
            let program = &programs[root(instance)];
            found.push(format!("{instance} should have ended as {expected:?}\n    and ended as {seen:?}\n    the program: {program:?}"));
        }
    }
    found
}

/// The instance that the harness started and that led to this one.
fn root(instance: &str) -> &str {
    instance.split('.').next().unwrap_or(instance)
}

fn app(ledger: &str) -> AppFolder {
    Apps::test_guests().with_manifest(|manifest| {
        let changed = manifest.replace("http://127.0.0.1:1\"", &format!("{ledger}\""));
        assert_ne!(changed, manifest, "the manifest allows no host that could be replaced");
        changed
    })
}

/// Copies the database of a stopped host beside its data folder, from where it outlives a small disk.
fn copy_database(data: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join("longhaul.db");
    std::fs::copy(data.join("longhaul.db"), &copy).expect("a copy of the database");
    assert!(!data.join("longhaul.db-wal").exists(), "a host that stopped left a write-ahead log");
    copy
}

fn panic_text(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => (*text).to_owned(),
            (None, None) => "a panic without a text".to_owned(),
        },
        Err(error) => error.to_string(),
    }
}
