//! An instance's mailbox: messages that no turn has taken yet, with what they add up to.

use std::collections::VecDeque;
use std::sync::Arc;

use longhaul_core::{Message, Timestamp};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::state::reservations::ReservedNote;

/// Told once a message from outside is on stable storage, or why it is not taken.
pub(crate) type Waiter = oneshot::Sender<Result<(), EngineError>>;

/// Names a message from outside while it is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(super) u64);

/// A message in a mailbox.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    /// It is a record of its own in the receiver's chain.
    pub(crate) recorded: bool,
    /// The store leaves that record out if it comes after the receiver's end.
    pub(crate) if_wanted: bool,
    pub(crate) waiter: Option<Waiter>,
    pub(crate) ticket: Option<Ticket>,
    /// To be written with the message's record, if the request came with a key.
    pub(crate) note: Option<Arc<ReservedNote>>,
    /// The birth of the one instance that the message is for; any that has the id if absent. Such a
    /// message is not to be recorded without a look at that instance.
    pub(crate) born_at: Option<Timestamp>,
}

impl Delivery {
    pub(crate) fn recorded(message: Message) -> Self {
        Self { recorded: true, ..Self::unrecorded(message) }
    }

    pub(crate) fn unrecorded(message: Message) -> Self {
        Self { message, recorded: false, if_wanted: false, waiter: None, ticket: None, note: None, born_at: None }
    }

    pub(crate) fn is_start(&self) -> bool {
        matches!(self.message, Message::Start(_))
    }

    /// Tells the sender that the message is not taken.
    pub(crate) fn refuse(self, error: EngineError) {
        if let Some(waiter) = self.waiter {
            // The sender may have gone; then there is nothing to tell.
            let _ = waiter.send(Err(error));
        }
    }

    /// What it carries, if it is recorded: an event's or operation's data, which others send at
    /// will.
    fn recorded_bytes(&self) -> usize {
        match &self.message {
            Message::Event { name, data } if self.recorded => name.len() + data.len_bytes(),
            Message::Operation(operation) if self.recorded => operation.name.len() + operation.input.len_bytes(),
            _ => 0,
        }
    }
}

/// The recorded ones among some deliveries.
pub(crate) fn recorded_among(deliveries: &[Delivery]) -> u32 {
    deliveries.iter().map(|delivery| u32::from(delivery.recorded)).sum()
}

/// The messages that wait for an instance's next turn, in order.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    deliveries: VecDeque<Delivery>,
    totals: Totals,
}

/// What the messages in a mailbox add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// How many are recorded.
    pub(super) recorded: u32,
    /// Bytes of what these carry.
    pub(super) recorded_bytes: usize,
    /// How many are starts.
    pub(super) starts: u32,
    /// Bytes of memory that all take.
    pub(super) bytes: u64,
}

impl Totals {
    fn add(&mut self, delivery: &Delivery) {
        self.recorded += u32::from(delivery.recorded);
        self.recorded_bytes += delivery.recorded_bytes();
        self.starts += u32::from(delivery.is_start());
        self.bytes += delivery.message.bytes();
    }

    fn subtract(&mut self, delivery: &Delivery) {
        self.recorded -= u32::from(delivery.recorded);
        self.recorded_bytes -= delivery.recorded_bytes();
        self.starts -= u32::from(delivery.is_start());
        self.bytes = self.bytes.saturating_sub(delivery.message.bytes());
    }
}

impl Mailbox {
    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn push(&mut self, delivery: Delivery) {
        self.totals.add(&delivery);
        self.deliveries.push_back(delivery);
    }

    /// Puts deliveries back before all others, in order.
    pub(super) fn push_front(&mut self, deliveries: impl DoubleEndedIterator<Item = Delivery>) {
        for delivery in deliveries.rev() {
            self.totals.add(&delivery);
            self.deliveries.push_front(delivery);
        }
    }

    /// Takes up to `limit` deliveries out.
    pub(super) fn take(&mut self, limit: usize) -> Vec<Delivery> {
        let taken: Vec<_> = self.deliveries.drain(..limit.min(self.deliveries.len())).collect();
        taken.iter().for_each(|delivery| self.totals.subtract(delivery));
        taken
    }

    /// The delivery of this ticket.
    pub(super) fn find(&self, ticket: Ticket) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.ticket == Some(ticket))
    }

    /// Takes out the delivery of this ticket.
    pub(super) fn take_one(&mut self, ticket: Ticket) -> Option<Delivery> {
        let place = self.deliveries.iter().position(|delivery| delivery.ticket == Some(ticket))?;
        let delivery = self.deliveries.remove(place)?;
        self.totals.subtract(&delivery);
        Some(delivery)
    }

    /// Drops deliveries.
    pub(super) fn drop_if(&mut self, is_dropped: impl Fn(&Delivery) -> bool) {
        let totals = &mut self.totals;
        self.deliveries.retain(|delivery| {
            let dropped = is_dropped(delivery);
            if dropped {
                totals.subtract(delivery);
            }
            !dropped
        });
    }

    /// Whether the store decides about the record of a message that waits here.
    pub(super) fn has_undecided(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.if_wanted)
    }

    /// The store has decided: what is still here is recorded.
    pub(super) fn all_are_decided(&mut self) {
        self.deliveries.iter_mut().for_each(|delivery| delivery.if_wanted = false);
    }

    pub(super) fn into_deliveries(self) -> impl Iterator<Item = Delivery> {
        self.deliveries.into_iter()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.iter()
    }

    #[cfg(test)]
    pub(super) fn front_mut(&mut self) -> Option<&mut Delivery> {
        self.deliveries.front_mut()
    }
}
