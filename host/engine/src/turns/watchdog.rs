//! Looks once a second whether a wake-up was lost.
//!
//! None should ever be. But what is queued while every worker waits would stay there until something else happens, on a quiet host
//! for ever. So the host looks, heals, and says so.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Shared;
use crate::engine::Engine;

/// How long between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks until the engine stops.
pub(crate) async fn watch(shared: Arc<Shared>) {
    // A simulation looks by itself, and nothing may hide from it what there is to find.
    let heals = shared.world.simulation().is_none();
    while heals && !shared.stopped_within(PAUSE).await {
        let jobs = shared.board_as_it_is().call_if_stalled();
        if jobs > 0 {
            shared.counters.missed_wake_up();
            tracing::warn!(jobs, "work was queued while every guest thread waited; this is a bug of the host's, please report it");
        }
    }
}

impl Engine {
    /// What lies untouched in memory though something could be done about it at once. For a simulation, which knows when nothing runs: a host that
    /// is at work has always something on its way.
    pub fn left_lying(&self) -> Vec<String> {
        self.shared().board_as_it_is().left_lying()
    }
}
