//! One run with one seed: random programs under random faults, compared with what the model
//! foretells.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use faults::generate::ACCOUNTS;
use faults::model::{Call, Events, FUNDS, Foretold};
use interpreter_programs::{Program, Step};
use longhaul_core::{InstanceId, InstanceRow, RuntimeStatus};
use longhaul_engine::{Binding, Engine, Simulated};
use seeded::Random;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::check;
use crate::client::{Request, completed_with, hold, insist, persist, purge, until_ended, until_quiet};
use crate::life::Life;
use crate::plan::Plan;
use crate::store::{Gate, GatedStore, Kind, Verdict};
use crate::universe::{Attempt, Universe, spend};

/// After so much time in the last engine the store works as it should, so that there is an end.
const TROUBLE: Duration = Duration::from_secs(120);
/// Longest life of the last engine, in virtual time.
const LONGEST: Duration = Duration::from_secs(6 * 3_600);

/// What came of a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    /// Instances that ended.
    pub instances: usize,
    /// Records in the log.
    pub records: usize,
    /// Engines that crashed.
    pub crashes: u64,
    /// Calls of the store that failed.
    pub failures: u64,
}

/// Runs one seed.
///
/// # Errors
/// What was not as foretold.
pub fn run(seed: u64) -> Result<Passed, Vec<String>> {
    let mut random = Random::new(seed);
    let plan = Arc::new(Plan::of(&mut random, seed));
    let of = plan.clone();
    let result = std::panic::catch_unwind(AssertUnwindSafe(move || carry_out(seed, &of)));
    let mut found = match result {
        Ok(Ok((passed, _))) => return Ok(passed),
        Ok(Err(found)) => found,
        Err(panic) => vec![panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic, see above".to_owned())],
    };
    found.push(format!("the plan was {plan:?}"));
    Err(found)
}

/// The log of a run, record by record, as text: two runs of one seed must give the same.
///
/// # Panics
/// When the run fails.
pub fn log(seed: u64) -> Vec<String> {
    let plan = Arc::new(Plan::of(&mut Random::new(seed), seed));
    let (_, store) = carry_out(seed, &plan).unwrap_or_else(|found| panic!("seed {seed}: {found:?}"));
    store.log().iter().map(|record| format!("{} {}", record.instance, record.record.encode())).collect()
}

fn carry_out(seed: u64, plan: &Arc<Plan>) -> Result<(Passed, Arc<GatedStore>), Vec<String>> {
    let universe = Arc::new(Universe::new(!seed, plan.pace));
    let gate = Arc::new(RandomGate { universe: universe.clone(), plan: plan.clone(), calm: AtomicBool::new(false) });
    let store = Arc::new(GatedStore::new(gate.clone()));
    let life = Life { universe: universe.clone(), store: store.clone(), config: plan.config.clone() };
    let run = Run { plan: plan.clone(), store: store.clone(), universe: universe.clone(), jumped: Arc::default() };
    let mut crashes = 0;
    let mut over = false;
    for lifetime in &plan.crashes {
        if life.live(*lifetime, async |engine: Engine| run.to_the_end(engine).await).is_some() {
            over = true;
            break;
        }
        crashes += 1;
    }
    if !over {
        let last = life.live(LONGEST, async |engine: Engine| {
            let calm = async {
                sleep(TROUBLE).await;
                gate.calm.store(true, Ordering::Relaxed);
                std::future::pending::<()>().await;
            };
            tokio::select! { biased; () = run.to_the_end(engine) => {}, () = calm => {} }
        });
        if last.is_none() {
            let mut found = universe.left_lying();
            found.push(format!("it never ends: {:?}", check::rows(&store.inner)));
            return Err(found);
        }
    }
    let losses = crashes + store.failures();
    let found = run.violations(losses);
    let passed = Passed { instances: plan.foretold.ends.len(), records: store.log().len(), crashes, failures: store.failures() };
    if found.is_empty() { Ok((passed, store)) } else { Err(found) }
}

/// Lets calls fail and wait as the plan says.
struct RandomGate {
    universe: Arc<Universe>,
    plan: Arc<Plan>,
    calm: AtomicBool,
}

impl RandomGate {
    fn delay(&self) -> Option<Duration> {
        let mut random = self.universe.random();
        let ms = if random.percent(60) { 0 } else { random.within(0, self.plan.slowest_ms + 1) };
        (ms > 0).then(|| Duration::from_millis(ms))
    }
}

impl Gate for RandomGate {
    fn pass(&self, kind: Kind) -> Simulated<Verdict> {
        let rate = match kind {
            Kind::Append | Kind::Write => self.plan.failing_writes,
            Kind::Read => self.plan.failing_reads,
        };
        let fails = !self.calm.load(Ordering::Relaxed) && self.universe.random().within(0, 1_000) < rate;
        let verdict = match fails {
            false => Verdict::Proceed,
            true if self.universe.random().percent(50) => Verdict::FailBefore,
            true => Verdict::FailAfter,
        };
        let delay = self.delay();
        Box::pin(async move {
            spend(delay).await;
            verdict
        })
    }

    fn leave(&self) -> Simulated<()> {
        Box::pin(spend(self.delay()))
    }
}

#[derive(Clone)]
struct Run {
    plan: Arc<Plan>,
    store: Arc<GatedStore>,
    universe: Arc<Universe>,
    /// How often the clock has jumped.
    jumped: Arc<AtomicUsize>,
}

impl Run {
    /// Does all that clients have to do, from the beginning: what was done with an earlier engine
    /// is known by its key.
    async fn to_the_end(&self, engine: Engine) {
        let mut random = self.universe.random().fork();
        for account in ACCOUNTS {
            insist(&engine, &mut random, &format!("fund {account}"), &Request::Deposit { account: account.into(), amount: FUNDS }).await;
        }
        let mut clients = JoinSet::new();
        for id in self.plan.programs.keys() {
            clients.spawn(self.clone().accompany(engine.clone(), random.fork(), id.clone()));
        }
        for id in self.plan.victims.keys() {
            clients.spawn(self.clone().torment(engine.clone(), random.fork(), id.clone()));
        }
        if self.plan.couriers > 0 {
            clients.spawn(self.clone().send_couriers(engine.clone(), random.fork()));
        }
        let run = self.clone();
        clients.spawn(async move { run.jump().await });
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
        for id in self.plan.foretold.ends.keys() {
            until_ended(&engine, id).await;
        }
        until_quiet(|| check::rows(&self.store.inner)).await;
    }

    /// Lets the clock jump as planned, each time once: what an engine before this one has seen is
    /// over.
    async fn jump(&self) {
        for (after, by_ms) in self.plan.jumps.iter().skip(self.jumped.load(Ordering::Relaxed)) {
            sleep(*after).await;
            self.jumped.fetch_add(1, Ordering::Relaxed);
            self.universe.jump(*by_ms);
        }
    }

    async fn start(&self, engine: &Engine, random: &mut Random, id: &str, steps: &[Step]) {
        let program = Program { ledger: String::new(), steps: steps.to_vec(), done: Vec::new() };
        let request = Request::Start { name: "Interpreter".into(), id: id.into(), input: json!(program) };
        let accepted = insist(engine, random, &format!("start {id}"), &request).await;
        assert_eq!(accepted.as_str(), id, "the start of {id} was answered with another id");
    }

    /// Starts a program, raises what it waits for, and perhaps holds it for a while.
    async fn accompany(self, engine: Engine, mut random: Random, id: String) {
        sleep(Duration::from_millis(random.within(0, 600))).await;
        self.start(&engine, &mut random, &id, &self.plan.programs[&id]).await;
        let mut raises = JoinSet::new();
        let is_own = |events: &&Events| events.instance.split('.').next() == Some(&id);
        for events in self.plan.foretold.events.iter().filter(is_own) {
            raises.spawn(raise(engine.clone(), random.fork(), events.clone(), events.instance != id));
        }
        if self.plan.held.contains(&id) {
            let pause = Duration::from_millis(random.within(0, 1_500));
            sleep(pause).await;
            hold(&engine, &InstanceId::trusted(id.as_str()), pause).await;
        }
        while let Some(ended) = raises.join_next().await {
            if let Err(error) = ended {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    /// Starts a program, and terminates it and its children.
    async fn torment(self, engine: Engine, mut random: Random, id: String) {
        for account in ACCOUNTS {
            let account = format!("victim-{account}");
            insist(&engine, &mut random, &format!("fund {account}"), &Request::Deposit { account, amount: FUNDS }).await;
        }
        let of = InstanceId::trusted(id.as_str());
        let purged = random.percent(30);
        self.start(&engine, &mut random, &id, &self.plan.victims[&id]).await;
        sleep(Duration::from_millis(random.within(0, 1_200))).await;
        // An engine before this one may have removed it.
        if status(&engine, &of).await.is_none() {
            return;
        }
        let none = Binding::none();
        persist(&of, || engine.terminate(&of, Some("a victim".into()), true, &none)).await;
        until_ended(&engine, &id).await;
        if purged {
            purge(&engine, &of).await;
        }
    }

    async fn send_couriers(self, engine: Engine, mut random: Random) {
        self.start(&engine, &mut random, "receiver", &self.plan.receiver()).await;
        self.start(&engine, &mut random, "sender", &self.plan.sender()).await;
    }

    fn violations(&self, losses: u64) -> Vec<String> {
        let rows = check::rows(&self.store.inner);
        let by_id: BTreeMap<&str, &InstanceRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let foretold = &self.plan.foretold;
        let mut found = check::violations(&self.store);
        found.extend(self.universe.left_lying());
        for (id, end) in &foretold.ends {
            let row = by_id.get(id.as_str());
            let status = row.and_then(|row| row.custom_status.as_ref()).map_or(Value::Null, |status| json_of(status.as_str()));
            if !row.is_some_and(|row| completed_with(row, &end.output)) || status != end.custom_status {
                found.push(format!("{id} should have ended as {end:?}, and is {row:?}"));
            }
        }
        let stranger = |row: &&InstanceRow| {
            let id = row.id.as_str();
            !row.id.is_entity() && !foretold.ends.contains_key(id) && !self.plan.victims.keys().any(|victim| belongs_to(id, victim))
        };
        found.extend(rows.iter().filter(stranger).map(|row| format!("nobody started {row:?}")));
        let failed = |row: &&InstanceRow| row.status == RuntimeStatus::Failed;
        found.extend(rows.iter().filter(failed).map(|row| format!("{} failed: {:?}", row.id, row.output)));
        for account in ACCOUNTS {
            let wanted = foretold.balances.get(account).unwrap_or(&FUNDS);
            let state = by_id.get(format!("@account@{account}").as_str()).and_then(|row| row.state.as_ref());
            let seen = state.map(|state| json_of(state.as_str())["balance"].clone());
            if seen != Some(json!(wanted)) {
                found.push(format!("account {account} holds {seen:?}, not {wanted}"));
            }
        }
        let attempts = self.universe.attempts();
        found.extend(check::wrong_attempts(&attempts, losses));
        found.extend(wrong_calls(&attempts, foretold));
        found
    }
}

async fn status(engine: &Engine, id: &InstanceId) -> Option<InstanceRow> {
    loop {
        match engine.status(id).await {
            Ok(row) => return row,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Whether this is the victim or what came of it.
fn belongs_to(id: &str, victim: &str) -> bool {
    id.split('.').next() == Some(victim)
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

async fn raise(engine: Engine, mut random: Random, events: Events, is_child: bool) {
    let Events { instance, name, payloads } = events;
    for (number, data) in payloads.into_iter().enumerate() {
        sleep(Duration::from_millis(random.within(0, 300))).await;
        let request = Request::Raise { id: instance.clone(), may_be_missing: is_child, event: name.clone(), data };
        insist(&engine, &mut random, &format!("raise {instance} {name} {number}"), &request).await;
    }
}

/// Calls that ran to another end than the model foretells.
pub(crate) fn wrong_calls(attempts: &[Attempt], foretold: &Foretold) -> Vec<String> {
    let mut last: BTreeMap<(String, u32), u32> = BTreeMap::new();
    for Attempt { instance, token, number, .. } in attempts {
        let latest = last.entry((instance.clone(), *token)).or_default();
        *latest = (*latest).max(*number);
    }
    let mut found = Vec::new();
    for (call, wanted) in &foretold.calls {
        let seen = last.get(call).copied().unwrap_or(0);
        let is_right = match wanted {
            Call::Succeeds { failures } => seen == failures + 1,
            Call::Fails { attempts } => seen == *attempts,
            Call::Abandoned => true,
        };
        if !is_right {
            found.push(format!("the activity of {call:?} should be {wanted:?}, and its last attempt was number {seen}"));
        }
    }
    found
}
