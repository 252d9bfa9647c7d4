//! Kills at every write of a scenario, one run after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::eventually;
use interpreter_programs::Step;

use crate::ledger::{self, Ledger};
use crate::model::Foretold;
use crate::round::{Failed, app, copy_database, panic_text, wrong_ends};
use crate::scenario::{Kept, Scenario};
use crate::subject::{self, Subject};
use crate::tracer::{Traced, Tracer};
use crate::{client, database};
use seeded::Random;

/// How long until somebody looks again whether the host has been killed.
const LOOK: Duration = Duration::from_millis(2);

/// What kills at the writes of a scenario came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Writes of the scenario: of its last run, which none ended.
    pub writes: u64,
    /// Runs that were ended at a write.
    pub kills: u64,
}

/// Runs a scenario with a kill at the first write, at the one `step` later, and so on, until a run ends before its number is reached. `faults` is the
/// program of this harness, which traces.
///
/// # Errors
/// What was not as foretold in the first run with such a thing. The folder is kept.
pub async fn every(scenario: Scenario, step: u64, faults: &Path) -> Result<Counted, Failed> {
    let folder = std::env::temp_dir().join(format!("longhaul-writes-{}-{}", scenario.name(), std::process::id()));
    // In a task of its own, whose panics (a refused request, a wait that took too long) are results like others.
    let run = tokio::spawn(all(scenario, step, faults.to_owned(), folder.clone()));
    match run.await.unwrap_or_else(|panic| Err(vec![panic_text(panic)])) {
        Ok(counted) => {
            let _ = std::fs::remove_dir_all(&folder);
            Ok(counted)
        }
        Err(violations) => Err(Failed { violations, folder }),
    }
}

async fn all(scenario: Scenario, step: u64, faults: PathBuf, folder: PathBuf) -> Result<Counted, Vec<String>> {
    // A run with the same process id may have left one.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(subject::data(&folder)).expect("a folder for the runs");
    let ledger = Ledger::start().await;
    let host = Subject::start(
        &folder,
        app(&ledger.origin(), |manifest| with_functions(&manifest, scenario.functions())),
        scenario.arguments(),
        &ledger,
    )
    .await;
    scenario.set_up(&host).await;
    host.stop().await;
    let template = folder.join("template");
    if scenario.is_first_start() {
        std::fs::create_dir(&template).expect("a folder");
    } else {
        copy_files(&host.data(), &template);
    }
    let stage =
        Stage { scenario, programs: scenario.programs(), foretold: scenario.foretold(), host, ledger: &ledger, template, folder, faults };
    for (kills, number) in (0..).zip((1..).step_by(usize::try_from(step).unwrap_or(1))) {
        let at = |violations: Vec<String>| -> Vec<String> {
            let place = format!("killed at write {number} of '{}':", scenario.name());
            std::iter::once(place).chain(violations).collect()
        };
        let traced = stage.run(number).await.map_err(at)?;
        if !traced.killed {
            return Ok(Counted { writes: traced.calls, kills });
        }
    }
    unreachable!("numbers have no end, and scenarios do")
}

/// Where a scenario is run.
struct Stage<'a> {
    scenario: Scenario,
    programs: BTreeMap<String, Vec<Step>>,
    foretold: Foretold,
    host: Subject<'a>,
    ledger: &'a Ledger,
    /// The data that each run begins with.
    template: PathBuf,
    folder: PathBuf,
    faults: PathBuf,
}

impl Stage<'_> {
    /// One run: the host is killed at its `number`-th write, if it comes to it, and started again as often as it has ended.
    async fn run(&self, number: u64) -> Result<Traced, Vec<String>> {
        let crashes = self.host.crashes();
        let tracer = self.begin(number).await;
        let kept = self.to_the_end(number).await;
        self.host.terminate();
        let exit = self.host.until_ended().await;
        let traced = tracer.finish().expect("the tracer sees the end");
        let mut found = Vec::new();
        if !exit.success() && !traced.killed {
            found.push(format!("the host ended with {exit}"));
        }
        // What was answered holds in the next host, too, whether this one was killed as it stopped or not.
        self.host.count_crash();
        self.host.start_again(self.scenario.arguments()).await;
        found.extend(self.unkept(&kept).await);
        self.host.stop().await;
        found.extend(wrong_ends(&kept.ends, &self.foretold, &self.programs));
        let ended = kept.ends.iter().map(|(instance, (_, start))| (instance.clone(), *start)).collect();
        found.extend(ledger::violations(&self.ledger.reports(), &self.foretold, &ended, self.host.crashes() - crashes));
        let copy = copy_database(&self.host.data(), &self.folder);
        found.extend(database::violations(&copy, &self.foretold).await.unwrap_or_else(|error| vec![format!("{error:#}")]));
        if found.is_empty() { Ok(traced) } else { Err(found) }
    }

    /// Starts a host on the data that each run begins with, and has its writes counted.
    async fn begin(&self, number: u64) -> Tracer {
        let data = self.host.data();
        std::fs::remove_dir_all(&data).expect("the data of the run before can be removed");
        copy_files(&self.template, &data);
        let held = self.scenario.is_first_start();
        match held {
            true => self.host.spawn_held(self.scenario.arguments()).await,
            false => self.host.start_again(self.scenario.arguments()).await,
        }
        self.ledger.clear();
        Tracer::attach(&self.faults, self.host.process_id(), &data, number).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Carries out the scenario, and starts the host again whenever it has ended meanwhile.
    async fn to_the_end(&self, number: u64) -> Kept {
        let over = AtomicBool::new(false);
        let revive = async {
            while !over.load(Ordering::SeqCst) {
                if self.host.has_ended() {
                    self.host.count_crash();
                    self.host.spawn_again(self.scenario.arguments()).await;
                    assert!(self.host.healthy_or_ended().await, "the host ended while it started after its end");
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let act = async {
            let kept = self.scenario.act(&self.host, &mut Random::new(number), &self.foretold).await;
            over.store(true, Ordering::SeqCst);
            kept
        };
        tokio::join!(act, revive).0
    }

    /// What a new host does not know of what was answered before.
    async fn unkept(&self, kept: &Kept) -> Vec<String> {
        let mut found = Vec::new();
        for (instance, (status, _)) in &kept.ends {
            let (now, _) = client::until_ended(&self.host, instance).await;
            if &now != status {
                found.push(format!("{instance} ended as {status} and is {now} in the next host"));
            }
        }
        for (uri, key, status) in &kept.answers {
            let answer = eventually(format!("an answer to {uri}"), Duration::from_secs(60), || async {
                let request = http::Request::get(uri).header("x-functions-key", key).body(http_body_util::Full::default());
                self.host.http().try_request(request.expect("keys are plain")).await.map_err(|error| format!("{error:#}"))
            });
            let seen = answer.await.status;
            if seen != *status {
                found.push(format!("{uri} with key '{key}' is answered with {seen} in the next host, not with {status}"));
            }
        }
        found
    }
}

/// A manifest without other functions.
fn with_functions(manifest: &str, names: &[&str]) -> String {
    let mut parts = manifest.split("[[function]]");
    let head = parts.next().unwrap_or_default().to_owned();
    let is_needed = |part: &&str| names.iter().any(|name| part.contains(&format!("name = \"{name}\"")));
    head + &parts.filter(is_needed).map(|part| format!("[[function]]{part}")).collect::<String>()
}

/// Copies the files of a folder, which has no folders.
fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("a folder that can be read") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, to.join(path.file_name().expect("a file has a name"))).expect("a copy");
    }
}
