//! The world in which an engine is simulated: virtual time, ids, pauses, and activities that do as
//! they are told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use interpreter_programs::{Job, Receipt, answer, failure_text};
use longhaul_core::message::ActivityRun;
use longhaul_core::{Failure, Payload, Timestamp};
use longhaul_engine::{ActivityStandIn, Engine, Simulated, WorkerKind, World};
use seeded::Random;
use tokio::sync::Notify;
use tokio::time::Instant;

/// When the first engine starts, milliseconds since 1970.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// How unevenly things go.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// In so many of a hundred pauses others go first.
    pub yields: u64,
    /// In so many of a hundred pauses time passes.
    pub sleeps: u64,
    /// Longest of these, milliseconds.
    pub longest_ms: u64,
    /// In so many of a thousand pauses the worker that makes it is held up, for up to two seconds.
    pub hold_ups: u64,
    /// In so many of a hundred turns the guest computes for longer than it may without another
    /// taking its worker's place.
    pub computes: u64,
}

impl Pace {
    /// Nothing ever waits but for the store.
    pub const EVEN: Self = Self { yields: 0, sleeps: 0, longest_ms: 1, hold_ups: 0, computes: 0 };

    /// Any pace.
    pub fn any(random: &mut Random) -> Self {
        let computes = [0, 10, 50][random.within(0, 3) as usize];
        match random.within(0, 4) {
            0 => Self { computes, ..Self::EVEN },
            1 => Self { yields: 50, sleeps: 0, longest_ms: 1, hold_ups: 0, computes },
            2 => Self { yields: 30, sleeps: 30, longest_ms: 20, hold_ups: 0, computes },
            _ => Self { yields: 20, sleeps: 40, longest_ms: 80, hold_ups: 15, computes },
        }
    }
}

/// One attempt of an activity that began.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The instance that called.
    pub instance: String,
    /// Which of its calls.
    pub token: u32,
    /// From 1.
    pub number: u32,
    /// The call's key.
    pub key: String,
}

/// Says what is wrong with an attempt that begins.
type Watcher = Box<dyn Fn(&ActivityRun) -> Option<String> + Send + Sync>;

/// What outlives the engines of one run, besides the store.
pub struct Universe {
    random: Mutex<Random>,
    pace: Pace,
    clock: Mutex<Clock>,
    ids: AtomicU64,
    attempts: Mutex<Vec<Attempt>>,
    healed: AtomicBool,
    crash: Notify,
    watcher: OnceLock<Watcher>,
    seen_by_watcher: Mutex<Vec<String>>,
    engine: Mutex<Option<Engine>>,
    left_lying: Mutex<BTreeSet<String>>,
}

struct Clock {
    /// The time when the present engine began, milliseconds since 1970.
    base_ms: u64,
    began: Option<Instant>,
}

impl Universe {
    /// A world in which chance follows `seed`.
    pub fn new(seed: u64, pace: Pace) -> Self {
        Self {
            random: Mutex::new(Random::new(seed)),
            pace,
            clock: Mutex::new(Clock { base_ms: BEGIN_MS, began: None }),
            ids: AtomicU64::new(seed << 32),
            attempts: Mutex::default(),
            healed: AtomicBool::new(false),
            crash: Notify::new(),
            watcher: OnceLock::new(),
            seen_by_watcher: Mutex::default(),
            engine: Mutex::default(),
            left_lying: Mutex::default(),
        }
    }

    /// The engine that is to be looked at whenever nothing can run.
    pub(crate) fn look_at(&self, engine: Option<Engine>) {
        *locked(&self.engine) = engine;
    }

    /// Nothing can run until time passes: then nothing may lie untouched that something could be
    /// done about.
    pub(crate) fn nothing_runs(&self) {
        if let Some(engine) = &*locked(&self.engine) {
            locked(&self.left_lying).extend(engine.left_lying());
        }
    }

    /// What lay untouched while nothing ran.
    pub fn left_lying(&self) -> Vec<String> {
        locked(&self.left_lying).iter().cloned().collect()
    }

    /// Has every attempt looked at as it begins. Only the first watcher counts.
    pub fn watch(&self, watcher: impl Fn(&ActivityRun) -> Option<String> + Send + Sync + 'static) {
        let _ = self.watcher.set(Box::new(watcher));
    }

    /// What the watcher has found wrong so far.
    pub fn seen_by_watcher(&self) -> Vec<String> {
        locked(&self.seen_by_watcher).clone()
    }

    /// What chance decides.
    pub fn random(&self) -> MutexGuard<'_, Random> {
        locked(&self.random)
    }

    /// All attempts so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        locked(&self.attempts).clone()
    }

    /// From now on the activity `Broken` succeeds.
    pub fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
    }

    /// Ends the present engine at once.
    pub fn crash(&self) {
        self.crash.notify_one();
    }

    /// Waits for [`crash`](Self::crash).
    pub(crate) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Sets the machine's clock by hand.
    pub fn jump(&self, by_ms: i64) {
        let mut clock = locked(&self.clock);
        clock.base_ms = clock.base_ms.saturating_add_signed(by_ms);
    }

    /// An engine begins, on a runtime whose time begins too.
    pub fn begin(&self) {
        locked(&self.clock).began = Some(Instant::now());
    }

    /// The engine has ended; the next begins `pause` later.
    pub(crate) fn end(&self, pause: Duration) {
        let base_ms = self.now().0 + pause.as_millis() as u64;
        *locked(&self.clock) = Clock { base_ms, began: None };
    }

    /// How long ago the first engine began, milliseconds.
    pub fn age_ms(&self) -> u64 {
        self.now().since(Timestamp(BEGIN_MS))
    }

    fn draw_pause(&self) -> Option<Duration> {
        let Pace { yields, sleeps, longest_ms, hold_ups, computes: _ } = self.pace;
        let mut random = self.random();
        if random.within(0, 1_000) < hold_ups {
            return Some(Duration::from_millis(random.within(100, 2_000)));
        }
        match random.within(0, 100) {
            dice if dice < yields => Some(Duration::ZERO),
            dice if dice < yields + sleeps => Some(Duration::from_millis(random.within(1, longest_ms + 1))),
            _ => None,
        }
    }

    /// A pause of any length that the pace has.
    pub(crate) fn hold_up(&self) -> Simulated<()> {
        Box::pin(spend(self.draw_pause()))
    }

    fn begin_attempt(&self, run: &ActivityRun) {
        locked(&self.seen_by_watcher).extend(self.watcher.get().and_then(|watcher| watcher(run)));
        let token = job(run).map_or(0, |job| job.token);
        let instance = run.caller.instance.as_str().to_owned();
        let key = format!("{}:{}", run.asked_in, run.caller.task);
        locked(&self.attempts).push(Attempt { instance, token, number: run.attempt, key });
    }

    fn result(&self, run: &ActivityRun) -> Result<Payload, Failure> {
        if &*run.name == "Broken" {
            let healed = self.healed.load(Ordering::Relaxed);
            return if healed { Ok(run.input.clone()) } else { Err(Failure::new("Deliberate", "it is broken")) };
        }
        let job = job(run).map_err(|error| Failure::new("Mistake", error.to_string()))?;
        if run.attempt <= job.failures {
            return Err(Failure::new("Deliberate", failure_text(job.token)));
        }
        let receipt = Receipt { answer: answer(job.token), ballast: job.ballast };
        Payload::parse(serde_json::to_string(&receipt).expect("a receipt is JSON"))
            .map_err(|error| Failure::new("Mistake", error.to_string()))
    }
}

fn job(run: &ActivityRun) -> Result<Job, serde_json::Error> {
    serde_json::from_str(run.input.as_str())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits as long as was drawn.
pub(crate) async fn spend(pause: Option<Duration>) {
    match pause {
        None => {}
        Some(Duration::ZERO) => tokio::task::yield_now().await,
        Some(pause) => tokio::time::sleep(pause).await,
    }
}

impl World for Universe {
    fn now(&self) -> Timestamp {
        let clock = locked(&self.clock);
        let passed = clock.began.map_or(Duration::ZERO, |began| began.elapsed());
        Timestamp(clock.base_ms + passed.as_millis() as u64)
    }

    fn fresh_id(&self) -> String {
        format!("{:032x}", self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn workers(&self) -> WorkerKind {
        WorkerKind::Tasks
    }

    fn pause(&self) -> Option<Simulated<()>> {
        Some(self.hold_up())
    }

    fn computing_time(&self) -> Option<Duration> {
        let long = self.pace.computes;
        if long > 0 && self.random().percent(long) {
            return Some(Duration::from_millis(self.random().within(16, 300)));
        }
        self.draw_pause()
    }

    fn stand_in(self: Arc<Self>) -> Option<Arc<dyn ActivityStandIn>> {
        Some(self)
    }
}

impl ActivityStandIn for Universe {
    fn is_quick(&self, _run: &ActivityRun) -> bool {
        self.random().percent(30)
    }

    fn run_quickly(&self, run: &ActivityRun) -> Option<Result<Payload, Failure>> {
        if self.random().percent(20) {
            return None;
        }
        self.begin_attempt(run);
        Some(self.result(run))
    }

    fn run_activity(&self, run: ActivityRun) -> Simulated<Result<Payload, Failure>> {
        self.begin_attempt(&run);
        let (pause, result) = (self.draw_pause(), self.result(&run));
        Box::pin(async move {
            spend(pause).await;
            result
        })
    }
}
