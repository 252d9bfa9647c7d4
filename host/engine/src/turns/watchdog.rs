//! Looks once a second whether a wake-up was lost.
//!
//! None should ever be. But what is queued while every worker waits would stay there until
//! something else happens, on a quiet host for ever. So the host looks, heals, and says so.

use std::sync::Arc;
use std::time::Duration;

use crate::context::EngineContext;
use crate::world::WorkerKind;

/// How long between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks until the engine stops.
pub(crate) async fn watch(context: Arc<EngineContext>) {
    // A simulation looks by itself, and nothing may hide from it what there is to find.
    let heals = context.world.workers() == WorkerKind::Threads;
    while heals && !context.stopped_within(PAUSE).await {
        let jobs = context.scheduler_as_it_is().call_if_stalled();
        if jobs > 0 {
            context.counters.missed_wake_up();
            tracing::warn!(jobs, "work was queued while every guest thread waited; this is a bug of the host's, please report it");
        }
    }
}
