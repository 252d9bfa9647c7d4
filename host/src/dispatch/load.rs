//! From a chain of records back into memory.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::orchestration::fold;
use longhaul_core::{DeploymentId, Entity, InstanceId, Message, Orchestration};
use longhaul_store::{ChainRecord, Error as StoreError, Position};

use super::shared::Shared;
use super::slot::{Delivery, Guest, OrchestrationInMemory, Place, Resident};

/// Chains longer than this are folded off tokio's workers.
const LONG_CHAIN: usize = 256;

/// How long until an instance that could not be read is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Reads the instance's chain as of `tail` and puts it into memory.
pub(super) fn begin(shared: &Arc<Shared>, id: InstanceId, tail: Option<Position>) {
    let era = shared.board().era;
    let shared = shared.clone();
    tokio::spawn(async move {
        let permit = shared.loads.clone().acquire_owned().await;
        match read(&shared, &id, tail).await {
            Ok(loaded) => place(&shared, &id, era, loaded),
            Err(error) => {
                tracing::error!(instance = %id, %error, "cannot read the instance's records");
                drop(permit);
                try_again_later(&shared, &id, era).await;
            }
        }
    });
}

struct Loaded {
    resident: Resident,
    /// Recorded messages not yet consumed, oldest first.
    inbox: Vec<Message>,
}

pub(super) fn blank(id: &InstanceId) -> Resident {
    match id.entity() {
        Some(entity) => Resident::Entity(Box::new(Entity::blank(entity))),
        None => {
            let state = Orchestration::blank(id.clone());
            Resident::Orchestration(Box::new(OrchestrationInMemory { state, guest: Guest::Fresh }))
        }
    }
}

async fn read(shared: &Arc<Shared>, id: &InstanceId, tail: Option<Position>) -> Result<Loaded, StoreError> {
    let chain = match tail {
        Some(tail) => shared.store.read_chain(tail).await?,
        None => Vec::new(),
    };
    let loaded = if chain.len() > LONG_CHAIN {
        let id = id.clone();
        let folding = tokio::task::spawn_blocking(move || folded(id, chain));
        folding.await.map_err(|error| StoreError::Damaged(format!("the records cannot be folded: {error}")))?
    } else {
        folded(id.clone(), chain)
    };
    let pinned = match &loaded.resident {
        Resident::Orchestration(orchestration) => orchestration.state.function().map(|(_, deployment)| deployment),
        Resident::Entity(_) => None,
    };
    let wanted = shared.board().slots.get(id).and_then(|slot| slot.wants);
    want(shared, id, pinned).await;
    want(shared, id, wanted).await;
    Ok(loaded)
}

fn folded(id: InstanceId, chain: Vec<ChainRecord>) -> Loaded {
    match id.entity() {
        Some(entity) => {
            let (entity, inbox) = Entity::fold(entity, chain.into_iter().map(|link| link.record));
            Loaded { resident: Resident::Entity(Box::new(entity)), inbox: inbox.into() }
        }
        None => {
            let folded = fold(id, chain.into_iter().map(|link| (link.record, link.base)));
            let guest = if folded.replay.is_empty() { Guest::Fresh } else { Guest::Replay(folded.replay) };
            let orchestration = Box::new(OrchestrationInMemory { state: folded.state, guest });
            Loaded { resident: Resident::Orchestration(orchestration), inbox: folded.inbox.into() }
        }
    }
}

/// Makes sure that the deployment is loaded. If it cannot be, the next turn sets the instance aside and says why.
async fn want(shared: &Arc<Shared>, id: &InstanceId, deployment: Option<DeploymentId>) {
    let Some(deployment) = deployment.filter(|deployment| shared.registry.get(*deployment).is_none()) else { return };
    if let Err(error) = shared.registry.load(deployment).await {
        let reason = format!("deployment {deployment} cannot be loaded: {error}");
        shared.board().slot(id).park = Some(reason);
    }
}

fn place(shared: &Arc<Shared>, id: &InstanceId, era: u64, loaded: Loaded) {
    let Loaded { resident, inbox } = loaded;
    let running = match &resident {
        Resident::Orchestration(orchestration) => orchestration.state.running_activities(),
        Resident::Entity(_) => Vec::new(),
    };
    let now = shared.now();
    {
        let mut board = shared.board();
        if board.era != era {
            return;
        }
        let slot = board.slot(id);
        slot.wants = None;
        slot.push_front(inbox.into_iter().map(Delivery::recorded));
        slot.place = Place::Cold;
        // What the records say is under way and is not, died with an earlier process, or is to run again since a rewind. Before anybody can
        // take a turn: a result that waits in the mailbox keeps its run in the books until then, so that it is not run twice.
        let at_once = shared.activities.start(shared, running);
        board.queue_activities(at_once);
        board.rest(id, resident, now);
    }
}

async fn try_again_later(shared: &Arc<Shared>, id: &InstanceId, era: u64) {
    if shared.stopped_within(RETRY_PAUSE).await {
        return;
    }
    let mut board = shared.board();
    if board.era == era {
        board.slot(id).wake = true;
        board.reload(id);
    }
}
