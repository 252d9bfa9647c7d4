//! A worker's promise to look for work.
//!
//! What a worker queues at the end of its job it takes next by itself, so no other worker is called
//! for the first of that: in most turns this saves a system call and a switch of threads. The
//! promise must never outlive the worker that makes it. So it is made and kept within one hold of
//! the lock, and whatever ends that hold without a look, a worker that leaves or a panic, gives it
//! back.

use super::{NextJob, Scheduler};

/// Stands while a worker changes the state. Dropping it gives the promise back.
struct Promise<'state>(&'state mut Scheduler);

impl Promise<'_> {
    fn keep(self) -> Option<NextJob> {
        self.0.holder_looks_for_work = false;
        self.0.next()
    }
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        if std::mem::take(&mut self.0.holder_looks_for_work) {
            self.0.call_guest_thread();
        }
    }
}

impl Scheduler {
    /// Lets a worker change the state and then take its next job, in one step. A worker that
    /// `leaves` takes none: it calls another for what it has queued.
    pub(crate) fn change_and_take<T>(&mut self, leaves: bool, change: impl FnOnce(&mut Self) -> T) -> (T, Option<NextJob>) {
        self.holder_looks_for_work = true;
        let promise = Promise(self);
        let changed = change(promise.0);
        let next = if leaves { None } else { promise.keep() };
        (changed, next)
    }
}
