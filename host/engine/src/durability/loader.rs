//! From a chain of records back into memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::orchestration::fold;
use longhaul_core::{DeploymentId, Entity, InstanceId, Message, Orchestration};
use longhaul_store::{ChainRecord, Error as StoreError, Position, TooLong};

use crate::context::{MAX_LOADS, Shared};
use crate::errands::Errand;
use crate::state::instance::{Delivery, Guest, OrchestrationInMemory, Place, Resident};
use crate::state::late;
use crate::turns::outcome::panic_text;

/// Chains longer than this are folded off tokio's workers.
const LONG_CHAIN: usize = 256;

/// What is to be read is divided into this many readings, so that all of the store's readers have work and folding one part goes on beside
/// the reading of the next.
const READINGS_AT_ONCE: usize = 4;

/// Chains of more bytes are read one by one, when there is room for them.
const LONG_CHAIN_BYTES: u64 = 256 << 10;
/// How often the payloads of a chain are in memory while it is read: in the database's driver, as text, and as what was read from it.
const COPIES: u64 = 4;

/// How long a long chain waits until instances hold less.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);

/// How long until an instance that could not be read is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// An instance whose chain is to be read as of `tail`.
pub(crate) struct Load {
    pub(crate) id: InstanceId,
    pub(crate) tail: Option<Position>,
}

/// Reads chains and puts their instances into memory. What is asked for at the same time is read together: a reading alone costs several
/// hand-offs between threads.
pub(crate) fn begin(shared: &Arc<Shared>, loads: Vec<Load>) {
    if loads.is_empty() {
        return;
    }
    let Some(errand) = shared.errands.begin().map(Arc::new) else { return };
    let era = shared.board().era;
    let together = loads.len().div_ceil(READINGS_AT_ONCE).min(MAX_LOADS);
    let mut loads = loads.into_iter().peekable();
    while loads.peek().is_some() {
        let group = loads.by_ref().take(together).collect();
        tokio::spawn(bring_back(shared.clone(), group, era, errand.clone()));
    }
}

async fn bring_back(shared: Arc<Shared>, group: Vec<Load>, era: u64, errand: Arc<Errand>) {
    let permits = shared.loads.clone().acquire_many_owned(group.len() as u32).await;
    if shared.is_stopping() {
        return;
    }
    match read(&shared, &group).await {
        Ok(loaded) => {
            for long in place(&shared, group, era, loaded) {
                tokio::spawn(bring_back_long(shared.clone(), long, era, errand.clone()));
            }
        }
        // One that cannot be read must not hold up the others.
        Err(_) => {
            drop(permits);
            for load in group {
                tokio::spawn(bring_back_alone(shared.clone(), load, era, errand.clone()));
            }
        }
    }
}

async fn bring_back_alone(shared: Arc<Shared>, load: Load, era: u64, errand: Arc<Errand>) {
    let permit = shared.loads.clone().acquire_owned().await;
    if shared.is_stopping() {
        return;
    }
    match read(&shared, std::slice::from_ref(&load)).await {
        Ok(loaded) => {
            for long in place(&shared, vec![load], era, loaded) {
                tokio::spawn(bring_back_long(shared.clone(), long, era, errand.clone()));
            }
        }
        Err(error) => {
            tracing::error!(instance = %load.id, %error, "cannot read the instance's records");
            drop(permit);
            try_again_later(&shared, &load.id, era).await;
        }
    }
}

/// An instance whose chain is so long that there must be room for it first.
struct LongLoad {
    load: Load,
    bytes: u64,
}

/// Reads a long chain once there is room for it. Those that wait are served in the order of their coming; one that is longer than all the room there
/// is has it alone, so each comes to its turn.
async fn bring_back_long(shared: Arc<Shared>, LongLoad { load, bytes }: LongLoad, era: u64, _errand: Arc<Errand>) {
    let taken = loop {
        if shared.is_stopping() || shared.board().era != era {
            return;
        }
        if let Some(room) = shared.long_loads.take_within(bytes.saturating_mul(COPIES), RETRY_PAUSE).await {
            break room;
        }
    };
    // One that waits in vain is read all the same: what is to make room may wait for it.
    let _has_room = shared.instances_have_room(ROOM_PATIENCE).await;
    match read_within(&shared, std::slice::from_ref(&load), bytes).await {
        Ok(loaded) => {
            // The chain that ends there never changes, so it is not too long now.
            place(&shared, vec![load], era, loaded);
        }
        Err(error) => {
            tracing::error!(instance = %load.id, %error, "cannot read the instance's records");
            drop(taken);
            try_again_later(&shared, &load.id, era).await;
        }
    }
}

enum Loaded {
    Instance(Found),
    /// Its chain has so many bytes.
    TooLong(u64),
}

struct Found {
    resident: Resident,
    /// Recorded messages not yet consumed, oldest first.
    inbox: Vec<Message>,
}

pub(crate) fn blank(id: &InstanceId) -> Resident {
    match id.entity() {
        Some(entity) => Resident::Entity(Box::new(Entity::blank(entity))),
        None => {
            let state = Orchestration::blank(id.clone());
            Resident::Orchestration(Box::new(OrchestrationInMemory { state, guest: Guest::Fresh }))
        }
    }
}

/// What each of the group is, in the group's order, but for those with long chains.
async fn read(shared: &Arc<Shared>, group: &[Load]) -> Result<Vec<Loaded>, StoreError> {
    read_within(shared, group, LONG_CHAIN_BYTES).await
}

async fn read_within(shared: &Arc<Shared>, group: &[Load], max_bytes_each: u64) -> Result<Vec<Loaded>, StoreError> {
    let tails: Vec<_> = group.iter().filter_map(|load| load.tail).collect();
    let chains = if tails.is_empty() { Vec::new() } else { shared.store.read_chains_within(tails, max_bytes_each).await? };
    let mut chains = chains.into_iter();
    let mut loaded = Vec::with_capacity(group.len());
    for load in group {
        loaded.push(match load.tail.and_then(|_| chains.next()).unwrap_or(Ok(Vec::new())) {
            Ok(chain) => Loaded::Instance(fold_chain(&load.id, chain).await?),
            Err(TooLong { bytes }) => Loaded::TooLong(bytes),
        });
    }
    for (id, deployment) in deployments_asked_for(shared, group, &loaded) {
        want(shared, id, deployment).await;
    }
    Ok(loaded)
}

async fn fold_chain(id: &InstanceId, chain: Vec<ChainRecord>) -> Result<Found, StoreError> {
    let (id, is_short) = (id.clone(), chain.len() <= LONG_CHAIN);
    let unfolded = |problem: &dyn std::fmt::Display| StoreError::Damaged(format!("the records cannot be folded: {problem}"));
    if is_short {
        // A panic here would leave all that are read together waiting for ever.
        let folding = catch_unwind(AssertUnwindSafe(|| folded(id, chain)));
        return folding.map_err(|panic| unfolded(&panic_text(&*panic)));
    }
    let folding = tokio::task::spawn_blocking(move || folded(id, chain));
    folding.await.map_err(|error| unfolded(&error))
}

fn folded(id: InstanceId, chain: Vec<ChainRecord>) -> Found {
    match id.entity() {
        Some(entity) => {
            let (entity, inbox) = Entity::fold(entity, chain.into_iter().map(|link| link.record));
            Found { resident: Resident::Entity(Box::new(entity)), inbox: inbox.into() }
        }
        None => {
            let folded = fold(id, chain.into_iter().map(|link| (link.record, link.base)));
            let guest = if folded.replay.is_empty() { Guest::Fresh } else { Guest::Replay(folded.replay) };
            let orchestration = Box::new(OrchestrationInMemory { state: folded.state, guest });
            Found { resident: Resident::Orchestration(orchestration), inbox: folded.inbox.into() }
        }
    }
}

/// Deployments that the next turns need: the one that each execution is pinned to, and what a turn that came to nothing asked for.
fn deployments_asked_for<'a>(shared: &Shared, group: &'a [Load], loaded: &[Loaded]) -> Vec<(&'a InstanceId, DeploymentId)> {
    let board = shared.board();
    let asked = |(load, loaded): (&'a Load, &Loaded)| {
        let pinned = match loaded {
            Loaded::Instance(Found { resident: Resident::Orchestration(orchestration), .. }) => {
                orchestration.state.function().map(|(_, deployment)| deployment)
            }
            Loaded::Instance(Found { resident: Resident::Entity(_), .. }) | Loaded::TooLong(_) => None,
        };
        let wanted = board.slots.get(&load.id).and_then(|slot| slot.wants);
        [pinned, wanted].into_iter().flatten().map(|deployment| (&load.id, deployment))
    };
    group.iter().zip(loaded).flat_map(asked).collect()
}

/// Makes sure that the deployment is loaded. If it cannot be, the next turn sets the instance aside and says why.
async fn want(shared: &Arc<Shared>, id: &InstanceId, deployment: DeploymentId) {
    if shared.guests.loaded(deployment).is_some() {
        return;
    }
    if let Err(error) = shared.guests.clone().load(deployment).await {
        let reason = format!("deployment {deployment} cannot be loaded: {error}");
        shared.board().slot(id).park = Some(reason);
    }
}

/// Puts what was read into memory. Returns what was not read because it is too long.
fn place(shared: &Arc<Shared>, group: Vec<Load>, era: u64, loaded: Vec<Loaded>) -> Vec<LongLoad> {
    let now = shared.now();
    let mut board = shared.board();
    let mut long = Vec::new();
    if board.era != era {
        return long;
    }
    for (load, loaded) in group.into_iter().zip(loaded) {
        let (id, Found { resident, inbox }) = match loaded {
            Loaded::Instance(found) => (load.id, found),
            Loaded::TooLong(bytes) => {
                long.push(LongLoad { load, bytes });
                continue;
            }
        };
        let running = match &resident {
            Resident::Orchestration(orchestration) => orchestration.state.running_activities(),
            Resident::Entity(_) => Vec::new(),
        };
        let slot = board.slot(&id);
        slot.wants = None;
        late::drop_left_out(slot, &resident, &inbox);
        slot.push_front(inbox.into_iter().map(Delivery::recorded));
        slot.place = Place::Cold;
        // What the records say is under way and is not, died with an earlier process, or is to run again since a rewind. Before anybody can
        // take a turn: a result that waits in the mailbox keeps its run in the books until then, so that it is not run twice.
        let at_once = shared.activities.start(shared, running);
        board.queue_activities(at_once);
        board.note_read(&id, &resident, now);
        board.rest(&id, resident, now);
    }
    long
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
