//! The workers that there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::task::{JoinHandle, spawn_blocking};

/// The workers, those included that are about to end.
#[derive(Default)]
pub(crate) struct Crew {
    handles: Mutex<Vec<WorkerHandle>>,
    /// Those that were replaced and have not ended.
    replaced: AtomicUsize,
}

/// How a worker runs.
pub(crate) enum WorkerHandle {
    Thread(thread::JoinHandle<()>),
    Task(JoinHandle<()>),
}

impl Crew {
    fn handles(&self) -> MutexGuard<'_, Vec<WorkerHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a worker that was started.
    pub(crate) fn add(&self, worker: WorkerHandle) {
        let mut handles = self.handles();
        handles.retain(|worker| match worker {
            WorkerHandle::Thread(thread) => !thread.is_finished(),
            WorkerHandle::Task(task) => !task.is_finished(),
        });
        handles.push(worker);
    }

    /// Counts one more worker as replaced, unless `most` are. Returns whether it was counted.
    pub(crate) fn replace_one(&self, most: usize) -> bool {
        self.replaced.try_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1)).is_ok()
    }

    /// A replaced worker has ended, or was not replaced after all.
    pub(crate) fn end_replaced(&self) {
        self.replaced.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits until all of them have ended, those included that start meanwhile: a worker that
    /// starts another has not ended yet.
    pub(crate) async fn join(&self) {
        loop {
            let Some(worker) = self.handles().pop() else { return };
            // One that panicked has said so already.
            match worker {
                WorkerHandle::Thread(thread) => _ = spawn_blocking(move || thread.join()).await,
                WorkerHandle::Task(task) => _ = task.await,
            }
        }
    }
}
