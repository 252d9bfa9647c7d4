//! What all parts of the engine share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use longhaul_core::{InstanceId, InstanceRow, Timestamp};
use longhaul_store::{Payloads, Store};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::activities::register::RunningActivities;
use crate::answers::Answers;
use crate::budget::Budget;
use crate::config::EngineConfig;
use crate::counters::Counters;
use crate::crew::Crew;
use crate::errands::Errands;
use crate::error::EngineError;
use crate::failure_log::FailureLog;
use crate::ports::Guests;
use crate::recorder::Recorder;
use crate::state::hold::Release;
use crate::state::reservations::Reservations;
use crate::state::scheduler::Scheduler;
use crate::state::signals::Signals;
use crate::state::weight::Scale;
use crate::world::{ActivityStandIn, WorkerKind, World};

/// Most chains read at a time, and in one reading.
pub(crate) const MAX_LOADS: usize = 64;

/// What all parts of the engine share.
pub(crate) struct EngineContext {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) guests: Arc<dyn Guests>,
    pub(crate) config: EngineConfig,
    pub(crate) world: Arc<dyn World>,
    /// What carries out activities in a simulation.
    pub(crate) stand_in: Option<Arc<dyn ActivityStandIn>>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) activities: RunningActivities,
    pub(crate) counters: Counters,
    /// Bounds what the log says of operations that fail.
    pub(crate) failure_log: FailureLog,
    /// Idempotency keys of requests that are under way.
    pub(crate) reservations: Arc<Reservations>,
    /// Bounds how many chains are read at a time.
    pub(crate) loads: Arc<Semaphore>,
    /// Bounds the bytes of long chains that are read at a time.
    pub(crate) long_loads: Budget,
    /// What else uses the store.
    pub(crate) errands: Errands,
    pub(crate) crew: Crew,
    pub(crate) answers: Answers,
    /// What instances hold, as the scheduler weighs it.
    pub(crate) instances: Scale,
    scheduler: Mutex<Scheduler>,
    /// Tokio's workers: guest threads have no runtime of their own.
    workers: Handle,
    is_stopping: AtomicBool,
    /// The latest time that was given out since the last look for a clock that was put back.
    latest_ms: AtomicU64,
}

impl EngineContext {
    /// Called on tokio's runtime, where activities will run too.
    pub(crate) fn new(store: Arc<dyn Store>, guests: Arc<dyn Guests>, config: EngineConfig, world: Arc<dyn World>) -> Self {
        let signals = Arc::new(match world.workers() {
            WorkerKind::Threads => Signals::default(),
            WorkerKind::Tasks => Signals::for_tasks(),
        });
        let scheduler = Scheduler::new(signals.clone(), &config);
        Self {
            instances: scheduler.scale(),
            scheduler: Mutex::new(scheduler),
            activities: RunningActivities::default(),
            reservations: Arc::default(),
            counters: Counters::default(),
            failure_log: FailureLog::default(),
            loads: Arc::new(Semaphore::new(MAX_LOADS)),
            long_loads: Budget::new(config.instance_memory_bytes / 4),
            errands: Errands::default(),
            crew: Crew::default(),
            answers: Answers::new(config.answer_memory_bytes, config.max_page_bytes),
            workers: Handle::current(),
            is_stopping: AtomicBool::new(false),
            latest_ms: AtomicU64::default(),
            store,
            guests,
            config,
            stand_in: world.clone().stand_in(),
            world,
            signals,
        }
    }

    /// The scheduler. Sections under its lock are short: no guest runs and nothing is encoded
    /// there.
    pub(crate) fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        let scheduler = self.scheduler_as_it_is();
        // A simulation looks by itself, and goes on to see what comes of it.
        let is_looked_at = self.world.workers() == WorkerKind::Tasks || std::thread::panicking();
        debug_assert!(is_looked_at || !scheduler.is_stalled(), "something is queued while every guest thread waits");
        scheduler
    }

    /// The scheduler, even if a wake-up was lost.
    pub(crate) fn scheduler_as_it_is(&self) -> MutexGuard<'_, Scheduler> {
        // A panic under the lock is a bug; going on with the state as it is beats a host that
        // answers nothing.
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `work` start jobs on tokio's workers, from whatever thread.
    pub(crate) fn on_workers<T>(&self, work: impl FnOnce() -> T) -> T {
        let _entered = self.workers.enter();
        work()
    }

    /// Starts a job on tokio's workers, from whatever thread.
    pub(crate) fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.workers.spawn(job).abort_handle()
    }

    pub(crate) fn now(&self) -> Timestamp {
        let now = self.world.now();
        self.latest_ms.fetch_max(now.0, Ordering::Relaxed);
        now
    }

    /// The time, and the latest that was given out since this was asked last: a clock that was
    /// ahead for a moment only shows there.
    pub(crate) fn now_and_latest(&self) -> (Timestamp, Timestamp) {
        let now = self.world.now();
        (now, Timestamp(self.latest_ms.swap(now.0, Ordering::Relaxed)))
    }

    /// The recorder, if it records.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.config.recorder.as_ref().filter(|recorder| recorder.is_armed())
    }

    /// The row of an instance without its payloads.
    pub(crate) async fn head(&self, id: &InstanceId) -> Result<Option<InstanceRow>, EngineError> {
        let row = self.store.instance_within(id, Payloads::NONE, u64::MAX).await?;
        // None is longer than that.
        Ok(row.unwrap_or_default())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(crate) fn begin_to_stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // Taken and dropped, so that no thread can miss the signal between its look and its wait.
        drop(self.scheduler());
        self.signals.work.wake_all();
        self.signals.wakeup_changed.notify_one();
        self.signals.stop.notify_waiters();
    }

    /// Resolves when the engine stops.
    pub(crate) async fn stopped(&self) {
        let stop = self.signals.stop.notified();
        if !self.is_stopping() {
            stop.await;
        }
    }

    /// Waits for `pause`; true if the engine stops before it is over.
    pub(crate) async fn stopped_within(&self, pause: Duration) -> bool {
        let stop = self.signals.stop.notified();
        self.is_stopping() || tokio::time::timeout(pause, stop).await.is_ok()
    }
}

impl Release for EngineContext {
    fn release(&self, id: &InstanceId) {
        self.scheduler().release(id);
    }

    fn wake(&self, id: &InstanceId) {
        self.scheduler().wake(id);
    }
}
