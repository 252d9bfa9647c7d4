//! How the parts of the engine wake each other.

use std::sync::{Condvar, MutexGuard};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The engine's signals.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// The run queue has work for a guest thread.
    pub(crate) work: WorkSignal,
    /// The committer has something to write.
    pub(crate) commit: Notify,
    /// The soonest wake-up changed.
    pub(crate) wakeup_changed: Notify,
    /// The engine stops.
    pub(crate) stop: Notify,
}

impl Signals {
    /// Signals for workers that are tasks of a simulation.
    pub(crate) fn for_tasks() -> Self {
        Self { work: WorkSignal::Tasks(Notify::new()), ..Self::default() }
    }
}

/// Wakes the workers, which run guests.
#[derive(Debug)]
pub(crate) enum WorkSignal {
    /// They are threads.
    Threads(Condvar),
    /// They are tasks of a simulation.
    Tasks(Notify),
}

impl Default for WorkSignal {
    fn default() -> Self {
        Self::Threads(Condvar::new())
    }
}

impl WorkSignal {
    pub(crate) fn wake_one(&self) {
        match self {
            Self::Threads(signal) => signal.notify_one(),
            Self::Tasks(signal) => signal.notify_one(),
        }
    }

    pub(crate) fn wake_all(&self) {
        match self {
            Self::Threads(signal) => signal.notify_all(),
            Self::Tasks(signal) => signal.notify_waiters(),
        }
    }

    /// Waits with the state unlocked, as a thread. A task gets what it is to wait for.
    pub(crate) fn wait<'signal, T>(&'signal self, state: MutexGuard<'_, T>) -> Option<Notified<'signal>> {
        match self {
            Self::Threads(signal) => {
                drop(signal.wait(state));
                None
            }
            Self::Tasks(signal) => Some(signal.notified()),
        }
    }
}
