//! The tasks that follow the clock: they wake instances that are due, and read what comes near.

use std::sync::Arc;
use std::time::Duration;

use longhaul_store::Error as StoreError;

use crate::context::EngineContext;
use crate::state::HORIZON_MS;

pub(crate) mod correction;

/// How many wake-ups one reading of the store brings; more follow at once.
const READ_LIMIT: u32 = 10_000;

/// Most wake-ups that go off before the scheduler's lock is free again.
const FIRED_AT_ONCE: usize = 256;

/// Wakes instances that are due, until the engine stops.
pub(crate) async fn fire(context: Arc<EngineContext>) {
    while !context.is_stopping() {
        let next = {
            let mut scheduler = context.scheduler();
            let now = context.now();
            scheduler.advance(now, FIRED_AT_ONCE).map(|at| at.since(now))
        };
        let changed = context.signals.wakeup_changed.notified();
        match next {
            Some(wait_ms) => _ = tokio::time::timeout(Duration::from_millis(wait_ms.min(HORIZON_MS)), changed).await,
            None => changed.await,
        }
    }
}

/// Reads the wake-ups that come near from the store, until the engine stops.
pub(crate) async fn read_ahead(context: Arc<EngineContext>) {
    let mut pause = Duration::from_millis(HORIZON_MS / 2);
    while !context.stopped_within(pause).await {
        pause = match read_near(&context).await {
            Ok(false) => Duration::from_millis(HORIZON_MS / 2),
            // A full page holds the soonest; the next is read while these go off.
            Ok(true) => Duration::from_secs(1),
            Err(error) => {
                tracing::warn!(%error, "cannot read what is due; trying again");
                Duration::from_secs(1)
            }
        };
    }
}

/// Reads the wake-ups that come near from the store. Returns whether there may be more of them.
pub(crate) async fn read_near(context: &EngineContext) -> Result<bool, StoreError> {
    let due = context.store.due(context.now().plus(HORIZON_MS), READ_LIMIT).await?;
    let full = due.len() >= READ_LIMIT as usize;
    let now = context.now();
    context.scheduler().note_due(due, now);
    Ok(full)
}
