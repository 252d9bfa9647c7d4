//! A starting host, and what follows a failed commit.

use std::sync::Arc;
use std::time::Duration;

use longhaul_store::{Batch, Error as StoreError};
use tokio::task::JoinHandle;

use crate::activities::Attempt;
use crate::context::Shared;
use crate::error::EngineError;
use crate::state::commit_queue::Commit;
use crate::state::scheduler::GivenUp;
use crate::state::wakeups;

/// How long until a store that failed is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Has everything loaded that has something to do. Returns how many instances that are.
///
/// # Errors
/// The store's, if it cannot be read.
async fn resume_work(shared: &Arc<Shared>) -> Result<usize, StoreError> {
    let with_work = shared.store.with_work().await?;
    wakeups::read_near(shared).await?;
    let mut board = shared.board();
    for id in &with_work {
        board.wake(id);
    }
    Ok(with_work.len())
}

/// Begins with the work that the log has. A disk that is full, or a store that fails for now, is no reason not to start: what can be asked is
/// answered, and the work begins as soon as the store lets it.
///
/// # Errors
/// The store's, if it is damaged.
pub(crate) async fn begin(shared: &Arc<Shared>) -> Result<Option<JoinHandle<()>>, StoreError> {
    match resume_work(shared).await {
        Ok(count) => {
            if count > 0 {
                tracing::info!(instances = count, "going on with what was under way");
            }
            Ok(None)
        }
        Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => {
            tracing::error!(%error, "nothing is taken and nothing goes on until the store takes commits");
            shared.board().closed = true;
            let shared = shared.clone();
            Ok(Some(tokio::spawn(async move { resume_later(&shared).await })))
        }
        Err(error) => Err(error),
    }
}

/// Nothing in memory is trusted: all of it is dropped, whoever waits is told, and state is read again from the log once the
/// store takes commits again.
pub(crate) async fn after_failed_commit(shared: &Arc<Shared>, failed: Vec<Commit>, error: StoreError) {
    tracing::error!(%error, "a commit failed; everything in memory is dropped and read again");
    give_up(shared, failed, &EngineError::from(error));
    resume_later(shared).await;
}

/// Goes on as soon as the store takes commits again.
async fn resume_later(shared: &Arc<Shared>) {
    // The pause comes first: work that is read again and fails again must not turn into a busy loop.
    while !shared.stopped_within(RETRY_PAUSE).await {
        match reopen(shared).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the store still fails"),
        }
    }
}

/// Drops all that is in memory, takes nothing more, and tells whoever waits.
pub(crate) fn give_up(shared: &Shared, failed: Vec<Commit>, told: &EngineError) {
    let GivenUp { deliveries, busy, commits } = {
        let mut board = shared.board();
        board.closed = true;
        board.give_up()
    };
    // Results are lost with mailboxes and turns: these activities have to run again.
    shared.activities.forget(&busy);
    shared.activities.let_go(deliveries.iter().filter_map(|(id, delivery)| Attempt::of(id, &delivery.message)));
    failed.into_iter().chain(commits).for_each(|commit| commit.refuse(told));
    deliveries.into_iter().for_each(|(_, delivery)| delivery.refuse(told.clone()));
}

async fn reopen(shared: &Arc<Shared>) -> Result<(), StoreError> {
    shared.store.append(Batch::default()).await?;
    shared.board().closed = false;
    let count = resume_work(shared).await?;
    tracing::info!(instances = count, "the store takes commits again");
    Ok(())
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(text) => Self::Full(text),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
