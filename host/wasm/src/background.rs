//! Guests that compute for long give way to all others.
//!
//! Requests, short calls and timers must not wait for a guest that does not return. A plain call
//! cannot be moved to another thread, so its own thread gives way, and the thread's owner is told,
//! so that it puts another thread in its place. A future can be moved: it continues on background
//! threads, which give way. Of both kinds together only a few compute at a time
//! ([`FairSemaphore`]); the processors that are left belong to all other work.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

mod fair_semaphore;

use fair_semaphore::FairSemaphore;
pub(crate) use fair_semaphore::Permit;

/// The niceness of threads that give way, from 0 to 19. Not the highest, because these threads take
/// locks that others need: on a machine that other programs keep busy they still get a share of it.
const NICENESS: i32 = 10;
/// Processor time that one poll of a future may take before the future moves to the background.
const LONGEST_POLL: Duration = Duration::from_millis(5);

/// Lowers the calling thread's priority for the rest of its life: the system may not allow it to
/// raise it again.
pub(crate) fn give_way() {
    // On other systems niceness belongs to the whole process.
    if cfg!(target_os = "linux")
        && let Err(error) = rustix::process::nice(NICENESS)
    {
        tracing::debug!(%error, "a thread that computes for long cannot give way");
    }
}

type Hook = Box<dyn Fn() -> bool>;

thread_local! {
    static WHEN_HELD_UP: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Sets what is called on this thread each time the orchestrator or entity that it runs has not
/// returned for 10 to 20 ms. If `then` returns true, the thread gives way to all others for the
/// rest of its life, so it should end after this call.
pub fn when_held_up(then: impl Fn() -> bool + 'static) {
    WHEN_HELD_UP.set(Some(Box::new(then)));
}

/// Reading or copying a longer text takes longer than other futures of the worker should wait.
const LONG_TEXT_BYTES: usize = 256 << 10;

thread_local! {
    /// The future that this thread polls is about to compute for long.
    static LONG_WORK_AHEAD: Cell<bool> = const { Cell::new(false) };
}

/// Gives way before the host reads or copies a text of so many bytes for a guest, which it does
/// without a pause. A future that [`Background::run`] polls moves to the background for that.
pub(crate) async fn before_reading(bytes: usize) {
    if bytes >= LONG_TEXT_BYTES {
        LONG_WORK_AHEAD.set(true);
        tokio::task::yield_now().await;
        LONG_WORK_AHEAD.set(false);
    }
}

/// Called while the guest that this thread runs does not return. Returns whether the thread gives
/// way from now on.
fn held_up() -> bool {
    let gives_way = WHEN_HELD_UP.with_borrow(|then| then.as_ref().is_some_and(|then| then()));
    if gives_way {
        give_way();
    }
    gives_way
}

/// Runs guests that compute for long.
pub(crate) struct Background {
    semaphore: Arc<FairSemaphore>,
    places: usize,
    /// For futures. The threads are started with the first one that computes for long.
    threads: OnceLock<Option<Runtime>>,
    /// Plain calls are interrupted.
    is_over: AtomicBool,
}

impl Background {
    /// Lets so many guests compute for long at a time.
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        Self { semaphore: FairSemaphore::new(places), places, threads: OnceLock::new(), is_over: AtomicBool::new(false) }
    }

    /// Lets any number of guests compute from now on: those that wait would hold up the end.
    pub fn open(&self) {
        self.semaphore.open();
    }

    /// Interrupts plain calls as soon as they have computed for a slice of time, and lets no other
    /// begin: the host cannot stop before these calls have returned.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.open();
    }

    /// Whether plain calls are interrupted.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Lets other guests go first after the guest that this thread runs has computed for one more
    /// slice of time. Returns a place for the next slice, or `None` without waiting if no other
    /// thread takes this thread's place.
    pub fn next_slice(&self, held: Option<Permit>) -> Option<Permit> {
        let has_given_way = held.is_some();
        drop(held);
        (has_given_way || held_up()).then(|| self.semaphore.acquire())
    }

    /// Runs a guest on this worker, and in the background once it has held up the worker. Dropping
    /// the future ends the run.
    pub async fn run<F>(&self, guest: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let mut guest = Box::pin(guest);
        let mut threads = None;
        let here = poll_fn(|context| {
            let begun = processor_time();
            let polled = guest.as_mut().poll(context);
            let has_long_work = LONG_WORK_AHEAD.replace(false);
            match polled {
                Poll::Ready(output) => Poll::Ready(Some(output)),
                Poll::Pending if !has_long_work && processor_time().saturating_sub(begun) <= LONGEST_POLL => Poll::Pending,
                Poll::Pending => {
                    threads = self.threads();
                    // Without background threads the guest continues here.
                    if threads.is_some() { Poll::Ready(None) } else { Poll::Pending }
                }
            }
        });
        match (here.await, threads) {
            (Some(output), _) => output,
            (None, Some(threads)) => continue_on(threads, guest, self.semaphore.clone()).await,
            (None, None) => unreachable!("the future moves only to threads that are there"),
        }
    }

    fn threads(&self) -> Option<&Handle> {
        let start = || {
            let mut builder = Builder::new_multi_thread();
            // Each of these futures is ready again at once, so the driver gets its turn after every
            // poll.
            builder.worker_threads(self.places);
            let started = builder.enable_all().event_interval(1).thread_name("guest-background").on_thread_start(give_way).build();
            started.inspect_err(|error| tracing::warn!(%error, "cannot start threads for guests that compute for long")).ok()
        };
        self.threads.get_or_init(start).as_ref().map(Runtime::handle)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.threads.take() {
            // The thread that drops this may be a worker, which must not block.
            runtime.shutdown_background();
        }
    }
}

async fn continue_on<F>(threads: &Handle, mut guest: Pin<Box<F>>, semaphore: Arc<FairSemaphore>) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let guest = poll_fn(move |context| {
        // Blocking is right here: these threads do nothing else.
        let _permit = semaphore.acquire();
        guest.as_mut().poll(context)
    });
    // Unlike a bare task, a task of a set is aborted when the set is dropped.
    let mut alone = JoinSet::new();
    alone.spawn_on(guest, threads);
    match alone.join_next().await {
        Some(Ok(output)) => output,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is gone, and with it every reader of the result.
        Some(Err(_)) | None => std::future::pending().await,
    }
}

/// The processor time of the calling thread. Unlike wall-clock time it does not grow while other
/// programs have the processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests;
