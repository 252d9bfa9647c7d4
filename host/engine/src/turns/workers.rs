//! The workers. In a host they are threads: synchronous calls of guests never run on tokio's workers, where they would starve timers. In a
//! simulation they are tasks, with the same loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use longhaul_core::InstanceId;
use tokio::sync::futures::Notified;
use tokio::task::{JoinHandle, spawn_blocking, yield_now};

use crate::activities;
use crate::context::Shared;
use crate::state::instance::Delivery;
use crate::state::scheduler::{Board, Next};
use crate::turns::outcome::{Ready, after_panic, take_back, take_turn};

/// How often a simulated guest that computes is interrupted, as real ones are after 10 to 20 ms and again and again.
const SIMULATED_SLICE: Duration = Duration::from_millis(15);

/// The workers, those included that are about to end.
#[derive(Default)]
pub(crate) struct GuestThreads {
    handles: Mutex<Vec<Handle>>,
    /// Those that were replaced and have not ended.
    replaced: AtomicUsize,
}

enum Handle {
    Thread(thread::JoinHandle<()>),
    Task(JoinHandle<()>),
}

impl GuestThreads {
    fn handles(&self) -> MutexGuard<'_, Vec<Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all of them have ended, those included that start meanwhile: a worker that starts another has not ended yet.
    pub(crate) async fn join(&self) {
        loop {
            let Some(worker) = self.handles().pop() else { return };
            // One that panicked has said so already.
            match worker {
                Handle::Thread(thread) => _ = spawn_blocking(move || thread.join()).await,
                Handle::Task(task) => _ = task.await,
            }
        }
    }
}

/// Starts the workers.
pub(crate) fn spawn(shared: &Arc<Shared>) -> std::io::Result<()> {
    (0..shared.config.guest_threads.max(1)).try_for_each(|_| start(shared))
}

fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    shared.board_as_it_is().idle.join_crew();
    let of = shared.clone();
    let handle = match shared.world.simulation() {
        None => {
            let started = thread::Builder::new().name("guest".into()).spawn(move || run_as_thread(of));
            Handle::Thread(started.inspect_err(|_| shared.board_as_it_is().idle.leave_crew())?)
        }
        Some(_) => Handle::Task(tokio::spawn(Worker::new(of).run())),
    };
    let mut handles = shared.guest_threads.handles();
    handles.retain(|worker| match worker {
        Handle::Thread(thread) => !thread.is_finished(),
        Handle::Task(task) => !task.is_finished(),
    });
    handles.push(handle);
    Ok(())
}

fn run_as_thread(shared: Arc<Shared>) {
    let worker = Worker::new(shared);
    let (of, is_replaced) = (worker.shared.clone(), worker.is_replaced.clone());
    // A job may be many calls that do not return soon, a replay for one.
    worker.shared.guests.when_held_up(Box::new(move || replace(&of, &is_replaced)));
    // All that a thread waits for it waits for by itself, so one poll goes to the end.
    let end = pin!(worker.run()).poll(&mut Context::from_waker(Waker::noop()));
    debug_assert!(end.is_ready(), "a guest thread has nobody who would poll it again");
}

/// A guest does not return: others' work goes on with another worker in this one's place. This one ends with what it is at, and gives way to
/// all others until then. Returns whether it was replaced now.
fn replace(shared: &Arc<Shared>, is_replaced: &AtomicBool) -> bool {
    if is_replaced.load(Ordering::Relaxed) {
        return false;
    }
    let (replaced, most) = (&shared.guest_threads.replaced, shared.config.max_replaced_threads);
    if replaced.try_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1)).is_err() {
        return false;
    }
    // Before this thread gives way: the other would begin like it.
    if let Err(error) = start(shared) {
        tracing::warn!(%error, "cannot start another guest thread");
        replaced.fetch_sub(1, Ordering::Relaxed);
        return false;
    }
    is_replaced.store(true, Ordering::Relaxed);
    shared.board_as_it_is().idle.leave_crew();
    true
}

/// One worker.
struct Worker {
    shared: Arc<Shared>,
    /// Another has its place: it ends with what it is at.
    is_replaced: Arc<AtomicBool>,
}

/// What a look at the board has brought.
enum Looked<'worker> {
    Job(Next),
    /// Nothing now: to be looked again, as a task once this comes.
    Waits(Option<Notified<'worker>>),
    /// The worker is to end.
    Leaves,
}

impl Worker {
    /// The worker of a place in the crew that has been counted already.
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, is_replaced: Arc::default() }
    }

    /// Works until the engine stops, or another has this one's place.
    async fn run(self) {
        let mut at_hand = None;
        while let Some(next) = match at_hand {
            Some(next) => Some(next),
            None => self.next().await,
        } {
            at_hand = self.carry_out(next).await;
        }
    }

    fn leaves(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed) || self.shared.is_stopping()
    }

    /// Waits for a job; `None`: there will be none.
    async fn next(&self) -> Option<Next> {
        let mut has_waited = false;
        loop {
            match self.look_or_wait(has_waited) {
                Looked::Job(next) => return Some(next),
                Looked::Leaves => return None,
                Looked::Waits(rung) => {
                    if let Some(rung) = rung {
                        rung.await;
                    }
                    has_waited = true;
                }
            }
        }
    }

    fn look_or_wait(&self, mut has_waited: bool) -> Looked<'_> {
        loop {
            let mut board = self.shared.board();
            let leaves = self.leaves();
            let ((), next) = board.change_and_take(leaves, |board| {
                if std::mem::take(&mut has_waited) {
                    board.idle.end();
                }
            });
            let gone = std::mem::take(&mut board.leaving);
            if let Some(next) = next {
                drop(board);
                return Looked::Job(next);
            }
            if leaves {
                drop(board);
                return Looked::Leaves;
            }
            if gone.is_empty() {
                board.idle.begin();
                return Looked::Waits(self.shared.signals.work.wait(board));
            }
        }
    }

    /// Does a job. Returns the next, if there is one at once.
    async fn carry_out(&self, next: Next) -> Option<Next> {
        self.pause().await;
        match next {
            Next::Turn(job) => {
                let (id, era) = (job.id.clone(), job.era);
                let turn = catch_unwind(AssertUnwindSafe(|| take_turn(&self.shared, job)));
                let work = turn.unwrap_or_else(|panic| after_panic(&self.shared, &id, &*panic));
                self.compute().await;
                let made = catch_unwind(AssertUnwindSafe(|| Ready::of(&self.shared, &id, work)));
                let ready = made.unwrap_or_else(|panic| Ready::of(&self.shared, &id, after_panic(&self.shared, &id, &*panic)));
                self.pause().await;
                self.hand_over(ready, &id, era)
            }
            Next::Activity(run) => match activities::run_at_once(&self.shared, run) {
                Some((to, message)) => self.change_and_take(|board| board.deliver(&to, Delivery::unrecorded(message))).1,
                None => self.change_and_take(|_| ()).1,
            },
        }
    }

    fn hand_over(&self, ready: Ready, id: &InstanceId, era: u64) -> Option<Next> {
        let handing_over = || self.change_and_take(|board| ready.hand_over(&self.shared, board, id, era));
        match catch_unwind(AssertUnwindSafe(handing_over)) {
            Ok((lost, next)) => {
                if let Some(lost) = lost {
                    lost.refuse();
                }
                next
            }
            Err(panic) => self.change_and_take(|board| take_back(&self.shared, board, id, era, &*panic)).1,
        }
    }

    fn change_and_take<T>(&self, change: impl FnOnce(&mut Board) -> T) -> (T, Option<Next>) {
        let mut board = self.shared.board();
        let taken = board.change_and_take(self.leaves(), change);
        let gone = std::mem::take(&mut board.leaving);
        drop(board);
        drop(gone);
        taken
    }

    /// A simulation may hold the worker up where a thread could be.
    async fn pause(&self) {
        if let Some(simulation) = self.shared.world.simulation() {
            simulation.pause().await;
        }
    }

    /// Lets time pass in the turn that was just taken, as a simulation wants it. A real guest has had its time, and was interrupted by itself.
    async fn compute(&self) {
        let time = self.shared.world.simulation().and_then(|simulation| simulation.computing_time());
        let Some(mut left) = time else { return };
        while left > SIMULATED_SLICE && !self.is_replaced.load(Ordering::Relaxed) {
            tokio::time::sleep(SIMULATED_SLICE).await;
            left -= SIMULATED_SLICE;
            replace(&self.shared, &self.is_replaced);
        }
        if left.is_zero() { yield_now().await } else { tokio::time::sleep(left).await }
    }
}

/// However a worker ends, it leaves nothing behind that waits for it.
impl Drop for Worker {
    fn drop(&mut self) {
        let was_replaced = self.is_replaced.load(Ordering::Relaxed);
        if was_replaced {
            self.shared.guest_threads.replaced.fetch_sub(1, Ordering::Relaxed);
        } else if thread::panicking() && !self.shared.is_stopping() && self.shared.world.simulation().is_none() {
            tracing::error!("a guest thread ended by a bug of the host's; another takes its place");
            // As many workers as there are to be. If none can be started, there is one less.
            let _ = start(&self.shared);
        }
        let mut board = self.shared.board_as_it_is();
        board.change_and_take(true, |board| {
            if !was_replaced {
                board.idle.leave_crew();
            }
        });
    }
}
