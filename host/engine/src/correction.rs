//! What follows when the machine's clock is put back.
//!
//! Instances that had a turn while it was ahead are ahead of it now, and what they wait for by the clock's time would come too late by as much.
//! Each of them takes a turn that counts its waits from the clock as it is now, and records that; see `docs/decisions/0011-waits-outlast-no-correction.md`.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{InstanceId, Timestamp};
use longhaul_store::Error as StoreError;
use tokio::time::Instant;

use crate::context::Shared;
use crate::state::instance::Place;
use crate::state::scheduler::Board;

/// How often the clock is looked at.
const PAUSE: Duration = Duration::from_secs(1);

/// How long after the start sleeping instances are looked through once: the clock may have been put back while no host ran.
const FIRST_LOOK: Duration = Duration::from_secs(30);

/// How far behind the time that has passed a clock must be to have been put back, milliseconds. Clocks that are slewed stay far below in a second.
const TOLERANCE_MS: u64 = 500;

/// Most sleeping instances that are read at a time, and how long others have the store to themselves until the next.
const AT_A_TIME: u32 = 1_000;
const BREATH: Duration = Duration::from_millis(100);

/// Looks whether the clock was put back, until the engine stops.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let (mut seen, mut seen_at) = (shared.now(), Instant::now());
    let mut look_at = Some(Instant::now() + FIRST_LOOK);
    let mut told_in_era = shared.board().era;
    while !shared.stopped_within(PAUSE).await {
        let ((now, latest), now_at) = (shared.now_and_latest(), Instant::now());
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
        let (era, is_closed) = {
            let board = shared.board();
            (board.era, board.closed)
        };
        if era != told_in_era {
            // The instances that were told were in memory, and that was given up.
            look_at = look_at.or(Some(now_at));
        }
        if look_at.is_some_and(|at| at <= now_at) && !is_closed {
            told_in_era = era;
            look_at = match tell_all(&shared, now).await {
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
async fn tell_all(shared: &Shared, now: Timestamp) -> Result<(), StoreError> {
    shared.board().wake_left_ahead(now);
    let mut after = (Timestamp(0), InstanceId::trusted(""));
    loop {
        let found = shared.store.ahead_of(now, after.clone(), AT_A_TIME).await?;
        let Some((id, at)) = found.last() else { return Ok(()) };
        after = (*at, id.clone());
        {
            let mut board = shared.board();
            // Those in memory are told already, or find out when they come to rest.
            let absent: Vec<_> = found.iter().map(|(id, _)| id).filter(|id| !board.slots.contains_key(*id)).collect();
            absent.into_iter().for_each(|id| board.wake(id));
        }
        if shared.stopped_within(BREATH).await {
            return Ok(());
        }
    }
}

impl Board {
    fn wake_left_ahead(&mut self, now: Timestamp) {
        let is_left = |place: &Place| match place {
            Place::Resident(resident) => resident.is_left_ahead(now),
            // These come to rest by a time that may have been read before the clock was put back.
            Place::Busy | Place::Loading => true,
            Place::Cold | Place::Purging => false,
        };
        let mut ids: Vec<_> = self.slots.iter().filter(|(_, slot)| is_left(&slot.place)).map(|(id, _)| id.clone()).collect();
        // A map has no order, and a simulation must repeat itself.
        ids.sort();
        ids.iter().for_each(|id| self.wake(id));
    }
}
