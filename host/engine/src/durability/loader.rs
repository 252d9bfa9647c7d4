//! From a chain of records back into memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::orchestration::fold;
use longhaul_core::{DeploymentId, Entity, InstanceId, Message};
use longhaul_store::{ChainRecord, Error as StoreError, Position, TooLong};

use crate::activities;
use crate::context::{EngineContext, MAX_LOADS};
use crate::errands::Errand;
use crate::panics::panic_text;
use crate::state::resident::{Guest, OrchestrationInMemory, Resident};

/// Chains longer than this are folded off tokio's workers.
const LONG_CHAIN: usize = 256;

/// What is to be read is divided into this many readings, so that all of the store's readers have
/// work and folding one part goes on beside the reading of the next.
const READINGS_AT_ONCE: usize = 4;

/// Chains of more bytes are read one by one, when there is room for them.
const LONG_CHAIN_BYTES: u64 = 256 << 10;
/// How often the payloads of a chain are in memory while it is read: in the database's driver, as
/// text, and as what was read from it.
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

/// Reads chains and puts their instances into memory. What is asked for at the same time is read
/// together: a reading alone costs several hand-offs between threads.
pub(crate) fn begin(context: &Arc<EngineContext>, loads: Vec<Load>) {
    if loads.is_empty() {
        return;
    }
    let Some(errand) = context.errands.begin().map(Arc::new) else { return };
    let epoch = context.scheduler().epoch();
    let together = loads.len().div_ceil(READINGS_AT_ONCE).min(MAX_LOADS);
    let mut loads = loads.into_iter().peekable();
    while loads.peek().is_some() {
        let group = loads.by_ref().take(together).collect();
        tokio::spawn(bring_back(context.clone(), group, epoch, errand.clone()));
    }
}

async fn bring_back(context: Arc<EngineContext>, group: Vec<Load>, epoch: u64, errand: Arc<Errand>) {
    let permits = context.loads.clone().acquire_many_owned(group.len() as u32).await;
    if context.is_stopping() {
        return;
    }
    match read(&context, &group).await {
        Ok(loaded) => {
            for long in place(&context, group, epoch, loaded) {
                tokio::spawn(bring_back_long(context.clone(), long, epoch, errand.clone()));
            }
        }
        // One that cannot be read must not hold up the others.
        Err(_) => {
            drop(permits);
            for load in group {
                tokio::spawn(bring_back_alone(context.clone(), load, epoch, errand.clone()));
            }
        }
    }
}

async fn bring_back_alone(context: Arc<EngineContext>, load: Load, epoch: u64, errand: Arc<Errand>) {
    let permit = context.loads.clone().acquire_owned().await;
    if context.is_stopping() {
        return;
    }
    match read(&context, std::slice::from_ref(&load)).await {
        Ok(loaded) => {
            for long in place(&context, vec![load], epoch, loaded) {
                tokio::spawn(bring_back_long(context.clone(), long, epoch, errand.clone()));
            }
        }
        Err(error) => {
            tracing::error!(instance = %load.id, %error, "cannot read the instance's records");
            drop(permit);
            try_again_later(&context, &load.id, epoch).await;
        }
    }
}

/// An instance whose chain is so long that there must be room for it first.
struct LongLoad {
    load: Load,
    bytes: u64,
}

/// Reads a long chain once there is room for it. Those that wait are served in the order of their
/// coming; one that is longer than all the room there is has it alone, so each comes to its turn.
async fn bring_back_long(context: Arc<EngineContext>, LongLoad { load, bytes }: LongLoad, epoch: u64, _errand: Arc<Errand>) {
    let taken = loop {
        if context.is_stopping() || context.scheduler().epoch() != epoch {
            return;
        }
        if let Some(room) = context.long_loads.take_within(bytes.saturating_mul(COPIES), RETRY_PAUSE).await {
            break room;
        }
    };
    // One that waits in vain is read all the same: what is to make room may wait for it.
    let _has_room = context.instances_have_room(ROOM_PATIENCE).await;
    match read_within(&context, std::slice::from_ref(&load), bytes).await {
        Ok(loaded) => {
            // The chain that ends there never changes, so it is not too long now.
            place(&context, vec![load], epoch, loaded);
        }
        Err(error) => {
            tracing::error!(instance = %load.id, %error, "cannot read the instance's records");
            drop(taken);
            try_again_later(&context, &load.id, epoch).await;
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

/// What each of the group is, in the group's order, but for those with long chains.
async fn read(context: &Arc<EngineContext>, group: &[Load]) -> Result<Vec<Loaded>, StoreError> {
    read_within(context, group, LONG_CHAIN_BYTES).await
}

async fn read_within(context: &Arc<EngineContext>, group: &[Load], max_bytes_each: u64) -> Result<Vec<Loaded>, StoreError> {
    let tails: Vec<_> = group.iter().filter_map(|load| load.tail).collect();
    let chains = if tails.is_empty() { Vec::new() } else { context.store.read_chains_within(tails, max_bytes_each).await? };
    let mut chains = chains.into_iter();
    let mut loaded = Vec::with_capacity(group.len());
    for load in group {
        loaded.push(match load.tail.and_then(|_| chains.next()).unwrap_or(Ok(Vec::new())) {
            Ok(chain) => Loaded::Instance(fold_chain(&load.id, chain).await?),
            Err(TooLong { bytes }) => Loaded::TooLong(bytes),
        });
    }
    for (id, deployment) in deployments_asked_for(context, group, &loaded) {
        want(context, id, deployment).await;
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

/// Deployments that the next turns need: the one that each execution is pinned to, and what a turn
/// that failed asked for.
fn deployments_asked_for<'a>(context: &EngineContext, group: &'a [Load], loaded: &[Loaded]) -> Vec<(&'a InstanceId, DeploymentId)> {
    let scheduler = context.scheduler();
    let asked = |(load, loaded): (&'a Load, &Loaded)| {
        let pinned = match loaded {
            Loaded::Instance(Found { resident: Resident::Orchestration(orchestration), .. }) => {
                orchestration.state.function().map(|(_, deployment)| deployment)
            }
            Loaded::Instance(Found { resident: Resident::Entity(_), .. }) | Loaded::TooLong(_) => None,
        };
        let wanted = scheduler.wanted_deployment(&load.id);
        [pinned, wanted].into_iter().flatten().map(|deployment| (&load.id, deployment))
    };
    group.iter().zip(loaded).flat_map(asked).collect()
}

/// Makes sure that the deployment is loaded. If it cannot be, the next turn sets the instance aside
/// and says why.
async fn want(context: &Arc<EngineContext>, id: &InstanceId, deployment: DeploymentId) {
    if context.guests.loaded(deployment).is_some() {
        return;
    }
    if let Err(error) = context.guests.clone().load(deployment).await {
        let reason = format!("deployment {deployment} cannot be loaded: {error}");
        context.scheduler().park(id, reason);
    }
}

/// Puts what was read into memory. Returns what was not read because it is too long.
fn place(context: &Arc<EngineContext>, group: Vec<Load>, epoch: u64, loaded: Vec<Loaded>) -> Vec<LongLoad> {
    let now = context.now();
    let mut scheduler = context.scheduler();
    let mut long = Vec::new();
    if scheduler.epoch() != epoch {
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
        scheduler.put_inbox(&id, &resident, inbox);
        // What the records say is under way and is not, died with an earlier process, or is to run
        // again since a rewind. Before a turn can be taken: a result that waits in the mailbox
        // keeps its run in the register until then, so that it is not run twice.
        let inline = activities::start(context, running);
        scheduler.queue_activities(inline);
        scheduler.rest_loaded(&id, resident, now);
    }
    long
}

async fn try_again_later(context: &Arc<EngineContext>, id: &InstanceId, epoch: u64) {
    if context.stopped_within(RETRY_PAUSE).await {
        return;
    }
    let mut scheduler = context.scheduler();
    if scheduler.epoch() == epoch {
        scheduler.load_again(id);
    }
}
