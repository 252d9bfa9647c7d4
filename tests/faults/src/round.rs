//! One run with one seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{AppFolder, Apps, Canaries};
use http::Method;
use interpreter_programs::Step;
use serde_json::Value;

use crate::company::Company;
use crate::disk::SmallDisk;
use crate::generate::{ACCOUNTS, program};
use crate::ledger::{self, Ledger};
use crate::model::{Events, Foretold};
use crate::nemesis::{self, Fault, Means};
use crate::subject::{self, Subject};
use crate::{client, company, database, ticks};
use seeded::Random;

/// One seed in so many runs without any fault, where everything has to happen exactly once.
const QUIET: u64 = 8;
/// One seed in so many keeps its data in memory, where everything is quicker and no power can fail.
const IN_MEMORY: u64 = 2;
/// So many instances are looked at at a time.
const LANES: usize = 64;

/// What a run is given.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Chooses the programs and the faults.
    pub seed: u64,
    /// Programs.
    pub scale: usize,
    /// The starts of the programs are spread over so much time.
    pub spread: Duration,
    /// Whether strace may attach to the host.
    pub strace: bool,
}

/// A run in which everything was as foretold.
#[derive(Debug)]
pub struct Passed {
    /// Programs that the harness started.
    pub programs: usize,
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

/// Runs programs under faults, and checks everything. The data is kept if the run fails.
///
/// # Errors
/// What was not as foretold.
pub async fn round(run: Run) -> Result<Passed, Failed> {
    let folder = std::env::temp_dir().join(format!("longhaul-faults-{}-{}", run.seed, std::process::id()));
    let failed = |violations: Vec<String>| Failed { violations, folder: folder.clone() };
    // In a task of its own, whose panics (a refused request, a wait that took too long) are results like others.
    match tokio::spawn(carry_out(run, folder.clone())).await {
        Ok(Ok(passed)) => {
            let _ = std::fs::remove_dir_all(&folder);
            Ok(passed)
        }
        Ok(Err(violations)) => Err(failed(violations)),
        Err(panic) => Err(failed(vec![panic_text(panic)])),
    }
}

async fn carry_out(run: Run, folder: PathBuf) -> Result<Passed, Vec<String>> {
    let Run { seed, scale, spread, strace } = run;
    let mut random = Random::new(seed);
    let programs: BTreeMap<String, Vec<Step>> = (0..scale).map(|number| (format!("p{number}"), program(&mut random))).collect();
    let mut foretold = Foretold::default();
    programs.iter().for_each(|(instance, steps)| foretold.add(instance, steps));
    let company = Company::draw(&mut random, &programs);
    company.foretell(&mut foretold);
    // A run with the same process id may have left one.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(subject::data(&folder)).expect("a folder for the run");
    let text = serde_json::to_string_pretty(&programs).expect("programs are JSON");
    std::fs::write(folder.join("programs.json"), text + &format!("\n{company:#?}\n")).expect("a file with the programs");
    let disk = SmallDisk::mount(&subject::data(&folder), !seed.is_multiple_of(IN_MEMORY));
    let means = Means { strace, disk: disk.as_ref() };
    let ledger = Ledger::start().await;
    let host =
        Subject::start(&folder, app(&ledger.origin(), |manifest| manifest + ticks::TIMER), nemesis::mode(&mut random), &ledger).await;
    let work = Work { host: &host, programs: &programs, company: &company, foretold: &foretold, spread };
    let (ends, faults) = work.carry_out(&mut random, !seed.is_multiple_of(QUIET), means).await;
    let (canaries, mut violations) = plant(&host).await;
    host.stop().await;
    violations.extend(canaries.found_in_folder(&host.data()));
    violations.extend(canaries.found_in("the log", &std::fs::read(folder.join("host.log")).expect("a log")));
    violations.extend(wrong_ends(&ends, &foretold, &programs));
    let ended = ends.iter().map(|(instance, (_, start))| (instance.clone(), *start)).collect();
    let reports = ledger.reports();
    // The last one was the stop after all had ended.
    violations.extend(ledger::violations(&reports, &foretold, &ended, host.crashes() - 1));
    let copy = copy_database(&host.data(), &folder);
    violations.extend(database::violations(&copy, &foretold).await.unwrap_or_else(|error| vec![format!("{error:#}")]));
    violations.extend(ticks::violations(&copy).await.unwrap_or_else(|error| vec![format!("{error:#}")]));
    if violations.is_empty() {
        let programs = programs.len() + company.victims.len() + company.failing.len();
        return Ok(Passed { programs, instances: ends.len(), activities: reports.len(), faults, small_disk: disk.is_some() });
    }
    violations.push(format!("the faults were {faults:?}"));
    Err(violations)
}

/// Has a key made, and looks for it and for the host's own secrets in what the host shows. Returns them and what was found.
async fn plant(host: &Subject<'_>) -> (Canaries, Vec<String>) {
    let mut canaries = Canaries::of(&host.data());
    let admin = client::admin_key(host).await;
    let made = client::insist(host, Method::POST, &host.root_uri("/admin/keys/system/canary"), Some(&admin), &[201]).await;
    canaries.plant("a key that was made", made.json()["key"].as_str().expect("a key is a text"));
    let mut found = Vec::new();
    let shown = ["/admin/keys", "/admin/deployments", "/metrics"].map(|path| host.root_uri(path));
    let lists = ["/instances?top=1000&showInput=true", "/entities?fetchState=true"].map(|path| host.uri(path));
    for uri in shown.into_iter().chain(lists) {
        let answer = client::insist(host, Method::GET, &uri, None, &[200]).await;
        found.extend(canaries.found_in(&uri, &answer.body));
    }
    (canaries, found)
}

/// What is to be done in a run.
struct Work<'a> {
    host: &'a Subject<'a>,
    programs: &'a BTreeMap<String, Vec<Step>>,
    company: &'a Company,
    foretold: &'a Foretold,
    spread: Duration,
}

/// The status objects of instances in the end, with the number of the host's start in which they were first seen so.
pub(crate) type Ends = BTreeMap<String, (Value, u32)>;

impl Work<'_> {
    /// Starts and accompanies all programs while the nemesis is at work, until all have ended and all money has arrived.
    async fn carry_out(&self, random: &mut Random, faulty: bool, means: Means<'_>) -> (Ends, Vec<Fault>) {
        let over = AtomicBool::new(!faulty);
        let torment = nemesis::torment(self.host, random.fork(), means, &over);
        let all = async {
            let funds = ACCOUNTS.map(|account| client::fund(self.host, account));
            let [north, east, south, west] = funds;
            tokio::join!(north, east, south, west, company::fund(self.host));
            let spread = self.spread.as_millis() as u64;
            let programs = self.programs.keys().map(|instance| self.accompany(instance, random.fork(), spread)).collect::<Vec<_>>();
            let victims = self
                .company
                .victims
                .iter()
                .map(|(instance, (steps, purged))| self.torment(instance, steps, *purged, random.fork(), spread));
            let victims = victims.collect::<Vec<_>>();
            let failing = self.company.failing.iter().map(|(instance, steps)| self.rewind(instance, steps, random.fork(), spread));
            tokio::join!(join_all(programs), join_all(victims), join_all(failing.collect::<Vec<_>>()));
            let ends = self.until_all_ended().await;
            over.store(true, Ordering::SeqCst);
            ends
        };
        let (ends, faults) = tokio::join!(all, torment);
        join_all(self.foretold.balances.iter().map(|(account, &balance)| client::until_balance(self.host, account, balance))).await;
        (ends, faults)
    }

    /// Waits for all instances, for some of them at a time, so that looking does not keep the host from working.
    async fn until_all_ended(&self) -> Ends {
        let ids: Vec<_> = self.foretold.ends.keys().collect();
        let lanes = ids.chunks(ids.len().div_ceil(LANES).max(1)).map(async |ids| {
            let mut ends = Ends::new();
            for &id in ids {
                ends.insert(id.clone(), client::until_ended(self.host, id).await);
            }
            ends
        });
        join_all(lanes).await.into_iter().flatten().collect()
    }

    /// Starts a program at some time within `spread_ms` milliseconds, and raises the events that it and its children wait for.
    async fn accompany(&self, instance: &str, mut random: Random, spread_ms: u64) {
        tokio::time::sleep(Duration::from_millis(random.within(0, spread_ms + 1))).await;
        client::start(self.host, &mut random, instance, &self.host.ledger().url(), &self.programs[instance]).await;
        let mut held = random.fork();
        let is_own = |events: &&Events| root(&events.instance) == instance;
        let raises = self.foretold.events.iter().filter(is_own).map(|events| {
            let mut random = random.fork();
            async move { client::raise(self.host, &mut random, events, events.instance != instance).await }
        });
        let hold = async {
            if self.company.held.contains(instance) {
                company::hold(self.host, &mut held, instance).await;
            }
        };
        tokio::join!(join_all(raises), hold);
    }

    async fn torment(&self, instance: &str, steps: &[Step], purged: bool, mut random: Random, spread_ms: u64) {
        tokio::time::sleep(Duration::from_millis(random.within(0, spread_ms + 1))).await;
        company::torment(self.host, &mut random, instance, steps, purged).await;
    }

    async fn rewind(&self, instance: &str, steps: &[Step], mut random: Random, spread_ms: u64) {
        tokio::time::sleep(Duration::from_millis(random.within(0, spread_ms + 1))).await;
        company::rewind(self.host, &mut random, instance, steps).await;
    }
}

/// Waits for all of them, beside each other on this task.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
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

pub(crate) fn wrong_ends(ends: &Ends, foretold: &Foretold, programs: &BTreeMap<String, Vec<Step>>) -> Vec<String> {
    let mut found = Vec::new();
    for (instance, end) in &foretold.ends {
        let Some((status, _)) = ends.get(instance) else { continue };
        let expected = [&Value::from("Completed"), &end.output, &end.custom_status];
        let seen = [&status["runtimeStatus"], &status["output"], &status["customStatus"]];
        if seen != expected {
            let program = programs.get(root(instance));
            found.push(format!("{instance} should have ended as {expected:?}\n    and ended as {seen:?}\n    the program: {program:?}"));
        }
    }
    found
}

/// The instance that the harness started and that led to this one.
pub(crate) fn root(instance: &str) -> &str {
    instance.split('.').next().unwrap_or(instance)
}

/// The app of the test guests, whose activities may report to `ledger`, with a changed manifest.
pub(crate) fn app(ledger: &str, change: impl FnOnce(String) -> String) -> AppFolder {
    Apps::test_guests().with_manifest(|manifest| {
        let allowed = manifest.replace("http://127.0.0.1:1\"", &format!("{ledger}\""));
        assert_ne!(allowed, manifest, "the manifest allows no host that could be replaced");
        change(allowed)
    })
}

/// Copies the database of a stopped host beside its data folder, from where it outlives a small disk.
pub(crate) fn copy_database(data: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join("longhaul.db");
    std::fs::copy(data.join("longhaul.db"), &copy).expect("a copy of the database");
    assert!(!data.join("longhaul.db-wal").exists(), "a host that stopped left a write-ahead log");
    copy
}

pub(crate) fn panic_text(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (None, Some(text)) => (*text).to_owned(),
            (None, None) => "a panic without a text".to_owned(),
        },
        Err(error) => error.to_string(),
    }
}
