//! What a seed decides: the programs, what happens to them, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use faults::generate::program;
use faults::model::{End, Foretold};
use interpreter_programs::Step;
use longhaul_engine::EngineConfig;
use seeded::Random;
use serde_json::{Value, json};

use crate::universe::Pace;

/// One seed in so many has neither crashes nor failures of the store: there everything must happen
/// exactly once.
const QUIET: u64 = 8;
/// Bytes of long inputs. What is long is the real host's to try; here it would only be slow.
const BIG_BYTES: usize = 400;

/// What a seed decides.
#[derive(Debug)]
pub struct Plan {
    /// By instance, with what must come of them.
    pub programs: BTreeMap<String, Vec<Step>>,
    /// What the model says.
    pub foretold: Foretold,
    /// Instances that are terminated at some time, unless they end before. They have accounts of
    /// their own.
    pub victims: BTreeMap<String, Vec<Step>>,
    /// Programs whose instances are held for a while.
    pub held: BTreeSet<String>,
    /// How many events one instance sends to another, whose order must hold.
    pub couriers: usize,
    /// How the engine works.
    pub config: EngineConfig,
    /// How unevenly things go.
    pub pace: Pace,
    /// After so much time each the engine crashes.
    pub crashes: Vec<Duration>,
    /// In so many of a thousand appends and other writes the store fails.
    pub failing_writes: u64,
    /// The same of reads.
    pub failing_reads: u64,
    /// Most milliseconds that a call of the store takes.
    pub slowest_ms: u64,
    /// How far the machine's clock jumps, milliseconds, and how long before each jump it goes
    /// right.
    pub jumps: Vec<(Duration, i64)>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(random: &mut Random, seed: u64) -> Self {
        let programs: BTreeMap<_, _> = (0..random.within(1, 5)).map(|number| (format!("p{number}"), shortened(program(random)))).collect();
        let victims = (0..random.within(0, 3)).map(|number| (format!("v{number}"), private(shortened(program(random))))).collect();
        let held = programs.keys().filter(|_| random.percent(30)).cloned().collect();
        let mut foretold = Foretold::default();
        programs.iter().for_each(|(instance, steps)| foretold.add(instance, steps));
        let couriers = if random.percent(40) { random.within(2, 12) as usize } else { 0 };
        if couriers > 0 {
            foretold.ends.insert("sender".into(), end(json!(vec![Value::Null; couriers * 2])));
            foretold.ends.insert("receiver".into(), end(json!([(0..couriers).collect::<Vec<_>>()])));
        }
        let quiet = seed.is_multiple_of(QUIET);
        let rate = |random: &mut Random, most: u64| if quiet || random.percent(40) { 0 } else { random.within(1, most) };
        Self {
            programs,
            foretold,
            victims,
            held,
            couriers,
            config: config(random),
            pace: Pace::any(random),
            crashes: (0..rate(random, 6)).map(|_| Duration::from_millis(random.within(1, 4_000))).collect(),
            failing_writes: rate(random, 120),
            failing_reads: rate(random, 60),
            slowest_ms: [0, 3, 40, 900][random.within(0, 4) as usize],
            jumps: if random.percent(40) { jumps(random) } else { Vec::new() },
        }
    }

    /// The program of the one who sends events in order.
    pub fn sender(&self) -> Vec<Step> {
        let steps = |number| {
            let tell = Step::Tell { instance: "receiver".into(), event: "letter".into(), number };
            [tell, if number % 3 == 0 { Step::Timer { ms: 5 } } else { Step::Status { text: "on my way".into() } }]
        };
        (0..self.couriers as u32).flat_map(steps).collect()
    }

    /// The program of the one who takes them.
    pub fn receiver(&self) -> Vec<Step> {
        vec![Step::Collect { event: "letter".into(), count: self.couriers }]
    }
}

/// By minutes or by hours, either way, and perhaps back again.
fn jumps(random: &mut Random) -> Vec<(Duration, i64)> {
    let mut jumps = Vec::new();
    for _ in 0..random.within(1, 3) {
        let longest = if random.percent(50) { 120_000 } else { 4 * 3_600_000 };
        let far = random.within(0, longest) as i64;
        let by = if random.percent(50) { far } else { -far };
        jumps.push((Duration::from_millis(random.within(0, 1_500)), by));
        if random.percent(60) {
            jumps.push((Duration::from_millis(random.within(1, 3_000)), -by));
        }
    }
    jumps
}

fn end(output: Value) -> End {
    let sent = output.as_array().is_some_and(|values| values.len() > 1);
    End { output, custom_status: if sent { json!("on my way") } else { Value::Null } }
}

fn config(random: &mut Random) -> EngineConfig {
    EngineConfig {
        guest_threads: random.within(1, 5) as usize,
        max_hot_instances: if random.percent(50) { random.within(1, 4) as usize } else { 2_000 },
        evict_after_every_turn: random.percent(20),
        one_commit_per_batch: random.percent(20),
        max_replaced_threads: if random.percent(50) { random.within(0, 3) as usize } else { 16 },
        max_turns_in_flight: if random.percent(50) { random.within(1, 4) as u32 } else { 64 },
        ..EngineConfig::default()
    }
}

/// The same program with shorter inputs.
fn shortened(steps: Vec<Step>) -> Vec<Step> {
    changed(steps, &|step| match step {
        Step::Big { token, .. } => Step::Big { token, bytes: BIG_BYTES },
        other => other,
    })
}

/// The same program over accounts that no other program uses: what is terminated midway may leave
/// anything there but a lock.
fn private(steps: Vec<Step>) -> Vec<Step> {
    let own = |account: String| format!("victim-{account}");
    changed(steps, &|step| match step {
        Step::Signal { account, amount } => Step::Signal { account: own(account), amount },
        Step::Deposit { account, amount } => Step::Deposit { account: own(account), amount },
        Step::Transfer { from, to, amount } => Step::Transfer { from: own(from), to: own(to), amount },
        other => other,
    })
}

fn changed(steps: Vec<Step>, change: &impl Fn(Step) -> Step) -> Vec<Step> {
    let one = |step| match step {
        Step::Child { steps } => Step::Child { steps: changed(steps, change) },
        other => change(other),
    };
    steps.into_iter().map(one).collect()
}
