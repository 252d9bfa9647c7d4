//! Reads a chain of records turn by turn, each turn with the messages that it consumed.
//!
//! Whoever needs more than the state at the end watches the turns as a [`Witness`].

use std::collections::VecDeque;

use super::events::Events;
use super::turn::{Step, Turn};
use super::{Orchestration, ReplayStep};
use crate::message::Message;
use crate::model::{GuestOutcome, GuestTurn, InstanceId, RuntimeStatus, Timestamp};
use crate::record::{MessageRecord, NextExecution, Outcome, Received, Record, TurnRecord};

/// A message that a turn consumed.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) message: Message,
    /// Whether it is a record of its own in the chain.
    pub(crate) recorded: bool,
    /// When it was accepted: the turn's time if it has no record of its own.
    pub(crate) at: Timestamp,
}

/// Sees each turn as the chain is read.
pub(crate) trait Witness {
    /// A message is to be applied to the state as it was before it.
    fn receive(&mut self, state: &mut Orchestration, turn: &mut Turn, arrived: Arrived) {
        state.receive(turn, arrived.message, arrived.recorded);
    }

    /// The guest was called and answered; `step` is what came of it.
    fn called(&mut self, _state: &Orchestration, _replay: ReplayStep, _step: Step) {}

    /// The messages of a turn are applied and it closed, whether or not the guest was called.
    fn closed(&mut self, _now: Timestamp, _outcome: Option<&Outcome>) {}

    /// The instance went on with a new execution.
    fn continued(&mut self, _now: Timestamp, _next: &NextExecution) {}

    /// What was seen so far belongs to an execution that is over.
    fn forget(&mut self) {}
}

/// A chain as far as it was read.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) state: Orchestration,
    /// Recorded messages that no turn has consumed, oldest first.
    pub(crate) inbox: VecDeque<MessageRecord>,
}

impl Chain {
    /// Reads a chain to its end.
    pub(crate) fn read(id: InstanceId, records: impl IntoIterator<Item = (Record, bool)>, witness: &mut impl Witness) -> Self {
        let mut chain = Self { state: Orchestration::blank(id), inbox: VecDeque::new() };
        for (record, is_base) in records {
            match record {
                Record::Message(message) => chain.inbox.push_back(message),
                Record::Turn(turn) => chain.take_turn(*turn, is_base, witness),
                Record::Parked(parked) => chain.state.park(parked.reason),
                // Entities have chains of their own; in an orchestration's chain such a record says nothing.
                Record::Entity(_) => {}
            }
        }
        chain
    }

    fn take_turn(&mut self, record: TurnRecord, is_base: bool, witness: &mut impl Witness) {
        if is_base {
            self.forget_before(&record);
            witness.forget();
        }
        let TurnRecord { number, now, received, commands, custom_status, returned, outcome, without_guest, .. } = record;
        let arrived = self.resolve(received, now);
        if let Some(Outcome::ContinuedAsNew(next)) = outcome {
            witness.continued(now, &next);
            self.state = Orchestration { now, ..Orchestration::blank(self.state.id.clone()) };
            self.state.begin_execution(next.start, Events::carried(next.events), RuntimeStatus::Running);
            return;
        }
        let recorded = GuestTurn { commands, custom_status, outcome: returned.or_else(|| guest_outcome(outcome.as_ref())) };
        // The deployment matters to continue-as-new only, whose record names the one that was chosen.
        let deployment = self.state.function().map(|(_, deployment)| deployment).unwrap_or_default();
        let mut turn = self.state.begin_turn(now, deployment);
        for one in arrived {
            witness.receive(&mut self.state, &mut turn, one);
        }
        if !without_guest {
            self.state.activate(&mut turn);
        }
        match turn.activation().cloned() {
            None => _ = self.state.end_turn(turn, None),
            Some(activation) => {
                let step = self.state.end_turn(turn, Some(recorded.clone()));
                witness.called(&self.state, ReplayStep { number, activation, recorded }, step);
            }
        }
        witness.closed(now, outcome.as_ref());
    }

    fn resolve(&mut self, received: Vec<Received>, now: Timestamp) -> Vec<Arrived> {
        let arrived = received.into_iter().filter_map(|one| match one {
            Received::Inbox => self.inbox.pop_front().map(|record| Arrived { message: record.message, recorded: true, at: record.at }),
            Received::Inline(message) => Some(Arrived { message, recorded: false, at: now }),
        });
        arrived.collect()
    }

    /// A base record makes everything before it unnecessary but the messages that it counts.
    fn forget_before(&mut self, record: &TurnRecord) {
        let surplus = self.inbox.len().saturating_sub(record.inbox_before as usize);
        self.inbox.drain(..surplus);
        let (id, now) = (self.state.id.clone(), self.state.now);
        self.state = Orchestration { now, ..Orchestration::blank(id) };
    }
}

fn guest_outcome(outcome: Option<&Outcome>) -> Option<GuestOutcome> {
    match outcome? {
        Outcome::Completed(value) => Some(GuestOutcome::Completed(value.clone())),
        Outcome::Failed(failure) => Some(GuestOutcome::Failed(failure.clone())),
        Outcome::Terminated(_) | Outcome::ContinuedAsNew(_) => None,
    }
}
