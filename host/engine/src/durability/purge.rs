//! Removes instances from the store while nothing else touches them.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::{InstanceId, InstanceRow};
use longhaul_store::may_be_purged;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::context::EngineContext;
use crate::error::EngineError;
use crate::permit::Permit;
use crate::state::hold::{Answer, Held};

/// Longest wait for instances to come to rest: for the commit that ends them, and for turns that
/// take in what came before it.
const REST_LIMIT: Duration = Duration::from_secs(10);

/// What a purge did.
#[derive(Debug, Default)]
pub struct Purged {
    /// How many instances were removed.
    pub removed: u32,
    /// Instances that could be removed and did not come to rest in time.
    pub at_work: Vec<InstanceId>,
}

/// Removes one instance, or says why not.
pub(crate) async fn purge_one(context: &Arc<EngineContext>, id: &InstanceId, permit: &Permit) -> Result<u32, EngineError> {
    let Some(row) = context.head(id).await? else { return Ok(0) };
    if !permit.is_for(row.born_at) {
        return Err(EngineError::NotFound(id.clone()));
    }
    check(&row)?;
    let Purged { removed, at_work } = purge(context, vec![id.clone()], permit).await?;
    if removed > 0 {
        return Ok(removed);
    }
    // Another request has removed it, or it was started again.
    let Some(row) = context.head(id).await? else { return Ok(0) };
    check(&row)?;
    let why = if at_work.is_empty() { "was started again" } else { "is at work" };
    Err(EngineError::WrongState(format!("instance '{id}' {why}; try again later")))
}

fn check(row: &InstanceRow) -> Result<(), EngineError> {
    let id = &row.id;
    if !id.is_entity() && !row.status.is_terminal() {
        return Err(EngineError::WrongState(format!(
            "instance '{id}' has the status {} and cannot be purged before it has ended",
            row.status.as_str()
        )));
    }
    // With the entity its lock's queue would go, and the release would not find its way to the
    // section's other entities.
    if let Some(owner) = &row.locked_by {
        return Err(EngineError::WrongState(format!(
            "entity '{id}' is locked by instance '{owner}' and cannot be purged before that ends"
        )));
    }
    Ok(())
}

/// Removes those of some instances that have ended, and entities that are not locked. Those that
/// are at rest go first and together; the others as they come to rest.
pub(crate) async fn purge(context: &Arc<EngineContext>, ids: Vec<InstanceId>, permit: &Permit) -> Result<Purged, EngineError> {
    // In a job of its own: a caller that hangs up must not leave it half done.
    let errand = context.errands.begin().ok_or_else(stopping)?;
    let (job, permit) = (context.clone(), permit.clone());
    let job = tokio::spawn(async move {
        let _errand = errand;
        purge_as_they_rest(job, ids, permit).await
    });
    job.await.unwrap_or_else(|error| Err(EngineError::Unavailable(error.to_string())))
}

fn stopping() -> EngineError {
    EngineError::Unavailable("the host is stopping".into())
}

async fn purge_as_they_rest(context: Arc<EngineContext>, ids: Vec<InstanceId>, permit: Permit) -> Result<Purged, EngineError> {
    let deadline = Instant::now() + REST_LIMIT;
    let mut removed = 0;
    let mut asked = ids;
    let mut waits = JoinSet::new();
    let mut waiting: Vec<InstanceId> = Vec::new();
    loop {
        let mut at_rest = Vec::new();
        for (id, mut answer) in hold(&context, asked) {
            match answer.try_recv() {
                Ok(Answer::Held(held)) => at_rest.push(held),
                Ok(Answer::Live) => {}
                Err(_) => {
                    waiting.push(id);
                    waits.spawn(answer);
                }
            }
        }
        let done = remove(&context, at_rest, &permit).await?;
        removed += done.0;
        asked = done.1;
        if !asked.is_empty() && Instant::now() < deadline {
            continue;
        }
        let waited = tokio::select! {
            waited = timeout_at(deadline, waits.join_next()) => waited,
            () = context.stopped() => return Err(stopping()),
        };
        match waited {
            Ok(None) => return Ok(Purged { removed, at_work: asked }),
            Err(_) => return Ok(Purged { removed, at_work: asked.into_iter().chain(waiting).collect() }),
            Ok(Some(Ok(Ok(Answer::Held(held))))) => {
                waiting.retain(|id| *id != held.id);
                let done = remove(&context, vec![held], &permit).await?;
                removed += done.0;
                asked = done.1;
            }
            Ok(Some(Ok(Ok(Answer::Live)))) => {}
            Ok(Some(_)) => return Err(EngineError::Unavailable("the store failed meanwhile".into())),
        }
    }
}

fn hold(context: &Arc<EngineContext>, ids: Vec<InstanceId>) -> Vec<(InstanceId, tokio::sync::oneshot::Receiver<Answer>)> {
    let mut scheduler = context.scheduler();
    ids.into_iter()
        .map(|id| {
            let answer = scheduler.hold(context.clone(), &id);
            (id, answer)
        })
        .collect()
}

/// The instances that leave was given for, and not others of their ids. What is held does not
/// change any more.
async fn those_meant(context: &EngineContext, held: Vec<Held>, permit: &Permit) -> Result<Vec<Held>, EngineError> {
    let mut meant = Vec::new();
    for one in held {
        if context.head(&one.id).await?.is_some_and(|row| permit.is_for(row.born_at)) {
            meant.push(one);
        }
    }
    Ok(meant)
}

/// Removes instances that are held, in bounded steps. Returns how many, and which of them have a
/// message that they must take first.
async fn remove(context: &EngineContext, mut held: Vec<Held>, permit: &Permit) -> Result<(u32, Vec<InstanceId>), EngineError> {
    if !permit.holds() {
        return Err(EngineError::Denied);
    }
    if permit.born_at().is_some() {
        held = those_meant(context, held, permit).await?;
    }
    let mut rest: Vec<_> = held.iter().map(|one| one.id.clone()).collect();
    let (mut removed, mut kept) = (0, Vec::new());
    while !rest.is_empty() {
        let step = context.store.purge(rest).await?;
        removed += step.removed;
        kept.extend(step.kept);
        rest = step.rest;
    }
    let mut again = Vec::new();
    for one in held {
        if !kept.contains(&one.id) {
            continue;
        }
        let id = one.release_and_wake();
        let row = context.head(&id).await?;
        again.extend(row.filter(|row| check(row).is_ok() && !may_be_purged(row)).map(|row| row.id));
    }
    Ok((removed, again))
}
