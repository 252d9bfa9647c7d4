//! One instance in memory: its mailbox, its phase, and what it waits for.

use std::collections::VecDeque;
use std::sync::Arc;

use longhaul_core::{DeploymentId, InstanceId, Message, Timestamp};

use crate::state::hold::Hold;
use crate::state::mailbox::{Delivery, Mailbox, Ticket};
use crate::state::reservations::ReservedNote;
use crate::state::resident::Resident;
use crate::state::weight::{Scale, Weight};

/// An instance's cell with an id of usual length, and its places in the scheduler's indexes.
const CELL_BYTES: u64 = 1 << 10;

/// Where an instance is in its life in memory.
pub(super) enum Phase {
    /// Only in the log.
    Cold,
    /// Its chain is being read.
    Loading,
    /// In memory, between two turns.
    InMemory { resident: Resident, next_turn: NextTurn },
    /// On a guest thread.
    Busy(TurnUnderWay),
    /// Being removed from the store.
    Purging,
}

/// Whether the next turn of an instance in memory is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextTurn {
    /// The instance is at rest.
    NotDue,
    /// The turn waits until less is unwritten.
    HeldBack,
    /// The instance is in the run queue.
    Queued,
}

/// What is known of a turn while a guest thread takes it.
#[derive(Debug, Default)]
pub(super) struct TurnUnderWay {
    /// The birth of the instance, unless its turn may end with another instance of the id.
    pub(super) born_at: Option<Timestamp>,
    /// Set for the first turn of a new execution.
    pub(super) start: Option<StartUnderWay>,
}

/// A start that is alone in the turn that a guest thread is taking: it can still get a record of
/// its own.
#[derive(Debug)]
pub(super) struct StartUnderWay {
    pub(super) ticket: Ticket,
    pub(super) message: Message,
    pub(super) recorded: bool,
    pub(super) note: Option<Arc<ReservedNote>>,
}

impl TurnUnderWay {
    /// The turn of an instance that takes these deliveries.
    pub(super) fn of(resident: &Resident, deliveries: &[Delivery]) -> Self {
        let starts = deliveries.iter().any(Delivery::is_start);
        let start = match deliveries {
            [Delivery { message: message @ Message::Start(_), recorded: false, ticket: Some(ticket), note, born_at, .. }]
                if born_at.is_none() || *born_at == resident.born_at() =>
            {
                Some(StartUnderWay { ticket: *ticket, message: message.clone(), recorded: false, note: note.clone() })
            }
            _ => None,
        };
        Self { born_at: resident.born_at().filter(|_| !starts), start }
    }
}

impl Phase {
    /// In memory and at rest.
    pub(super) fn at_rest(resident: Resident) -> Self {
        Self::InMemory { resident, next_turn: NextTurn::NotDue }
    }

    pub(super) fn resident(&self) -> Option<&Resident> {
        match self {
            Self::InMemory { resident, .. } => Some(resident),
            Self::Cold | Self::Loading | Self::Busy(_) | Self::Purging => None,
        }
    }

    /// What leaves memory as another phase begins.
    pub(super) fn into_resident(self) -> Option<Resident> {
        match self {
            Self::InMemory { resident, .. } => Some(resident),
            Self::Cold | Self::Loading | Self::Busy(_) | Self::Purging => None,
        }
    }

    /// Whether the instance is in memory and no turn of it is due.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self, Self::InMemory { next_turn: NextTurn::NotDue, .. })
    }

    /// Whether the instance is a live orchestration between two turns.
    pub(super) fn is_live(&self) -> bool {
        self.resident().is_some_and(|resident| matches!(resident, Resident::Orchestration(_)) && !resident.has_ended())
    }
}

/// One instance in memory.
pub(super) struct InstanceCell {
    pub(super) mailbox: Mailbox,
    pub(super) phase: Phase,
    /// What it holds in memory: its state as it was at rest, what is in its mailbox, and what its
    /// turn took out of it.
    weight: Weight,
    /// The part of it that the turn under way took out of the mailbox.
    taken_bytes: u64,
    /// The part of it that is the state.
    state_bytes: u64,
    /// There was no room for its guest, and it has not had its turn since.
    pub(super) in_lane: bool,
    /// A wake-up went off.
    pub(super) wake: bool,
    /// Commits with records of this instance that are not yet on stable storage.
    pub(super) in_flight: u32,
    /// Turns and batches of this instance among them.
    pub(super) turns_in_flight: u32,
    /// The host has made its id, and nothing was recorded of it yet.
    pub(super) is_new: bool,
    /// Loaded because it is due soon, without a turn since.
    pub(super) is_prefetched: bool,
    /// Guest calls in a row that failed.
    pub(super) failed_turns: u32,
    /// Set when the instance is to be parked at its next turn.
    pub(super) park: Option<String>,
    /// It waits until no other suspect of having ended the host runs alone.
    pub(super) is_held: bool,
    /// A deployment that must be loaded before the next turn.
    pub(super) wants: Option<DeploymentId>,
    /// Purges that wait for the instance to come to rest.
    pub(super) holds: VecDeque<Hold>,
}

impl InstanceCell {
    /// `scale`: where it is weighed.
    pub(super) fn new(phase: Phase, scale: &Scale) -> Self {
        Self {
            mailbox: Mailbox::default(),
            phase,
            weight: scale.weigh(CELL_BYTES),
            taken_bytes: 0,
            state_bytes: 0,
            in_lane: false,
            wake: false,
            in_flight: 0,
            turns_in_flight: 0,
            is_new: false,
            is_prefetched: false,
            failed_turns: 0,
            park: None,
            is_held: false,
            wants: None,
            holds: VecDeque::new(),
        }
    }

    /// Nothing was recorded of the id, which the host has made.
    pub(super) fn of_new_id(self) -> Self {
        Self { is_new: true, ..self }
    }

    /// The instance is loaded because it is due soon.
    pub(super) fn prefetched(self) -> Self {
        Self { is_prefetched: true, ..self }
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.mailbox.push(delivery);
        self.weigh();
    }

    /// Puts deliveries back before all others, in order.
    pub(super) fn push_front(&mut self, deliveries: impl DoubleEndedIterator<Item = Delivery>) {
        self.mailbox.push_front(deliveries);
        self.weigh();
    }

    /// Takes up to `limit` deliveries out of the mailbox. They are held until the turn is over.
    pub(super) fn take(&mut self, limit: usize) -> Vec<Delivery> {
        let before = self.mailbox.totals().bytes;
        let taken = self.mailbox.take(limit);
        self.taken_bytes += before - self.mailbox.totals().bytes;
        taken
    }

    /// Takes out the delivery of this ticket.
    pub(super) fn take_one(&mut self, ticket: Ticket) -> Option<Delivery> {
        let delivery = self.mailbox.take_one(ticket)?;
        self.weigh();
        Some(delivery)
    }

    /// Drops deliveries from the mailbox.
    pub(super) fn drop_if(&mut self, is_dropped: impl Fn(&Delivery) -> bool) {
        self.mailbox.drop_if(is_dropped);
        self.weigh();
    }

    /// Drops results that come too late for an orchestration in memory.
    pub(super) fn drop_ignored(&mut self) {
        if let Some(Resident::Orchestration(orchestration)) = self.phase.resident() {
            let state = &orchestration.state;
            self.mailbox.drop_if(|delivery| !delivery.recorded && delivery.waiter.is_none() && state.ignores(&delivery.message));
            self.weigh();
        }
    }

    /// Forgets deliveries that a reading of the chain will bring back.
    pub(super) fn forget_recorded(&mut self) {
        self.drop_if(|delivery| delivery.recorded);
    }

    /// The turn is over, or the chain was read: the state holds so much now, and what was taken is
    /// part of it or gone.
    pub(super) fn weigh_state(&mut self, bytes: u64) {
        self.taken_bytes = 0;
        self.state_bytes = bytes;
        self.weigh();
    }

    fn weigh(&mut self) {
        self.weight.set(CELL_BYTES + self.mailbox.totals().bytes + self.taken_bytes + self.state_bytes);
    }

    /// The start that a guest thread is taking.
    pub(super) fn start_under_way(&mut self) -> Option<&mut StartUnderWay> {
        match &mut self.phase {
            Phase::Busy(turn) => turn.start.as_mut(),
            Phase::Cold | Phase::Loading | Phase::InMemory { .. } | Phase::Purging => None,
        }
    }

    /// Whether a start waits, or is being taken.
    pub(super) fn has_start(&self) -> bool {
        self.mailbox.totals().starts > 0 || matches!(&self.phase, Phase::Busy(turn) if turn.start.is_some())
    }

    /// Whether the next instance to look at the mailbox's end is the one that was started first at
    /// `born_at`, whatever happens until then.
    fn will_be(&self, born_at: Timestamp) -> bool {
        let own = match &self.phase {
            Phase::InMemory { resident, .. } => resident.born_at(),
            Phase::Busy(turn) => turn.born_at,
            Phase::Cold | Phase::Loading | Phase::Purging => None,
        };
        own == Some(born_at) && self.mailbox.totals().starts == 0
    }

    /// Whether the delivery of this ticket is for the one instance that will surely get it, or for
    /// any.
    pub(super) fn is_sure_of(&self, ticket: Ticket) -> bool {
        let delivery = self.mailbox.find(ticket);
        delivery.is_none_or(|delivery| delivery.born_at.is_none_or(|born_at| self.will_be(born_at)))
    }

    /// Whether it has something to do, once it can.
    pub(super) fn has_work(&self) -> bool {
        self.wake || self.park.is_some() || !self.mailbox.is_empty()
    }

    /// Whether nothing is going on here: the instance may leave memory.
    pub(super) fn is_idle(&self) -> bool {
        let turn_is_due = matches!(self.phase, Phase::InMemory { next_turn: NextTurn::HeldBack | NextTurn::Queued, .. });
        !self.has_work() && !turn_is_due && !self.in_lane && self.in_flight == 0
    }
}

/// An instance on its way to a guest thread.
pub(crate) struct Job {
    pub(crate) id: InstanceId,
    /// The epoch of its memory: a job of an earlier one is discarded.
    pub(crate) epoch: u64,
    pub(crate) resident: Resident,
    pub(crate) deliveries: Vec<Delivery>,
    /// Why the instance is to be parked, if it is.
    pub(crate) park: Option<String>,
}
