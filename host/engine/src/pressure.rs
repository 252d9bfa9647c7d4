//! Waiting while instances hold more than they may.
//!
//! Those at rest leave by themselves. What stays is at work, or waits for its commit or its turn,
//! and passes; until then nothing large is added to it.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::EngineContext;

/// How often a wait looks whether there is room.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl EngineContext {
    /// Waits until instances hold no more than they may, at most for `patience`. Returns whether
    /// they do.
    pub(crate) async fn instances_have_room(&self, patience: Duration) -> bool {
        let fit = || self.instances.bytes() <= self.config.instance_memory_bytes;
        if fit() {
            return true;
        }
        let deadline = Instant::now() + patience;
        loop {
            let gone = {
                let mut scheduler = self.scheduler();
                scheduler.make_room();
                scheduler.take_dropped()
            };
            // Not under the lock, and not before the look: dropping a guest takes system calls.
            drop(gone);
            if fit() {
                return true;
            }
            if Instant::now() >= deadline || self.stopped_within(LOOK_EVERY).await {
                return false;
            }
        }
    }
}
