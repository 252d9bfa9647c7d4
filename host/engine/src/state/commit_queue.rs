//! The committer: writes what has gathered, in order, in one transaction; then releases what waited for it.

use std::collections::HashSet;
use std::sync::Arc;

use longhaul_core::message::{ActivityRun, Effect};
use longhaul_core::record::{FORMAT, MessageRecord, NewRecord};
use longhaul_core::{InstanceId, Outgoing, Record, Timestamp};
use longhaul_store::{Appended, Batch, EncodedRecord, MAX_BATCH_RECORDS, Position};
use tokio::sync::oneshot;

use crate::context::Shared;
use crate::durability::loader;
use crate::durability::recovery;
use crate::error::EngineError;
use crate::idempotency::ClaimedNote;
use crate::state::instance::Waiter;
use crate::state::scheduler::Board;
use crate::state::weight::Weight;

/// What a record's text may have in memory beyond its length.
const SPARE_BYTES: usize = 64 << 10;
/// Most bytes of a batch that is more than one commit, as commits are weighed.
const MAX_BATCH_BYTES: u64 = 32 << 20;

/// Records that belong together, and what waits for them to be on stable storage.
#[derive(Default)]
pub(crate) struct Commit {
    pub(crate) records: Vec<EncodedRecord>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answers: Vec<(Waiter, Result<(), EngineError>)>,
    /// Notes of keyed requests, to be written with the records.
    pub(crate) notes: Vec<Arc<ClaimedNote>>,
    /// The instance whose turn or batch it is.
    turn_of: Option<InstanceId>,
    /// Instances whose first record is among the records, and whose ids the host has made.
    pub(crate) new: Vec<InstanceId>,
    /// An instance that has ended with this commit.
    pub(crate) ended: Option<InstanceId>,
    /// An instance whose chain is to be read as of this place in the order.
    load: Option<InstanceId>,
    /// What its records take in memory until they are written.
    pub(crate) weight: Option<Weight>,
    /// The same among what is unwritten.
    pub(crate) unwritten: Option<Weight>,
    /// Told when this place in the order is reached.
    flushed: Option<oneshot::Sender<()>>,
}

impl Commit {
    pub(crate) fn load(id: InstanceId) -> Self {
        Self { load: Some(id), ..Self::default() }
    }

    pub(crate) fn flush(flushed: oneshot::Sender<()>) -> Self {
        Self { flushed: Some(flushed), ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Self { records, effects, answers, notes, turn_of: _, new: _, ended, load, weight: _, unwritten: _, flushed } = self;
        let nothing_to_write = records.is_empty() && notes.is_empty();
        nothing_to_write && effects.is_empty() && answers.is_empty() && ended.is_none() && load.is_none() && flushed.is_none()
    }

    /// Puts the record of an instance's turn or batch first.
    pub(crate) fn begin_with_turn(&mut self, record: EncodedRecord) {
        self.turn_of = Some(record.record.instance.clone());
        self.records.insert(0, record);
    }

    pub(crate) fn turn_of(&self) -> Option<&InstanceId> {
        self.turn_of.as_ref()
    }

    /// Adds the records of messages for other instances.
    pub(crate) fn push_outgoing(&mut self, outgoing: &[Outgoing], now: Timestamp) {
        self.records.extend(outgoing.iter().map(|one| {
            let record = Record::Message(MessageRecord { format: FORMAT, at: now, message: one.message.clone() });
            encode(NewRecord { instance: one.to.clone(), base: false, record })
        }));
    }

    /// Tells whoever waits that nothing came of it.
    pub(crate) fn refuse(self, error: &EngineError) {
        for (waiter, _) in self.answers {
            let _ = waiter.send(Err(error.clone()));
        }
    }
}

pub(crate) fn encode(record: NewRecord) -> EncodedRecord {
    let mut data = record.record.encode();
    if data.capacity() - data.len() > SPARE_BYTES {
        // It may be held for long, and has up to twice the memory that it needs.
        data.shrink_to_fit();
    }
    EncodedRecord { data, record: Arc::new(record), if_wanted: false }
}

/// Whoever still waits is told when the committer ends, were it because the store's thread has ended under it.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        recovery::give_up(&self.0, Vec::new(), &EngineError::Unavailable("the store takes no commits any more".into()));
    }
}

/// Writes commits, for as long as the engine and the store let it.
pub(crate) async fn run(shared: Arc<Shared>) {
    let _ending = Ending(shared.clone());
    let max_commits = if shared.config.one_commit_per_batch { 1 } else { usize::MAX };
    loop {
        let gathered = gather(&mut shared.board(), max_commits);
        match gathered {
            gathered if gathered.is_empty() => shared.signals.commit.notified().await,
            gathered => write(&shared, gathered).await,
        }
    }
}

/// Takes what has gathered, up to a full batch. A commit is never split.
pub(crate) fn gather(board: &mut Board, max_commits: usize) -> Vec<Commit> {
    let mut gathered = Vec::new();
    let (mut records, mut bytes) = (0, 0);
    let mut read: HashSet<InstanceId> = HashSet::new();
    while let Some(commit) = board.commits.front() {
        records += commit.records.len();
        bytes += commit.weight.as_ref().map_or(0, Weight::bytes);
        let is_full = gathered.len() == max_commits || records > MAX_BATCH_RECORDS || bytes > MAX_BATCH_BYTES;
        if is_full && !gathered.is_empty() {
            break;
        }
        // The store says where a chain ends after the whole batch. A message recorded after the reading began waits in the
        // mailbox already, and would come a second time if the reading found it in the chain.
        if !read.is_empty() && commit.records.iter().any(|encoded| read.contains(&encoded.record.instance)) {
            break;
        }
        read.extend(commit.load.clone());
        gathered.extend(board.commits.pop_front());
    }
    gathered
}

async fn write(shared: &Arc<Shared>, mut commits: Vec<Commit>) {
    let mut batch = Batch::default();
    // An instance stands here once for each of its records.
    let mut touched = Vec::new();
    for commit in &mut commits {
        touched.extend(commit.records.iter().map(|encoded| encoded.record.instance.clone()));
        batch.records.append(&mut commit.records);
        batch.tails.extend(commit.load.clone());
        batch.new.extend(std::mem::take(&mut commit.new));
        batch.keys.extend(commit.notes.iter().map(|claimed| claimed.note.clone()));
        batch.fired.extend(commit.notes.iter().filter_map(|claimed| claimed.fired.clone()));
    }
    let (records, bytes) = (batch.records.len(), batch.records.iter().map(|encoded| encoded.data.len()).sum());
    let appended = match batch.records.is_empty() && batch.tails.is_empty() && batch.keys.is_empty() {
        true => Ok(Appended::default()),
        false => shared.store.append(batch).await,
    };
    match appended {
        Ok(appended) => {
            shared.counters.commit(records, bytes);
            release(shared, commits, touched, appended.tails);
        }
        Err(error) => recovery::after_failed_commit(shared, commits, error).await,
    }
}

/// Everything is on stable storage: the outside may see it.
fn release(shared: &Arc<Shared>, commits: Vec<Commit>, touched: Vec<InstanceId>, tails: Vec<Option<Position>>) {
    let mut tails = tails.into_iter();
    let (mut runs, mut cancelled, mut ended, mut loads) = (Vec::new(), HashSet::new(), Vec::new(), Vec::new());
    let mut turns = Vec::new();
    for commit in commits {
        for (waiter, answer) in commit.answers {
            let _ = waiter.send(answer);
        }
        for effect in commit.effects {
            match effect {
                Effect::RunActivity(run) => runs.push(run),
                Effect::CancelActivity(task) => {
                    shared.activities.cancel(&task);
                    cancelled.insert(task);
                }
            }
        }
        ended.extend(commit.ended);
        turns.extend(commit.turn_of);
        if let Some(id) = commit.load {
            loads.push(loader::Load { id, tail: tails.next().flatten() });
        }
        if let Some(flushed) = commit.flushed {
            let _ = flushed.send(());
        }
    }
    shared.on_workers(|| loader::begin(shared, loads));
    // A run that stands before its cancellation must not start after it, and none stands behind: a task that was cancelled never opens again.
    runs.retain(|run: &ActivityRun| !cancelled.contains(&run.caller));
    let at_once = shared.activities.start(shared, runs);
    let mut board = shared.board();
    board.queue_activities(at_once);
    turns.iter().for_each(|id| board.turn_is_written(id));
    board.commits_are_written();
    for id in touched {
        if let Some(slot) = board.slots.get_mut(&id) {
            slot.in_flight = slot.in_flight.saturating_sub(1);
            if slot.in_flight == 0 {
                board.settle(&id);
            }
        }
    }
    let watchers: Vec<_> = ended.iter().filter_map(|id| board.watchers.remove(id)).collect();
    // Whoever is busy comes by soon; if nobody is, nobody may come for long.
    let leaving = if board.idle.is_any() { std::mem::take(&mut board.leaving) } else { Vec::new() };
    drop(board);
    for watcher in watchers.into_iter().flatten() {
        // Who watched may have gone.
        let _ = watcher.send(());
    }
    drop(leaving);
}
