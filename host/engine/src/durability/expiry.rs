//! Removes idempotency notes that have outlived their keys.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::Timestamp;

use crate::context::EngineContext;
use crate::idempotency::KEY_LIFE_MS;

/// How often old notes are removed, and how many in one step, so that no commit waits long behind
/// it.
const FORGET_EVERY: Duration = Duration::from_secs(600);
const FORGET_STEP: u32 = 1_000;

/// Removes old notes, until the engine stops.
pub(crate) async fn forget_old(context: Arc<EngineContext>) {
    loop {
        let before = Timestamp(context.now().0.saturating_sub(KEY_LIFE_MS));
        let mut removed = context.store.forget_idempotency_notes(before, FORGET_STEP).await;
        while matches!(removed, Ok(FORGET_STEP)) && !context.is_stopping() {
            removed = context.store.forget_idempotency_notes(before, FORGET_STEP).await;
        }
        if let Err(error) = removed {
            tracing::warn!(%error, "cannot remove old idempotency keys; trying again later");
        }
        if context.stopped_within(FORGET_EVERY).await {
            return;
        }
    }
}
