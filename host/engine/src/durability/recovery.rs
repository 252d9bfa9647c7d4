//! A starting host, and what follows a failed commit.

use std::sync::Arc;
use std::time::Duration;

use longhaul_store::{Batch, Error as StoreError};
use tokio::task::JoinHandle;

use crate::activities::register::Attempt;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::state::commit_queue::QueueItem;
use crate::state::scheduler::discard::DiscardedState;
use crate::timers;

/// How long until a store that failed is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Loads all instances with pending work. Returns how many instances that are.
///
/// # Errors
/// The store's, if it cannot be read.
async fn resume_work(context: &Arc<EngineContext>) -> Result<usize, StoreError> {
    let with_work = context.store.with_work().await?;
    timers::read_near(context).await?;
    let mut scheduler = context.scheduler();
    for id in &with_work {
        scheduler.wake(id);
    }
    Ok(with_work.len())
}

/// Begins with the work that the log has. A disk that is full, or a store that fails for now, is no
/// reason not to start: what can be asked is answered, and the work begins as soon as the store
/// lets it.
///
/// # Errors
/// The store's, if it is damaged.
pub(crate) async fn begin(context: &Arc<EngineContext>) -> Result<Option<JoinHandle<()>>, StoreError> {
    match resume_work(context).await {
        Ok(count) => {
            if count > 0 {
                tracing::info!(instances = count, "going on with what was under way");
            }
            Ok(None)
        }
        Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => {
            tracing::error!(%error, "nothing is taken and nothing goes on until the store takes commits");
            context.scheduler().close();
            let context = context.clone();
            Ok(Some(tokio::spawn(async move { resume_later(&context).await })))
        }
        Err(error) => Err(error),
    }
}

/// Nothing in memory is trusted: all of it is discarded, every sender that waits is told, and state
/// is read again from the log once the store takes commits again.
pub(crate) async fn after_failed_commit(context: &Arc<EngineContext>, failed: Vec<QueueItem>, error: StoreError) {
    tracing::error!(%error, "a commit failed; everything in memory is dropped and read again");
    discard_all(context, failed, &EngineError::from(error));
    resume_later(context).await;
}

/// Goes on as soon as the store takes commits again.
async fn resume_later(context: &Arc<EngineContext>) {
    // The pause comes first: work that is read again and fails again must not turn into a busy
    // loop.
    while !context.stopped_within(RETRY_PAUSE).await {
        match reopen(context).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the store still fails"),
        }
    }
}

/// Discards all that is in memory, takes nothing more, and tells every sender that waits.
pub(crate) fn discard_all(context: &EngineContext, failed: Vec<QueueItem>, told: &EngineError) {
    let DiscardedState { deliveries, busy, queue } = context.scheduler().discard_all();
    // Results are lost with mailboxes and turns: these activities have to run again.
    context.activities.forget(&busy);
    context.activities.release(deliveries.iter().filter_map(|(id, delivery)| Attempt::of(id, &delivery.message)));
    for item in failed.into_iter().chain(queue) {
        match item {
            QueueItem::Commit(commit) => commit.refuse(told),
            QueueItem::ReadChain(_) | QueueItem::Barrier(_) => {}
        }
    }
    deliveries.into_iter().for_each(|(_, delivery)| delivery.refuse(told.clone()));
}

async fn reopen(context: &Arc<EngineContext>) -> Result<(), StoreError> {
    context.store.append(Batch::default()).await?;
    context.scheduler().open();
    let count = resume_work(context).await?;
    tracing::info!(instances = count, "the store takes commits again");
    Ok(())
}
