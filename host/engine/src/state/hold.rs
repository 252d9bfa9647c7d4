//! Keeping an instance at rest while it is removed from the store.

use std::sync::Arc;

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

/// Where held instances are released again.
pub(crate) trait Release: Send + Sync {
    /// The instance is held no longer.
    fn release(&self, id: &InstanceId);

    /// Has the instance look at what its chain says now.
    fn wake(&self, id: &InstanceId);
}

/// A purge that waits for an instance to come to rest.
pub(crate) struct Hold {
    told: oneshot::Sender<Answer>,
    release: Arc<dyn Release>,
}

/// What a purge is told.
pub(crate) enum Answer {
    /// The instance is at rest and stays so.
    Held(Held),
    /// It is a live orchestration, which must not be removed.
    Live,
}

/// An instance that takes no turn until this is dropped. Must not be dropped under the scheduler's
/// lock.
pub(crate) struct Held {
    pub(crate) id: InstanceId,
    release: Option<Arc<dyn Release>>,
}

impl Held {
    /// Releases the instance and has it look at what its chain says now.
    pub(crate) fn release_and_wake(self) -> InstanceId {
        let (id, release) = (self.id.clone(), self.release.clone());
        drop(self);
        if let Some(release) = release {
            release.wake(&id);
        }
        id
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release.release(&self.id);
        }
    }
}

impl Hold {
    /// A hold, and where the purge waits for its answer. The wait fails if memory is discarded
    /// before.
    pub(crate) fn new(release: Arc<dyn Release>) -> (Self, oneshot::Receiver<Answer>) {
        let (told, answer) = oneshot::channel();
        (Self { told, release }, answer)
    }

    /// Whether the purge waits no longer.
    pub(super) fn is_over(&self) -> bool {
        self.told.is_closed()
    }

    /// Tells the purge that the instance is live.
    pub(super) fn refuse(self) {
        // A purge that waits no longer needs no answer.
        let _ = self.told.send(Answer::Live);
    }

    /// Gives the instance to the purge. Returns whether the purge still waits for it.
    pub(super) fn grant(self, id: &InstanceId) -> bool {
        let Self { told, release } = self;
        match told.send(Answer::Held(Held { id: id.clone(), release: Some(release) })) {
            Ok(()) => true,
            Err(Answer::Held(mut held)) => {
                // This hold never was one, and must not release what is not held.
                held.release = None;
                false
            }
            Err(Answer::Live) => false,
        }
    }
}
