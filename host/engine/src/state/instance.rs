//! One instance in memory: its mailbox, and what is known of it.

use std::collections::VecDeque;
use std::sync::Arc;

use longhaul_core::orchestration::ReplayStep;
use longhaul_core::{DeploymentId, Entity, Message, Orchestration, Timestamp};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::idempotency::ClaimedNote;
use crate::ports::OrchestratorGuest;
use crate::state::cache::Counted;
use crate::state::hold::Hold;
use crate::state::weight::{Scale, Weight};

/// Told once a message from outside is on stable storage, or why it is not taken.
pub(crate) type Waiter = oneshot::Sender<Result<(), EngineError>>;

/// A slot with an id of usual length, and its places in the board's other books.
const SLOT_BYTES: u64 = 1 << 10;

/// Names a message from outside while it is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u64);

/// A message in a mailbox.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    /// It is a record of its own in the receiver's chain.
    pub(crate) recorded: bool,
    /// The store leaves that record out if it comes too late: see [`crate::state::late`].
    pub(crate) if_wanted: bool,
    pub(crate) waiter: Option<Waiter>,
    pub(crate) ticket: Option<Ticket>,
    /// To be written with the message's record, if the request came with a key.
    pub(crate) note: Option<Arc<ClaimedNote>>,
    /// The birth of the one instance that it is for; any that has the id if absent. Not to be recorded without a look at that instance.
    pub(crate) born_at: Option<Timestamp>,
}

/// A start that is alone in the turn that a guest thread is taking: it can still get a record of its own.
#[derive(Debug)]
pub(crate) struct StartUnderWay {
    pub(crate) ticket: Ticket,
    pub(crate) message: Message,
    pub(crate) recorded: bool,
    pub(crate) note: Option<Arc<ClaimedNote>>,
}

impl Delivery {
    pub(crate) fn recorded(message: Message) -> Self {
        Self { recorded: true, ..Self::unrecorded(message) }
    }

    pub(crate) fn unrecorded(message: Message) -> Self {
        Self { message, recorded: false, if_wanted: false, waiter: None, ticket: None, note: None, born_at: None }
    }

    /// What it carries, if it is recorded: an event's or operation's data, which others send at will.
    fn recorded_bytes(&self) -> usize {
        match &self.message {
            Message::Event { name, data } if self.recorded => name.len() + data.len_bytes(),
            Message::Operation(operation) if self.recorded => operation.name.len() + operation.input.len_bytes(),
            _ => 0,
        }
    }

    /// What it takes in memory.
    fn bytes(&self) -> u64 {
        self.message.bytes()
    }

    pub(crate) fn is_start(&self) -> bool {
        matches!(self.message, Message::Start(_))
    }

    pub(crate) fn refuse(self, error: EngineError) {
        if let Some(waiter) = self.waiter {
            // Whoever asked may have gone; then there is nobody to tell.
            let _ = waiter.send(Err(error));
        }
    }
}

/// Where an instance is.
pub(crate) enum Place {
    /// Only in the log.
    Cold,
    /// Its chain is being read.
    Loading,
    /// In memory, at rest.
    Resident(Resident),
    /// On a guest thread.
    Busy,
    /// Being removed from the store.
    Purging,
}

/// What is known of an instance in memory.
pub(crate) enum Resident {
    Orchestration(Box<OrchestrationInMemory>),
    Entity(Box<Entity>),
}

pub(crate) struct OrchestrationInMemory {
    pub(crate) state: Orchestration,
    pub(crate) guest: Guest,
}

/// The guest that runs an execution's code.
pub(crate) enum Guest {
    /// The execution has not called it yet.
    Fresh,
    /// As far as the state is.
    Live(Box<dyn OrchestratorGuest>),
    /// Gone; these calls bring it back.
    Replay(Vec<ReplayStep>),
}

impl Resident {
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.wake_at(),
            Self::Entity(entity) => entity.wake_at(),
        }
    }

    /// Whether a turn is due though nothing arrived.
    pub(crate) fn needs_turn(&self, now: Timestamp) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.needs_turn(now),
            Self::Entity(entity) => entity.is_left_ahead(now),
        }
    }

    /// Whether the clock was put back since its latest turn, and something would come too late for that.
    pub(crate) fn is_left_ahead(&self, now: Timestamp) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.is_left_ahead(now),
            Self::Entity(entity) => entity.is_left_ahead(now),
        }
    }

    /// When it was started first, where that is known.
    pub(crate) fn born_at(&self) -> Option<Timestamp> {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.born_at(),
            Self::Entity(_) => None,
        }
    }

    /// Whether nothing will come of the instance any more unless it is started again.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.status().is_none_or(|status| status.is_terminal()),
            Self::Entity(_) => false,
        }
    }

    /// How it counts against the limits of memory while it is at rest.
    pub(crate) fn counts(&self) -> Counted {
        match self {
            Self::Orchestration(orchestration) => match orchestration.guest {
                Guest::Live(_) | Guest::Replay(_) => Counted::ByNumber,
                Guest::Fresh => Counted::ByBytes,
            },
            Self::Entity(_) => Counted::ByNumber,
        }
    }

    /// About what it holds in memory.
    pub(crate) fn held_bytes(&mut self) -> u64 {
        match self {
            Self::Orchestration(orchestration) => {
                let OrchestrationInMemory { state, guest } = &mut **orchestration;
                match guest {
                    Guest::Live(guest) => state.held_bytes() + guest.touched_bytes(),
                    // The calls of a replay have all payloads of the history.
                    Guest::Replay(_) => state.held_bytes().max(state.history().bytes),
                    Guest::Fresh => state.held_bytes(),
                }
            }
            Self::Entity(entity) => entity.held_bytes(),
        }
    }
}

/// One instance in memory.
pub(crate) struct Slot {
    pub(crate) mailbox: VecDeque<Delivery>,
    /// How many of the mailbox are recorded.
    pub(crate) recorded: u32,
    /// Bytes of what these carry.
    pub(crate) recorded_bytes: usize,
    /// What it holds in memory: its state as it was at rest, what is in its mailbox, and what its turn took out of it.
    pub(crate) weight: Weight,
    /// The part of it that the turn under way took out of the mailbox.
    pub(crate) taken_bytes: u64,
    /// The part of it that is the state.
    pub(crate) state_bytes: u64,
    /// How many of the mailbox are starts.
    pub(crate) starts: u32,
    pub(crate) place: Place,
    /// In the run queue.
    pub(crate) queued: bool,
    /// Its turn waits until less is unwritten.
    pub(crate) held_back: bool,
    /// There was no room for its guest, and it has not had its turn since.
    pub(crate) in_lane: bool,
    /// An alarm went off.
    pub(crate) wake: bool,
    /// Commits with records of this instance that are not yet on stable storage.
    pub(crate) in_flight: u32,
    /// Turns and batches of this instance among them.
    pub(crate) turns_in_flight: u32,
    /// The host has made its id, and nothing was recorded of it yet.
    pub(crate) is_new: bool,
    /// How it counts against the limits of memory.
    pub(crate) counted: Counted,
    /// Read because it is due soon, without a turn since.
    pub(crate) is_ahead: bool,
    /// Marks the latest entry in the list of ages.
    pub(crate) age: u64,
    /// Guest calls in a row that came to nothing.
    pub(crate) failed_turns: u32,
    /// Set when the instance is to be set aside at its next turn.
    pub(crate) park: Option<String>,
    /// It waits until no other suspect of having ended the host runs alone.
    pub(crate) is_held: bool,
    /// A deployment that must be loaded before the next turn.
    pub(crate) wants: Option<DeploymentId>,
    /// The birth of the instance that a guest thread is at work on, unless its turn may end with another instance of the id.
    pub(crate) born_at: Option<Timestamp>,
    /// Set while a guest thread takes the first turn of a new execution.
    pub(crate) start_under_way: Option<StartUnderWay>,
    /// Purges that wait for the instance to come to rest.
    pub(crate) holds: VecDeque<Hold>,
}

impl Slot {
    /// `scale`: where it is weighed.
    pub(crate) fn new(place: Place, scale: &Scale) -> Self {
        Self {
            mailbox: VecDeque::new(),
            recorded: 0,
            recorded_bytes: 0,
            weight: scale.weigh(SLOT_BYTES),
            taken_bytes: 0,
            state_bytes: 0,
            starts: 0,
            place,
            queued: false,
            held_back: false,
            in_lane: false,
            wake: false,
            in_flight: 0,
            turns_in_flight: 0,
            is_new: false,
            counted: Counted::Not,
            is_ahead: false,
            age: 0,
            failed_turns: 0,
            park: None,
            is_held: false,
            wants: None,
            born_at: None,
            start_under_way: None,
            holds: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, delivery: Delivery) {
        self.recorded += u32::from(delivery.recorded);
        self.recorded_bytes += delivery.recorded_bytes();
        self.weight.set(self.weight.bytes() + delivery.bytes());
        self.starts += u32::from(delivery.is_start());
        self.mailbox.push_back(delivery);
    }

    /// Puts deliveries back before all others, in order.
    pub(crate) fn push_front(&mut self, deliveries: impl DoubleEndedIterator<Item = Delivery>) {
        for delivery in deliveries.rev() {
            self.recorded += u32::from(delivery.recorded);
            self.recorded_bytes += delivery.recorded_bytes();
            self.weight.set(self.weight.bytes() + delivery.bytes());
            self.starts += u32::from(delivery.is_start());
            self.mailbox.push_front(delivery);
        }
    }

    /// Takes up to `limit` deliveries out.
    pub(crate) fn take(&mut self, limit: usize) -> Vec<Delivery> {
        let taken: Vec<_> = self.mailbox.drain(..limit.min(self.mailbox.len())).collect();
        self.recorded -= recorded_among(&taken);
        self.recorded_bytes -= taken.iter().map(Delivery::recorded_bytes).sum::<usize>();
        // They are held until the turn is over.
        self.taken_bytes += taken.iter().map(Delivery::bytes).sum::<u64>();
        self.starts -= starts_among(&taken);
        taken
    }

    /// The turn is over, or the chain was read: the state holds so much now, and what was taken is part of it or gone.
    pub(crate) fn weigh_state(&mut self, bytes: u64) {
        let others = self.weight.bytes().saturating_sub(self.taken_bytes + self.state_bytes);
        self.weight.set(others + bytes);
        self.taken_bytes = 0;
        self.state_bytes = bytes;
    }

    /// Takes out the delivery of this ticket.
    pub(crate) fn take_one(&mut self, ticket: Ticket) -> Option<Delivery> {
        let place = self.mailbox.iter().position(|delivery| delivery.ticket == Some(ticket))?;
        let delivery = self.mailbox.remove(place)?;
        self.weight.set(self.weight.bytes().saturating_sub(delivery.bytes()));
        self.starts -= u32::from(delivery.is_start());
        Some(delivery)
    }

    /// Drops deliveries from the mailbox.
    pub(crate) fn drop_if(&mut self, is_dropped: impl Fn(&Delivery) -> bool) {
        let (recorded, bytes, starts) = (&mut self.recorded, &mut self.recorded_bytes, &mut self.starts);
        let mut held = 0;
        self.mailbox.retain(|delivery| {
            let dropped = is_dropped(delivery);
            if dropped {
                *recorded -= u32::from(delivery.recorded);
                *bytes -= delivery.recorded_bytes();
                *starts -= u32::from(delivery.is_start());
                held += delivery.bytes();
            }
            !dropped
        });
        self.weight.set(self.weight.bytes().saturating_sub(held));
    }

    /// Notes what a guest thread is about to take, and with what instance.
    pub(crate) fn note_job(&mut self, resident: &Resident, deliveries: &[Delivery]) {
        let starts = deliveries.iter().any(|delivery| matches!(delivery.message, Message::Start(_)));
        self.born_at = resident.born_at().filter(|_| !starts);
        self.start_under_way = match deliveries {
            [Delivery { message: message @ Message::Start(_), recorded: false, ticket: Some(ticket), note, born_at, .. }]
                if born_at.is_none() || *born_at == resident.born_at() =>
            {
                Some(StartUnderWay { ticket: *ticket, message: message.clone(), recorded: false, note: note.clone() })
            }
            _ => None,
        };
    }

    /// Whether the next instance to look at the mailbox's end is the one that was started first at `born_at`, whatever happens until then.
    fn will_be(&self, born_at: Timestamp) -> bool {
        let own = match &self.place {
            Place::Resident(resident) => resident.born_at(),
            Place::Busy => self.born_at,
            Place::Cold | Place::Loading | Place::Purging => None,
        };
        own == Some(born_at) && !self.mailbox.iter().any(|delivery| matches!(delivery.message, Message::Start(_)))
    }

    /// Whether the delivery of this ticket is for the one instance that will surely get it, or for any.
    pub(crate) fn is_sure_of(&self, ticket: Ticket) -> bool {
        let delivery = self.mailbox.iter().find(|delivery| delivery.ticket == Some(ticket));
        delivery.is_none_or(|delivery| delivery.born_at.is_none_or(|born_at| self.will_be(born_at)))
    }

    /// Whether the start that a guest thread is taking has got a record of its own meanwhile.
    pub(crate) fn start_is_recorded(&self) -> bool {
        self.start_under_way.as_ref().is_some_and(|start| start.recorded)
    }

    /// Forgets deliveries that a reading of the chain will bring back.
    pub(crate) fn forget_recorded(&mut self) {
        self.drop_if(|delivery| delivery.recorded);
    }

    /// Whether nothing is going on here.
    pub(crate) fn is_idle(&self) -> bool {
        self.mailbox.is_empty()
            && !self.queued
            && !self.held_back
            && !self.in_lane
            && !self.wake
            && self.in_flight == 0
            && self.park.is_none()
    }
}

pub(crate) fn recorded_among(deliveries: &[Delivery]) -> u32 {
    deliveries.iter().map(|delivery| u32::from(delivery.recorded)).sum()
}

fn starts_among(deliveries: &[Delivery]) -> u32 {
    deliveries.iter().map(|delivery| u32::from(delivery.is_start())).sum()
}
