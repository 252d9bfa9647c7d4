//! Removes an instance from the store while nobody else touches it.

use std::sync::Arc;

use longhaul_core::InstanceId;
use tokio::sync::oneshot;

use super::api::EngineError;
use super::commit::Commit;
use super::reads;
use super::residency::Counted;
use super::shared::Shared;
use super::slot::{Place, Slot};

/// How many rounds of commits a purge waits for an instance to come to rest.
const MAX_ROUNDS: usize = 8;

pub(super) async fn purge(shared: &Arc<Shared>, id: &InstanceId) -> Result<u32, EngineError> {
    hold(shared, id).await?;
    // In a job of its own: a caller that hangs up must not leave the instance held.
    let (job, of) = (shared.clone(), id.clone());
    let removal = tokio::spawn(async move {
        let removed = remove(&job, &of).await;
        let_go(&job, &of);
        removed
    });
    removal.await.unwrap_or_else(|error| Err(EngineError::Unavailable(error.to_string())))
}

/// Waits until the instance is at rest, and keeps it there.
async fn hold(shared: &Arc<Shared>, id: &InstanceId) -> Result<(), EngineError> {
    for _ in 0..MAX_ROUNDS {
        let round = {
            let mut board = shared.board();
            let scale = board.ages.scale.clone();
            let slot = board.slots.entry(id.clone()).or_insert_with(|| Slot::new(Place::Cold, &scale));
            if slot.is_idle() && matches!(slot.place, Place::Cold | Place::Resident(_)) {
                slot.place = Place::Purging;
                board.count(id, Counted::Not);
                return Ok(());
            }
            let (flushed, round) = oneshot::channel();
            board.queue_commit(Commit::flush(flushed));
            round
        };
        if round.await.is_err() {
            break;
        }
    }
    Err(EngineError::WrongState(format!("instance '{id}' is at work; try again later")))
}

async fn remove(shared: &Shared, id: &InstanceId) -> Result<u32, EngineError> {
    let Some(row) = reads::head(shared, id).await? else { return Ok(0) };
    if !id.is_entity() && !row.status.is_terminal() {
        return Err(EngineError::WrongState(format!(
            "instance '{id}' has the status {} and cannot be purged before it has ended",
            row.status.as_str()
        )));
    }
    // With the entity its lock's queue would go, and the release would not find its way to the section's other entities.
    if let Some(owner) = &row.locked_by {
        return Err(EngineError::WrongState(format!(
            "entity '{id}' is locked by instance '{owner}' and cannot be purged before that ends"
        )));
    }
    Ok(shared.store.purge(vec![id.clone()]).await?)
}

fn let_go(shared: &Shared, id: &InstanceId) {
    let mut board = shared.board();
    let slot = board.slot(id);
    slot.place = Place::Cold;
    if slot.is_idle() {
        board.settle(id);
    } else {
        board.schedule(id);
    }
}
