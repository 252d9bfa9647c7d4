//! The state of an entity and its batches.
//!
//! A batch begins ([`Entity::begin_batch`]), takes in what arrived ([`Entity::receive`]), and ends
//! with what the guest returned for the operations that may run ([`Entity::end_batch`]). While an
//! orchestration holds the lock, only its calls run; what others send waits in order. The record of
//! a batch carries the whole state, so nothing is ever replayed.

mod batch;
mod bounds;
mod guest;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use batch::{Batch, BatchStep};
pub use guest::{GuestBatch, GuestOperation, GuestOperationResult};

use crate::limits::Buffered;
use crate::message::{Message, Operation, Section};
use crate::model::{EntityId, Payload, Timestamp};
use crate::own_time::OwnTime;
use crate::record::{EntityRecord, Record, from_inbox};

/// The state of one entity: all that its chain of records says.
#[derive(Clone, Debug)]
pub struct Entity {
    id: EntityId,
    state: Option<Payload>,
    lock: Option<Section>,
    /// Messages that wait for the lock, oldest first.
    deferred: VecDeque<Message>,
    /// Operations whose time has not come.
    scheduled: Vec<Operation>,
    /// What these two hold.
    waiting: Buffered,
    time: OwnTime,
}

impl Entity {
    /// An entity of which nothing is known yet.
    pub fn blank(id: EntityId) -> Self {
        Self {
            id,
            state: None,
            lock: None,
            deferred: VecDeque::new(),
            scheduled: Vec::new(),
            waiting: Buffered::default(),
            time: OwnTime::default(),
        }
    }

    /// The entity's id.
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// Its state; `None` if it does not exist.
    pub fn state(&self) -> Option<&Payload> {
        self.state.as_ref()
    }

    /// What waits for the lock or for its time.
    pub(crate) fn waiting(&self) -> Buffered {
        self.waiting
    }

    /// When the next scheduled operation is due, by the machine's clock.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wakes_itself_at().map(|at| self.time.by_clock(at))
    }

    /// Whether the clock was put back, so that what is scheduled would come too late: a batch
    /// records when that comes now.
    pub fn is_left_ahead(&self, clock: Timestamp) -> bool {
        self.wakes_itself_at().is_some() && self.time.is_left_ahead(clock)
    }

    /// When the next scheduled operation is due, by the entity's own time.
    fn wakes_itself_at(&self) -> Option<Timestamp> {
        self.scheduled.iter().filter_map(|operation| operation.at).min()
    }

    /// The section that holds the lock.
    pub fn lock(&self) -> Option<&Section> {
        self.lock.as_ref()
    }

    /// Folds a chain as the store returns it. Returns the recorded messages that no batch has
    /// consumed, oldest first.
    pub fn fold(id: EntityId, chain: impl IntoIterator<Item = Record>) -> (Self, VecDeque<Message>) {
        let mut entity = Self::blank(id);
        let mut inbox = VecDeque::new();
        for record in chain {
            match record {
                Record::Message(message) => inbox.push_back(message.message),
                Record::Entity(batch) => {
                    let surplus = inbox.len().saturating_sub(batch.inbox_before as usize);
                    let consumed = from_inbox(&batch.received) as usize;
                    inbox.drain(..(surplus + consumed).min(inbox.len()));
                    entity.restore(*batch);
                }
                // Orchestrations have chains of their own; an entity is never parked.
                Record::Turn(_) | Record::Parked(_) => {}
            }
        }
        (entity, inbox)
    }

    fn restore(&mut self, batch: EntityRecord) {
        self.state = batch.state;
        self.lock = batch.lock;
        self.deferred = batch.deferred.into();
        self.scheduled = batch.scheduled;
        self.time = OwnTime::recorded(batch.now, self.wakes_itself_at(), batch.wake_at);
        self.count_waiting();
    }
}
