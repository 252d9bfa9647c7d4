//! Reads a chain of records turn by turn, each turn with the messages that it consumed.
//!
//! Whoever needs more than the state at the end watches the turns as a [`Witness`].

use std::collections::VecDeque;

use super::cut::{Cut, cut};
use super::events::Events;
use super::rewind::Asked;
use super::tape::{Item, Tape, TapedRewind, TapedTurn};
use super::turn::{Step, Turn};
use super::{Orchestration, ReplayStep};
use crate::message::Message;
use crate::model::{GuestOutcome, GuestTurn, InstanceId, RuntimeStatus, Timestamp};
use crate::own_time::OwnTime;
use crate::record::{MessageRecord, NextExecution, Outcome, Received, Record, Rewound, TurnRecord};

/// A message that a turn consumed.
#[derive(Clone, Debug)]
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

    /// The instance went back to what was seen since the latest call of [`Self::forget`], and goes on from there.
    fn rewound(&mut self, _state: &Orchestration, _now: Timestamp, _reason: Option<&str>) {}

    /// What was seen so far belongs to an execution that is over.
    fn forget(&mut self) {}
}

/// A chain as far as it was read.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) state: Orchestration,
    /// Recorded messages that no turn has consumed, oldest first.
    pub(crate) inbox: VecDeque<MessageRecord>,
    /// Kept only if a rewind will need it.
    tape: Option<Tape>,
}

impl Chain {
    /// Reads a chain to its end.
    pub(crate) fn read(id: InstanceId, records: impl IntoIterator<Item = (Record, bool)>, witness: &mut impl Witness) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        // Turns are kept for a rewind that comes later, and hardly any chain has one.
        let rewinds = records.iter().any(|(record, _)| matches!(record, Record::Turn(turn) if turn.rewound.is_some()));
        let mut chain = Self { state: Orchestration::blank(id), inbox: VecDeque::new(), tape: rewinds.then(Tape::default) };
        for (record, is_base) in records {
            match record {
                Record::Message(message) => chain.inbox.push_back(message),
                Record::Turn(turn) => chain.take_turn(*turn, is_base, witness),
                Record::Parked(parked) => chain.park(parked.reason),
                // Entities have chains of their own; in an orchestration's chain such a record says nothing.
                Record::Entity(_) => {}
            }
        }
        chain
    }

    fn park(&mut self, reason: String) {
        if let Some(tape) = &mut self.tape {
            tape.items.push(Item::Parked(reason.clone()));
        }
        self.state.park(reason);
    }

    fn take_turn(&mut self, record: TurnRecord, is_base: bool, witness: &mut impl Witness) {
        if is_base {
            self.forget_before(&record);
            witness.forget();
        }
        let wake_at = record.wake_at;
        self.play_record(record, witness);
        // A record that counts from the clock says how far the instance is ahead of it.
        self.state.time = OwnTime::recorded(self.state.time.now(), self.state.wakes_itself_at(), wake_at);
    }

    fn play_record(&mut self, record: TurnRecord, witness: &mut impl Witness) {
        let TurnRecord { format, number, now, received, commands, custom_status, returned, outcome, without_guest, rewound, .. } = record;
        let arrived = self.resolve(received, now);
        if let Some(Outcome::ContinuedAsNew(next)) = outcome {
            self.tape = self.tape.take().map(|_| Tape { origin: Some((now, NextExecution::clone(&next))), items: Vec::new() });
            self.begin_next(now, *next, witness);
            return;
        }
        if let Some(rewound) = rewound {
            self.rewind(number, now, arrived, *rewound, witness);
            return;
        }
        let recorded = GuestTurn { commands, custom_status, outcome: returned.or_else(|| guest_outcome(outcome.as_ref())) };
        let turn = TapedTurn {
            number,
            format,
            now,
            arrived,
            recorded,
            without_guest,
            told: Vec::new(),
            told_failed: Vec::new(),
            section: None,
            sent_to: Vec::new(),
        };
        let mut taped = self.tape.is_some().then(|| turn.clone());
        self.play_turn(turn, outcome.as_ref(), taped.as_mut(), witness);
        if let (Some(tape), Some(taped)) = (&mut self.tape, taped) {
            tape.items.push(Item::Turn(taped));
        }
    }

    fn begin_next(&mut self, now: Timestamp, next: NextExecution, witness: &mut impl Witness) {
        witness.continued(now, &next);
        self.state = Orchestration { time: OwnTime::recorded(now, None, None), ..Orchestration::blank(self.state.id.clone()) };
        self.state.begin_execution(next.start, Events::carried(next.events), RuntimeStatus::Running);
    }

    fn play_turn(&mut self, turn: TapedTurn, outcome: Option<&Outcome>, mut taped: Option<&mut TapedTurn>, witness: &mut impl Witness) {
        let TapedTurn { number, format, now, arrived, recorded, without_guest, .. } = turn;
        let mut turn = self.begin_turn(now);
        turn.format = format;
        for one in arrived {
            witness.receive(&mut self.state, &mut turn, one);
        }
        if let Some(taped) = &mut taped {
            taped.section = self.state.granted_section();
        }
        if !without_guest {
            self.state.activate(&mut turn);
        }
        match turn.take_activation() {
            // Without the guest a turn ends an execution only where its history had become too long.
            None => {
                let outcome = recorded.outcome.filter(|_| !self.state.code_has_ended());
                self.state.end_turn(turn, Some(GuestTurn { outcome, ..GuestTurn::default() }));
            }
            Some(activation) => {
                // What was recorded goes into the step's record and comes out of it again: a long chain has too many to copy each.
                let outcome = recorded.outcome.clone();
                let mut step = self.state.end_turn(turn, Some(recorded));
                let TurnRecord { commands, custom_status, .. } = &mut step.record;
                let recorded = GuestTurn { commands: std::mem::take(commands), custom_status: custom_status.take(), outcome };
                if let Some(taped) = taped {
                    taped.note_told(&activation);
                    taped.note_sent(&step);
                }
                witness.called(&self.state, ReplayStep { number, activation, recorded }, step);
            }
        }
        witness.closed(now, outcome);
    }

    fn begin_turn(&mut self, now: Timestamp) -> Turn {
        // The deployment matters to continue-as-new only, whose record names the one that was chosen.
        let deployment = self.state.function().map(|(_, deployment)| deployment).unwrap_or_default();
        self.state.begin_recorded_turn(now, deployment)
    }

    /// Reads the current execution once more up to where the rewind cuts it.
    fn rewind(&mut self, number: u32, now: Timestamp, mut late: Vec<Arrived>, rewound: Rewound, witness: &mut impl Witness) {
        let (Some(tape), Some(execution)) = (self.tape.take(), self.state.current_execution()) else { return };
        let asked = match late.pop().map(|one| one.message) {
            Some(Message::Rewind { reason, deployment, .. }) => Asked { reason, deployment },
            _ => Asked::default(),
        };
        let Tape { origin, items } = tape;
        let Cut { kept, again, commands, lost } = cut(items, late, self.state.id.clone(), execution);

        witness.forget();
        self.state = Orchestration::blank(self.state.id.clone());
        if let Some((now, next)) = origin.clone() {
            self.begin_next(now, next, witness);
        }
        for item in &kept {
            match item {
                Item::Turn(turn) => self.play_turn(turn.clone(), None, None, witness),
                Item::Parked(reason) => self.state.park(reason.clone()),
                Item::Rewind(rewind) => self.play_rewind(rewind.clone(), witness),
            }
        }
        let memo = self.state.take_memo().with(commands, &lost);
        let rewind = TapedRewind { number, now, again, memo, rewound, asked };
        self.play_rewind(rewind.clone(), witness);
        let items = kept.into_iter().chain([Item::Rewind(rewind)]).collect();
        self.tape = Some(Tape { origin, items });
    }

    fn play_rewind(&mut self, rewind: TapedRewind, witness: &mut impl Witness) {
        let TapedRewind { number, now, again, memo, rewound, asked } = rewind;
        let mut turn = self.begin_turn(now);
        // An answer among the messages may belong to the memo; a first start among them begins with none.
        let begins_again = self.state.execution.is_none();
        self.state.put_memo(memo.clone());
        for one in again {
            witness.receive(&mut self.state, &mut turn, one);
        }
        if begins_again {
            self.state.put_memo(memo);
        }
        self.state.go_on_rewound(&mut turn, number, &rewound, &asked);
        witness.rewound(&self.state, now, asked.reason.as_deref());
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
        self.tape = self.tape.take().map(|_| Tape::default());
        let (id, time) = (self.state.id.clone(), self.state.time);
        self.state = Orchestration { time, ..Orchestration::blank(id) };
    }
}

fn guest_outcome(outcome: Option<&Outcome>) -> Option<GuestOutcome> {
    match outcome? {
        Outcome::Completed(value) => Some(GuestOutcome::Completed(value.clone())),
        Outcome::Failed(failure) => Some(GuestOutcome::Failed(failure.clone())),
        Outcome::Terminated(_) | Outcome::ContinuedAsNew(_) => None,
    }
}
