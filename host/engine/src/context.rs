//! What all parts of the engine share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_core::Timestamp;
use longhaul_core::limits::InstanceLimits;
use longhaul_store::{Store, WriterThread};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use crate::activities::Activities;
use crate::budget::Budget;
use crate::counters::Counters;
use crate::engine::reads::Answers;
use crate::engine::reuse::ReusePolicy;
use crate::errands::Errands;
use crate::failure_log::FailureLog;
use crate::idempotency::Claims;
use crate::ports::Guests;
use crate::recorder::Recorder;
use crate::state::scheduler::Board;
use crate::state::weight::Scale;
use crate::turns::workers::GuestThreads;
use crate::world::{Bell, World};

/// How the engine uses the machine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Threads that run orchestrators and entities; default: one for each core.
    pub guest_threads: usize,
    /// Most waiting instances kept in memory; the longest idle leave first and come back by replay. Default: 2,000.
    pub max_hot_instances: usize,
    /// Most bytes that instances hold in memory: states, guests, mailboxes, and commits on their way. The longest idle leave first and come back by
    /// replay; what else would be read waits. Default: 512 MiB.
    pub instance_memory_bytes: u64,
    /// Every instance leaves memory after every turn, so that each turn begins with a replay: for tests. Default: off.
    pub evict_after_every_turn: bool,
    /// Every commit is a transaction of its own, as if none ever met another: for tests. Default: off.
    pub one_commit_per_batch: bool,
    /// Turns of one instance that may wait for their commits at a time, at least 1. More of them make that one quicker and everybody's commits
    /// larger. Default: 64.
    pub max_turns_in_flight: u32,
    /// Most guest threads that guests hold up for long and in whose place others are started at a time. Default: 16.
    pub max_replaced_threads: usize,
    /// Calls of a guest in a row that may come to nothing before its instance is set aside. Default: 3.
    pub max_failed_turns: u32,
    /// Memory for answers that are being made, in bytes: what was read for them, and they themselves. Default: 256 MiB.
    pub answer_memory_bytes: u64,
    /// Most bytes of payloads in a page of a list, unless a single one has more. Default: 16 MiB.
    pub max_page_bytes: u64,
    /// What one instance may take up.
    pub limits: Arc<InstanceLimits>,
    /// The store's thread that writes, on which the committer runs then. Default: one of tokio's workers.
    pub writer: Option<Arc<dyn WriterThread>>,
    /// Remembers which guests ran when the host died. Default: none.
    pub recorder: Option<Arc<Recorder>>,
    /// How long a stop waits for turns under way before their guests are interrupted. Default: 5 s.
    pub stop_grace: Duration,
    /// Which instances a start may replace. Default: those that have ended.
    pub reuse: ReusePolicy,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            guest_threads: std::thread::available_parallelism().map_or(2, usize::from),
            max_hot_instances: 2_000,
            instance_memory_bytes: 512 << 20,
            evict_after_every_turn: false,
            one_commit_per_batch: false,
            max_turns_in_flight: 64,
            max_replaced_threads: 16,
            max_failed_turns: 3,
            answer_memory_bytes: 256 << 20,
            max_page_bytes: 16 << 20,
            limits: Arc::default(),
            writer: None,
            recorder: None,
            stop_grace: Duration::from_secs(5),
            reuse: ReusePolicy::default(),
        }
    }
}

/// How the parts wake each other.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// The run queue has work for a guest thread.
    pub(crate) work: Bell,
    /// The committer has something to write.
    pub(crate) commit: Notify,
    /// The soonest alarm changed.
    pub(crate) alarm_changed: Notify,
    /// The engine stops.
    pub(crate) stop: Notify,
}

pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) guests: Arc<dyn Guests>,
    pub(crate) config: EngineConfig,
    pub(crate) world: World,
    pub(crate) signals: Arc<Signals>,
    pub(crate) activities: Activities,
    pub(crate) counters: Counters,
    /// Bounds what the log says of operations that fail.
    pub(crate) failure_log: FailureLog,
    /// Keys of requests that are under way.
    pub(crate) claims: Arc<Claims>,
    /// Bounds how many chains are read at a time.
    pub(crate) loads: Arc<Semaphore>,
    /// Bounds the bytes of long chains that are read at a time.
    pub(crate) long_loads: Budget,
    /// What else uses the store.
    pub(crate) errands: Errands,
    pub(crate) guest_threads: GuestThreads,
    pub(crate) answers: Answers,
    /// What instances hold, as the board weighs it.
    pub(crate) instances: Scale,
    board: Mutex<Board>,
    workers: Handle,
    stopping: AtomicBool,
    /// The latest time that was given out since the last look for a clock that was put back.
    latest_ms: AtomicU64,
}

/// Most chains read at a time, and in one reading.
pub(crate) const MAX_LOADS: usize = 64;

impl Shared {
    /// Called on tokio's runtime, where activities will run too.
    pub(crate) fn new(store: Arc<dyn Store>, guests: Arc<dyn Guests>, config: EngineConfig, world: World) -> Self {
        let signals = Arc::new(Signals { work: Bell::of(&world), ..Signals::default() });
        let workers = Handle::current();
        let board = Board::new(signals.clone(), &config);
        Self {
            instances: board.ages.scale.clone(),
            board: Mutex::new(board),
            activities: Activities::new(workers.clone()),
            claims: Arc::default(),
            counters: Counters::default(),
            failure_log: FailureLog::default(),
            loads: Arc::new(Semaphore::new(MAX_LOADS)),
            long_loads: Budget::new(config.instance_memory_bytes / 4),
            errands: Errands::default(),
            guest_threads: GuestThreads::default(),
            answers: Answers::new(config.answer_memory_bytes, config.max_page_bytes),
            workers,
            stopping: AtomicBool::new(false),
            latest_ms: AtomicU64::default(),
            store,
            guests,
            config,
            world,
            signals,
        }
    }

    /// The board. Sections under its lock are short: no guest runs and nothing is encoded there.
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        let board = self.board_as_it_is();
        // A simulation looks by itself, and goes on to see what comes of it.
        let is_looked_at = self.world.simulation().is_some() || std::thread::panicking();
        debug_assert!(is_looked_at || !board.is_stalled(), "something is queued while every guest thread waits");
        board
    }

    /// The board, even if a wake-up was lost.
    pub(crate) fn board_as_it_is(&self) -> MutexGuard<'_, Board> {
        // A panic under the lock is a bug; going on with the board as it is beats a host that answers nothing.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `work` start jobs on tokio's workers, from whatever thread.
    pub(crate) fn on_workers<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = self.workers.enter();
        work()
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = self.world.now();
        self.latest_ms.fetch_max(now.0, Ordering::Relaxed);
        now
    }

    /// The time, and the latest that was given out since this was asked last: a clock that was ahead for a moment
    /// only shows there.
    pub(crate) fn now_and_latest(&self) -> (Timestamp, Timestamp) {
        let now = self.world.now();
        (now, Timestamp(self.latest_ms.swap(now.0, Ordering::Relaxed)))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Release);
        // Taken and dropped, so that no thread can miss the signal between its look and its wait.
        drop(self.board());
        self.signals.work.ring_for_all();
        self.signals.alarm_changed.notify_one();
        self.signals.stop.notify_waiters();
    }

    /// Waits until the engine stops.
    pub(crate) async fn stopped(&self) {
        let stop = self.signals.stop.notified();
        if !self.is_stopping() {
            stop.await;
        }
    }

    /// Waits for `pause`; true if the engine stops meanwhile.
    pub(crate) async fn stopped_within(&self, pause: Duration) -> bool {
        let stop = self.signals.stop.notified();
        self.is_stopping() || tokio::time::timeout(pause, stop).await.is_ok()
    }
}
