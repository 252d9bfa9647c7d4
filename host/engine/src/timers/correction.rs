//! What follows when the machine's clock is put back.
//!
//! Instances that had a turn while it was ahead are ahead of it now, and what they wait for by the
//! clock's time would come too late by as much. Each of them takes a turn that counts its waits
//! from the clock as it is now, and records that; see
//! `docs/decisions/0011-waits-outlast-no-correction.md`.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{InstanceId, Timestamp};
use longhaul_store::Error as StoreError;
use tokio::time::Instant;

use crate::context::EngineContext;

/// How often the clock is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// How long after the start sleeping instances are looked through once: the clock may have been put
/// back while no host ran.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// How far behind the time that has passed a clock must be to have been put back, milliseconds.
/// Clocks that are slewed stay far below in a second.
const TOLERANCE_MS: u64 = 500;

/// Most sleeping instances that are read at a time, and how long others have the store to
/// themselves until the next.
const AT_A_TIME: u32 = 1_000;
const BREATH: Duration = Duration::from_millis(100);

/// Looks whether the clock was put back, until the engine stops.
pub(crate) async fn watch(context: Arc<EngineContext>) {
    let (mut seen, mut seen_at) = (context.now(), Instant::now());
    let mut look_at = Some(Instant::now() + FIRST_LOOK);
    let mut told_in_epoch = context.scheduler().epoch();
    while !context.stopped_within(PAUSE).await {
        let ((now, latest), now_at) = (context.now_and_latest(), Instant::now());
        let passed = u64::try_from(now_at.duration_since(seen_at).as_millis()).unwrap_or(u64::MAX);
        let behind = seen.plus(passed).max(latest).since(now);
        (seen, seen_at) = (now, now_at);
        if behind > TOLERANCE_MS {
            tracing::warn!(
                milliseconds = behind,
                "the machine's clock was put back; instances that are ahead of it now count their waits from it"
            );
            look_at = Some(now_at);
        }
        let (epoch, is_closed) = {
            let scheduler = context.scheduler();
            (scheduler.epoch(), scheduler.is_closed())
        };
        if epoch != told_in_epoch {
            // The instances that were told were in memory, and that was discarded.
            look_at = look_at.or(Some(now_at));
        }
        if look_at.is_some_and(|at| at <= now_at) && !is_closed {
            told_in_epoch = epoch;
            look_at = match tell_all(&context, now).await {
                Ok(()) => None,
                Err(error) => {
                    tracing::warn!(%error, "cannot read which instances are ahead of the clock; trying again");
                    Some(now_at)
                }
            };
        }
    }
}

/// Gives all that are ahead of the clock a turn.
async fn tell_all(context: &EngineContext, now: Timestamp) -> Result<(), StoreError> {
    context.scheduler().wake_left_ahead(now);
    let mut after = (Timestamp(0), InstanceId::trusted(""));
    loop {
        let found = context.store.ahead_of(now, after.clone(), AT_A_TIME).await?;
        let Some((id, at)) = found.last() else { return Ok(()) };
        after = (*at, id.clone());
        // Those in memory are told already, or find out when they come to rest.
        context.scheduler().wake_absent(found.iter().map(|(id, _)| id));
        if context.stopped_within(BREATH).await {
            return Ok(());
        }
    }
}
