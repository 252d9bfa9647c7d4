//! The committer: writes what has gathered, in order, in one transaction; then releases what waited
//! for it.

use std::collections::HashSet;
use std::sync::Arc;

use longhaul_core::InstanceId;
use longhaul_core::message::{ActivityRun, Effect};
use longhaul_store::{Appended, Batch, Position};

use super::{loader, recovery};
use crate::activities;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::state::commit_queue::QueueItem;

/// Remaining waiters are failed when the committer ends, even if the store's thread ends under it.
struct Ending(Arc<EngineContext>);

impl Drop for Ending {
    fn drop(&mut self) {
        recovery::discard_all(&self.0, Vec::new(), &EngineError::Unavailable("the store takes no commits any more".into()));
    }
}

/// Writes commits, for as long as the engine and the store let it.
pub(crate) async fn run(context: Arc<EngineContext>) {
    let _ending = Ending(context.clone());
    let max_items = if context.config.one_commit_per_batch { 1 } else { usize::MAX };
    loop {
        let gathered = context.scheduler().gather_commits(max_items);
        match gathered {
            gathered if gathered.is_empty() => context.signals.commit.notified().await,
            gathered => write(&context, gathered).await,
        }
    }
}

async fn write(context: &Arc<EngineContext>, mut items: Vec<QueueItem>) {
    let mut batch = Batch::default();
    // An instance stands here once for each of its records.
    let mut touched = Vec::new();
    for item in &mut items {
        match item {
            QueueItem::Commit(commit) => {
                touched.extend(commit.records.iter().map(|encoded| encoded.record.instance.clone()));
                batch.records.append(&mut commit.records);
                batch.new.extend(std::mem::take(&mut commit.new));
                batch.keys.extend(commit.notes.iter().map(|reserved| reserved.note.clone()));
                batch.fired.extend(commit.notes.iter().filter_map(|reserved| reserved.fired.clone()));
            }
            QueueItem::ReadChain(id) => batch.tails.push(id.clone()),
            QueueItem::Barrier(_) => {}
        }
    }
    let (records, bytes) = (batch.records.len(), batch.records.iter().map(|encoded| encoded.data.len()).sum());
    let appended = match batch.records.is_empty() && batch.tails.is_empty() && batch.keys.is_empty() {
        true => Ok(Appended::default()),
        false => context.store.append(batch).await,
    };
    match appended {
        Ok(appended) => {
            context.counters.commit(records, bytes);
            Written::of(context, items, appended.tails).release(context, &touched);
        }
        Err(error) => recovery::after_failed_commit(context, items, error).await,
    }
}

/// What follows from commits that are on stable storage: the outside may see it.
#[derive(Default)]
struct Written {
    runs: Vec<ActivityRun>,
    loads: Vec<loader::Load>,
    turns: Vec<InstanceId>,
    ended: Vec<InstanceId>,
}

impl Written {
    /// Tells every sender that waits, and stops what is cancelled.
    fn of(context: &EngineContext, items: Vec<QueueItem>, tails: Vec<Option<Position>>) -> Self {
        let mut tails = tails.into_iter();
        let mut cancelled = HashSet::new();
        let mut written = Self::default();
        for item in items {
            let commit = match item {
                QueueItem::Commit(commit) => commit,
                QueueItem::ReadChain(id) => {
                    written.loads.push(loader::Load { id, tail: tails.next().flatten() });
                    continue;
                }
                QueueItem::Barrier(reached) => {
                    // A stop that waits no longer needs no answer.
                    let _ = reached.send(());
                    continue;
                }
            };
            for (waiter, answer) in commit.answers {
                let _ = waiter.send(answer);
            }
            for effect in commit.effects {
                match effect {
                    Effect::RunActivity(run) => written.runs.push(run),
                    Effect::CancelActivity(task) => {
                        context.activities.cancel(&task);
                        cancelled.insert(task);
                    }
                }
            }
            written.ended.extend(commit.ended);
            written.turns.extend(commit.turn_of);
        }
        // A run that stands before its cancellation must not start after it, and none stands
        // behind: a task that was cancelled never opens again.
        written.runs.retain(|run| !cancelled.contains(&run.caller));
        written
    }

    /// Starts loads and activities, and lets instances go on. `touched`: the instances of the
    /// records.
    fn release(self, context: &Arc<EngineContext>, touched: &[InstanceId]) {
        let Self { runs, loads, turns, ended } = self;
        context.on_workers(|| loader::begin(context, loads));
        let inline = activities::start(context, runs);
        let mut scheduler = context.scheduler();
        scheduler.queue_activities(inline);
        scheduler.commits_are_written(&turns, touched);
        let watchers = scheduler.take_watchers(&ended);
        let dropped = scheduler.take_dropped_if_idle();
        drop(scheduler);
        for watcher in watchers {
            // A watcher may have gone.
            let _ = watcher.send(());
        }
        drop(dropped);
    }
}
