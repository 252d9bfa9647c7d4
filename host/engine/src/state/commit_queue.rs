//! What is on its way to the store, in order.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use longhaul_core::message::Effect;
use longhaul_core::record::{FORMAT, MessageRecord, NewRecord};
use longhaul_core::{InstanceId, Outgoing, Record, Timestamp};
use longhaul_store::{EncodedRecord, MAX_BATCH_RECORDS};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::state::mailbox::Waiter;
use crate::state::reservations::ReservedNote;
use crate::state::weight::{Scale, Weight};

/// What a record's text may have in memory beyond its length.
const SPARE_BYTES: usize = 64 << 10;
/// Most bytes of a batch that is more than one commit, as commits are weighed.
const MAX_BATCH_BYTES: u64 = 32 << 20;

/// One entry of the queue.
pub(crate) enum QueueItem {
    /// Records to be written.
    Commit(Commit),
    /// The instance's chain is to be read as of this place in the order.
    ReadChain(InstanceId),
    /// Told when this place in the order is reached.
    Barrier(oneshot::Sender<()>),
}

/// Records that belong together, and what waits for them to be on stable storage.
#[derive(Default)]
pub(crate) struct Commit {
    pub(crate) records: Vec<EncodedRecord>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answers: Vec<(Waiter, Result<(), EngineError>)>,
    /// Notes of keyed requests, to be written with the records.
    pub(crate) notes: Vec<Arc<ReservedNote>>,
    /// The instance whose turn or batch it is.
    pub(crate) turn_of: Option<InstanceId>,
    /// Instances whose first record is among the records, and whose ids the host has made.
    pub(crate) new: Vec<InstanceId>,
    /// An instance that has ended with this commit.
    pub(crate) ended: Option<InstanceId>,
    /// What its records take in memory until they are written.
    weight: Option<Weight>,
    /// The same among what is unwritten.
    unwritten: Option<Weight>,
}

impl Commit {
    pub(crate) fn is_empty(&self) -> bool {
        let Self { records, effects, answers, notes, turn_of: _, new: _, ended, weight: _, unwritten: _ } = self;
        let nothing_to_write = records.is_empty() && notes.is_empty();
        nothing_to_write && effects.is_empty() && answers.is_empty() && ended.is_none()
    }

    /// Puts the record of an instance's turn or batch first.
    pub(crate) fn begin_with_turn(&mut self, record: EncodedRecord) {
        self.turn_of = Some(record.record.instance.clone());
        self.records.insert(0, record);
    }

    /// Adds the records of messages for other instances.
    pub(crate) fn push_outgoing(&mut self, outgoing: &[Outgoing], now: Timestamp) {
        self.records.extend(outgoing.iter().map(|one| {
            let record = Record::Message(MessageRecord { format: FORMAT, at: now, message: one.message.clone() });
            encode(NewRecord { instance: one.to.clone(), base: false, record })
        }));
    }

    /// Tells every sender that waits for it that it was not written.
    pub(crate) fn refuse(self, error: &EngineError) {
        for (waiter, _) in self.answers {
            let _ = waiter.send(Err(error.clone()));
        }
    }

    /// Weighs the records: as records and as their texts.
    fn weigh(&mut self, instances: &Scale, unwritten: &Scale) {
        let bytes = 2 * self.records.iter().map(|encoded| encoded.data.len()).sum::<usize>() as u64;
        self.weight = Some(instances.weigh(bytes));
        self.unwritten = Some(unwritten.weigh(bytes));
    }
}

/// Encodes a record for the store.
pub(crate) fn encode(record: NewRecord) -> EncodedRecord {
    let mut data = record.record.encode();
    if data.capacity() - data.len() > SPARE_BYTES {
        // It may be held for long, and has up to twice the memory that it needs.
        data.shrink_to_fit();
    }
    EncodedRecord { data, record: Arc::new(record), if_wanted: false }
}

/// The queue.
pub(super) struct CommitQueue {
    items: VecDeque<QueueItem>,
    /// Commits that are not on stable storage yet.
    unwritten: Scale,
    max_unwritten_bytes: u64,
}

impl CommitQueue {
    pub(super) fn new(max_unwritten_bytes: u64) -> Self {
        Self { items: VecDeque::new(), unwritten: Scale::default(), max_unwritten_bytes }
    }

    /// Adds an item. `instances`: where its weight counts as well.
    pub(super) fn push(&mut self, mut item: QueueItem, instances: &Scale) {
        if let QueueItem::Commit(commit) = &mut item {
            commit.weigh(instances, &self.unwritten);
        }
        self.items.push_back(item);
    }

    /// Whether more is unwritten than may be when a turn begins.
    pub(super) fn is_over(&self) -> bool {
        self.unwritten.bytes() > self.max_unwritten_bytes
    }

    /// Takes what has gathered, up to a full batch or so many items. An item is never split.
    pub(super) fn gather(&mut self, max_items: usize) -> Vec<QueueItem> {
        let mut gathered = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        let mut read: HashSet<InstanceId> = HashSet::new();
        while let Some(item) = self.items.front() {
            if let QueueItem::Commit(commit) = item {
                records += commit.records.len();
                bytes += commit.weight.as_ref().map_or(0, Weight::bytes);
                // The store says where a chain ends after the whole batch. A message recorded after
                // the reading began waits in the mailbox already, and would come a second time if
                // the reading found it in the chain.
                if !read.is_empty() && commit.records.iter().any(|encoded| read.contains(&encoded.record.instance)) {
                    break;
                }
            }
            let is_full = gathered.len() == max_items || records > MAX_BATCH_RECORDS || bytes > MAX_BATCH_BYTES;
            if is_full && !gathered.is_empty() {
                break;
            }
            if let QueueItem::ReadChain(id) = item {
                read.insert(id.clone());
            }
            gathered.extend(self.items.pop_front());
        }
        gathered
    }

    /// Takes everything.
    pub(super) fn take_all(&mut self) -> VecDeque<QueueItem> {
        std::mem::take(&mut self.items)
    }

    #[cfg(test)]
    pub(super) fn items(&self) -> &VecDeque<QueueItem> {
        &self.items
    }
}
