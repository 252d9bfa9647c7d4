//! Guests that compute for long give way to all others.
//!
//! What answers requests, runs short calls and keeps time must not wait for a guest that does not return. A plain call cannot be moved, so its
//! thread gives way, and whoever owns the thread is told, to put another in its place. A future can be moved: it goes on on threads that
//! give way, where it has company of its kind. Of both kinds together, only so many compute at a time ([`gate`]): the others have the
//! processors that are left for themselves.

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

mod gate;

use gate::Gate;
pub(crate) use gate::Permit;

/// How much threads give way to all others on the machine, from 0 to 19. Not all the way, because they come by locks that others need: on a machine
/// that other programs keep busy they still get a share of it.
const NICENESS: i32 = 10;
/// Processor time that a future may take in one go before it goes on in the background.
const LONGEST_POLL: Duration = Duration::from_millis(5);

/// Lets the calling thread give way for the rest of its life: it may not be allowed to go back.
pub(crate) fn give_way() {
    // Elsewhere this is said of whole processes.
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

/// Has `then` called on this thread each time the orchestrator or entity that it runs has not returned for 10 to 20 ms. If `then` is true, the
/// thread gives way to all others from then on, for good: it should end after this call.
pub fn when_held_up(then: impl Fn() -> bool + 'static) {
    WHEN_HELD_UP.set(Some(Box::new(then)));
}

/// From so many bytes on reading or copying a text takes longer than others should wait for it.
const LONG_TEXT_BYTES: usize = 256 << 10;

thread_local! {
    /// The future that this thread polls is about to compute for long.
    static LONG_WORK_AHEAD: Cell<bool> = const { Cell::new(false) };
}

/// Gives way before the host reads or copies a text of so many bytes for a guest, which would be done in one go. A future that
/// [`Background::run`] polls goes on in the background for that.
pub(crate) async fn before_reading(bytes: usize) {
    if bytes >= LONG_TEXT_BYTES {
        LONG_WORK_AHEAD.set(true);
        tokio::task::yield_now().await;
        LONG_WORK_AHEAD.set(false);
    }
}

/// The guest that this thread runs does not return. Returns whether the thread gives way now.
fn held_up() -> bool {
    let gives_way = WHEN_HELD_UP.with_borrow(|then| then.as_ref().is_some_and(|then| then()));
    if gives_way {
        give_way();
    }
    gives_way
}

/// Where guests go on that compute for long.
pub(crate) struct Background {
    gate: Arc<Gate>,
    places: usize,
    /// For futures. There are none until the first of these comes.
    threads: OnceLock<Option<Runtime>>,
    /// Guests that are called plainly are interrupted.
    is_over: AtomicBool,
}

impl Background {
    /// Lets so many guests compute at a time.
    pub fn new(places: usize) -> Self {
        let places = places.max(1);
        Self { gate: Gate::new(places), places, threads: OnceLock::new(), is_over: AtomicBool::new(false) }
    }

    /// Lets any number of guests compute from now on: those that wait would hold up the end.
    pub fn open(&self) {
        self.gate.open();
    }

    /// Interrupts guests that are called plainly as soon as they have computed for a slice of time,
    /// and lets no other begin: the host cannot stop before their calls have returned.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.open();
    }

    /// Whether guests that are called plainly are interrupted.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The guest that this thread runs has computed for one more slice of time: others come first. Returns a place for the next slice;
    /// `None` if nobody takes this thread's place: then it does not wait.
    pub fn go_on_here(&self, held: Option<Permit>) -> Option<Permit> {
        let has_given_way = held.is_some();
        drop(held);
        (has_given_way || held_up()).then(|| self.gate.enter())
    }

    /// Runs a guest: here, and in the background once it has held up this worker. Dropping the future ends the run.
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
                    // Where there are no such threads it goes on here.
                    if threads.is_some() { Poll::Ready(None) } else { Poll::Pending }
                }
            }
        });
        match (here.await, threads) {
            (Some(output), _) => output,
            (None, Some(threads)) => go_on(guest, self.gate.clone(), threads).await,
            (None, None) => unreachable!("it leaves for threads that are there"),
        }
    }

    fn threads(&self) -> Option<&Handle> {
        let start = || {
            let mut builder = Builder::new_multi_thread();
            // Each of these futures comes back as soon as it may, so the driver gets its turn after every one of them.
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
            // Whoever drops this may be a worker, which must not wait.
            runtime.shutdown_background();
        }
    }
}

async fn go_on<F>(mut guest: Pin<Box<F>>, gate: Arc<Gate>, threads: &Handle) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let guest = poll_fn(move |context| {
        // These threads have nothing else to do than to wait here.
        let _permit = gate.enter();
        guest.as_mut().poll(context)
    });
    // Unlike a bare task, what is in a set ends with it.
    let mut alone = JoinSet::new();
    alone.spawn_on(guest, threads);
    match alone.join_next().await {
        Some(Ok(output)) => output,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is gone, and so is whoever wants to know.
        Some(Err(_)) | None => std::future::pending().await,
    }
}

/// What the calling thread has computed. Unlike the time on the wall, it does not grow while other programs have the machine.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests;
