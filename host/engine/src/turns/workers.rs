//! The workers. In a host they are threads: synchronous calls of guests never run on tokio's
//! workers, where they would starve timers. In a simulation they are tasks, with the same loop.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use longhaul_core::InstanceId;
use tokio::sync::futures::Notified;
use tokio::task::yield_now;

use super::outcome::{EncodedOutcome, TurnOutcome, take_back};
use super::turn;
use crate::activities;
use crate::context::EngineContext;
use crate::crew::WorkerHandle;
use crate::state::mailbox::Delivery;
use crate::state::scheduler::{NextJob, Scheduler};
use crate::world::WorkerKind;

/// How often a simulated guest that computes is interrupted, as real ones are after 10 to 20 ms and
/// again and again.
const SIMULATED_SLICE: Duration = Duration::from_millis(15);

/// Starts the workers.
pub(crate) fn spawn(context: &Arc<EngineContext>) -> std::io::Result<()> {
    (0..context.config.guest_threads.max(1)).try_for_each(|_| start(context))
}

fn start(context: &Arc<EngineContext>) -> std::io::Result<()> {
    context.scheduler_as_it_is().worker_joins();
    let of = context.clone();
    let handle = match context.world.workers() {
        WorkerKind::Threads => {
            let started = thread::Builder::new().name("guest".into()).spawn(move || run_as_thread(of));
            WorkerHandle::Thread(started.inspect_err(|_| context.scheduler_as_it_is().worker_leaves())?)
        }
        WorkerKind::Tasks => WorkerHandle::Task(tokio::spawn(Worker::new(of).run())),
    };
    context.crew.add(handle);
    Ok(())
}

fn run_as_thread(context: Arc<EngineContext>) {
    let worker = Worker::new(context);
    let (of, is_replaced) = (worker.context.clone(), worker.is_replaced.clone());
    // A job may be many calls that do not return soon, a replay for one.
    worker.context.guests.when_held_up(Box::new(move || replace(&of, &is_replaced)));
    // All that a thread waits for it waits for by itself, so one poll goes to the end.
    let end = pin!(worker.run()).poll(&mut Context::from_waker(Waker::noop()));
    debug_assert!(end.is_ready(), "nothing polls a guest thread again");
}

/// A guest does not return: another worker takes this one's place. This one ends with its present
/// job, and gives way to all others until then. Returns whether it was replaced now.
fn replace(context: &Arc<EngineContext>, is_replaced: &AtomicBool) -> bool {
    if is_replaced.load(Ordering::Relaxed) {
        return false;
    }
    if !context.crew.replace_one(context.config.max_replaced_threads) {
        return false;
    }
    // Before this thread gives way: the other would begin like it.
    if let Err(error) = start(context) {
        tracing::warn!(%error, "cannot start another guest thread");
        context.crew.end_replaced();
        return false;
    }
    is_replaced.store(true, Ordering::Relaxed);
    context.scheduler_as_it_is().worker_leaves();
    true
}

/// One worker.
struct Worker {
    context: Arc<EngineContext>,
    /// Another has its place: it ends with what it is at.
    is_replaced: Arc<AtomicBool>,
}

/// What a look at the board has brought.
enum Looked<'worker> {
    Job(NextJob),
    /// Nothing now: to be looked again, as a task once this comes.
    Waits(Option<Notified<'worker>>),
    /// The worker is to end.
    Leaves,
}

impl Worker {
    /// The worker of a place in the crew that has been counted already.
    fn new(context: Arc<EngineContext>) -> Self {
        Self { context, is_replaced: Arc::default() }
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
        self.is_replaced.load(Ordering::Relaxed) || self.context.is_stopping()
    }

    /// Waits for a job; `None`: there will be none.
    async fn next(&self) -> Option<NextJob> {
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
            let mut scheduler = self.context.scheduler();
            let leaves = self.leaves();
            let ((), next) = scheduler.change_and_take(leaves, |scheduler| {
                if std::mem::take(&mut has_waited) {
                    scheduler.worker_wakes();
                }
            });
            let gone = scheduler.take_dropped();
            if let Some(next) = next {
                drop(scheduler);
                return Looked::Job(next);
            }
            if leaves {
                drop(scheduler);
                return Looked::Leaves;
            }
            if gone.is_empty() {
                scheduler.worker_waits();
                return Looked::Waits(self.context.signals.work.wait(scheduler));
            }
        }
    }

    /// Does a job. Returns the next, if one waits already.
    async fn carry_out(&self, next: NextJob) -> Option<NextJob> {
        self.pause().await;
        match next {
            NextJob::Turn(job) => {
                let (id, epoch) = (job.id.clone(), job.epoch);
                let taken = catch_unwind(AssertUnwindSafe(|| turn::take(&self.context, job)));
                let after_panic = |panic: Box<dyn Any + Send>| TurnOutcome::after_panic(&self.context, &id, &*panic);
                let outcome = taken.unwrap_or_else(after_panic);
                self.compute().await;
                let encoded = catch_unwind(AssertUnwindSafe(|| EncodedOutcome::of(&self.context, &id, outcome)));
                let encoded = encoded.unwrap_or_else(|panic| EncodedOutcome::of(&self.context, &id, after_panic(panic)));
                self.pause().await;
                self.hand_in(encoded, &id, epoch)
            }
            NextJob::Activity(run) => match activities::run_inline(&self.context, run) {
                Some((to, message)) => self.change_and_take(|scheduler| scheduler.deliver(&to, Delivery::unrecorded(message))).1,
                None => self.change_and_take(|_| ()).1,
            },
        }
    }

    fn hand_in(&self, outcome: EncodedOutcome, id: &InstanceId, epoch: u64) -> Option<NextJob> {
        let handing_in = || self.change_and_take(|scheduler| outcome.hand_in(&self.context, scheduler, id, epoch));
        match catch_unwind(AssertUnwindSafe(handing_in)) {
            Ok((lost, next)) => {
                if let Some(lost) = lost {
                    lost.refuse();
                }
                next
            }
            Err(panic) => self.change_and_take(|scheduler| take_back(&self.context, scheduler, id, epoch, &*panic)).1,
        }
    }

    fn change_and_take<T>(&self, change: impl FnOnce(&mut Scheduler) -> T) -> (T, Option<NextJob>) {
        let mut scheduler = self.context.scheduler();
        let taken = scheduler.change_and_take(self.leaves(), change);
        let gone = scheduler.take_dropped();
        drop(scheduler);
        drop(gone);
        taken
    }

    /// The world may hold the worker up where a thread could be.
    async fn pause(&self) {
        if let Some(pause) = self.context.world.pause() {
            pause.await;
        }
    }

    /// Lets virtual time pass in the turn that was just taken. A real guest has had its time, and
    /// was interrupted by itself.
    async fn compute(&self) {
        let Some(mut left) = self.context.world.computing_time() else { return };
        while left > SIMULATED_SLICE && !self.is_replaced.load(Ordering::Relaxed) {
            tokio::time::sleep(SIMULATED_SLICE).await;
            left -= SIMULATED_SLICE;
            replace(&self.context, &self.is_replaced);
        }
        if left.is_zero() { yield_now().await } else { tokio::time::sleep(left).await }
    }
}

/// However a worker ends, it leaves nothing behind that waits for it.
impl Drop for Worker {
    fn drop(&mut self) {
        let was_replaced = self.is_replaced.load(Ordering::Relaxed);
        if was_replaced {
            self.context.crew.end_replaced();
        } else if thread::panicking() && !self.context.is_stopping() && self.context.world.workers() == WorkerKind::Threads {
            tracing::error!("a guest thread ended by a bug of the host's; another takes its place");
            // As many workers as there are to be. If none can be started, there is one less.
            let _ = start(&self.context);
        }
        let mut scheduler = self.context.scheduler_as_it_is();
        scheduler.change_and_take(true, |scheduler| {
            if !was_replaced {
                scheduler.worker_leaves();
            }
        });
    }
}
