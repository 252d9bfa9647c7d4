//! Reads a chain of records turn by turn, each turn with the messages that it consumed.
//!
//! A [`ReplayObserver`] sees more than the state at the end: each turn as it is read.

use std::collections::VecDeque;

use super::{ReplayObserver, ReplayStep};
use crate::message::Message;
use crate::model::{GuestOutcome, GuestTurn, InstanceId, RuntimeStatus, Timestamp};
use crate::orchestration::Orchestration;
use crate::orchestration::events::Events;
use crate::orchestration::rewind::{Cut, LogItem, LoggedRewind, LoggedTurn, RewindRequest, TurnLog, cut};
use crate::orchestration::turn::{Arrived, Turn};
use crate::own_time::OwnTime;
use crate::record::{MessageRecord, NextExecution, Outcome, Received, Record, Rewound, TurnRecord};

/// A chain as far as it was read.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) state: Orchestration,
    /// Recorded messages that no turn has consumed, oldest first.
    pub(crate) inbox: VecDeque<MessageRecord>,
    /// Kept only if a rewind will need it.
    log: Option<TurnLog>,
}

impl Chain {
    /// Reads a chain to its end.
    pub(crate) fn read(id: InstanceId, records: impl IntoIterator<Item = (Record, bool)>, observer: &mut impl ReplayObserver) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        // Turns are kept for a rewind that comes later, and hardly any chain has one.
        let rewinds = records.iter().any(|(record, _)| matches!(record, Record::Turn(turn) if turn.rewound.is_some()));
        let mut chain = Self { state: Orchestration::blank(id), inbox: VecDeque::new(), log: rewinds.then(TurnLog::default) };
        for (record, is_base) in records {
            match record {
                Record::Message(message) => chain.inbox.push_back(message),
                Record::Turn(turn) => chain.take_turn(*turn, is_base, observer),
                Record::Parked(parked) => chain.park(parked.reason),
                // Entities have chains of their own; in an orchestration's chain such a record says
                // nothing.
                Record::Entity(_) => {}
            }
        }
        chain
    }

    fn park(&mut self, reason: String) {
        if let Some(log) = &mut self.log {
            log.items.push(LogItem::Parked(reason.clone()));
        }
        self.state.park(reason);
    }

    fn take_turn(&mut self, record: TurnRecord, is_base: bool, observer: &mut impl ReplayObserver) {
        if is_base {
            self.forget_before(&record);
            observer.forget();
        }
        let wake_at = record.wake_at;
        self.play_record(record, observer);
        // A record that counts from the clock says how far the instance is ahead of it.
        self.state.time = OwnTime::recorded(self.state.time.now(), self.state.wakes_itself_at(), wake_at);
    }

    fn play_record(&mut self, record: TurnRecord, observer: &mut impl ReplayObserver) {
        let TurnRecord { format, number, now, received, commands, custom_status, returned, outcome, without_guest, rewound, .. } = record;
        let arrived = self.resolve(received, now);
        if let Some(Outcome::ContinuedAsNew(next)) = outcome {
            self.log = self.log.take().map(|_| TurnLog { origin: Some((now, NextExecution::clone(&next))), items: Vec::new() });
            self.begin_next(now, *next, observer);
            return;
        }
        if let Some(rewound) = rewound {
            self.rewind(number, now, arrived, *rewound, observer);
            return;
        }
        let recorded = GuestTurn { commands, custom_status, outcome: returned.or_else(|| guest_outcome(outcome.as_ref())) };
        let turn = LoggedTurn {
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
        let mut logged = self.log.is_some().then(|| turn.clone());
        self.play_turn(turn, outcome.as_ref(), logged.as_mut(), observer);
        if let (Some(log), Some(logged)) = (&mut self.log, logged) {
            log.items.push(LogItem::Turn(logged));
        }
    }

    fn begin_next(&mut self, now: Timestamp, next: NextExecution, observer: &mut impl ReplayObserver) {
        observer.continued(now, &next);
        self.state = Orchestration { time: OwnTime::recorded(now, None, None), ..Orchestration::blank(self.state.id.clone()) };
        self.state.begin_execution(next.start, Events::carried(next.events), RuntimeStatus::Running);
    }

    fn play_turn(
        &mut self,
        turn: LoggedTurn,
        outcome: Option<&Outcome>,
        mut logged: Option<&mut LoggedTurn>,
        observer: &mut impl ReplayObserver,
    ) {
        let LoggedTurn { number, format, now, arrived, recorded, without_guest, .. } = turn;
        let mut turn = self.begin_turn(now);
        turn.format = format;
        for one in arrived {
            observer.receive(&mut self.state, &mut turn, one);
        }
        if let Some(logged) = &mut logged {
            logged.section = self.state.granted_section();
        }
        if !without_guest {
            self.state.activate(&mut turn);
        }
        match turn.take_activation() {
            // Without the guest a turn ends an execution only where its history had become too
            // long.
            None => {
                let outcome = recorded.outcome.filter(|_| !self.state.code_has_ended());
                self.state.end_turn(turn, Some(GuestTurn { outcome, ..GuestTurn::default() }));
            }
            Some(activation) => {
                // What was recorded goes into the step's record and comes out of it again: a long
                // chain has too many to copy each.
                let outcome = recorded.outcome.clone();
                let mut step = self.state.end_turn(turn, Some(recorded));
                let TurnRecord { commands, custom_status, .. } = &mut step.record;
                let recorded = GuestTurn { commands: std::mem::take(commands), custom_status: custom_status.take(), outcome };
                if let Some(logged) = logged {
                    logged.note_told(&activation);
                    logged.note_sent(&step);
                }
                observer.called(&self.state, ReplayStep { number, activation, recorded }, step);
            }
        }
        observer.closed(now, outcome);
    }

    fn begin_turn(&mut self, now: Timestamp) -> Turn {
        // The deployment matters to continue-as-new only, whose record names the one that was
        // chosen.
        let deployment = self.state.function().map(|(_, deployment)| deployment).unwrap_or_default();
        self.state.begin_recorded_turn(now, deployment)
    }

    /// Reads the current execution once more up to where the rewind cuts it.
    fn rewind(&mut self, number: u32, now: Timestamp, mut late: Vec<Arrived>, rewound: Rewound, observer: &mut impl ReplayObserver) {
        let (Some(log), Some(execution)) = (self.log.take(), self.state.current_execution()) else { return };
        let asked = match late.pop().map(|one| one.message) {
            Some(Message::Rewind { reason, deployment, .. }) => RewindRequest { reason, deployment },
            _ => RewindRequest::default(),
        };
        let TurnLog { origin, items } = log;
        let Cut { kept, again, commands, undone } = cut(items, late, self.state.id.clone(), execution);

        observer.forget();
        self.state = Orchestration::blank(self.state.id.clone());
        if let Some((now, next)) = origin.clone() {
            self.begin_next(now, next, observer);
        }
        for item in &kept {
            match item {
                LogItem::Turn(turn) => self.play_turn(turn.clone(), None, None, observer),
                LogItem::Parked(reason) => self.state.park(reason.clone()),
                LogItem::Rewind(rewind) => self.play_rewind(rewind.clone(), observer),
            }
        }
        let reusable = self.state.take_reusable().with(commands, &undone);
        let rewind = LoggedRewind { number, now, again, reusable, rewound, asked };
        self.play_rewind(rewind.clone(), observer);
        let items = kept.into_iter().chain([LogItem::Rewind(rewind)]).collect();
        self.log = Some(TurnLog { origin, items });
    }

    fn play_rewind(&mut self, rewind: LoggedRewind, observer: &mut impl ReplayObserver) {
        let LoggedRewind { number, now, again, reusable, rewound, asked } = rewind;
        let mut turn = self.begin_turn(now);
        // An answer among the messages may belong to a reusable command; a first start among them
        // begins with none.
        let begins_again = self.state.execution.is_none();
        self.state.put_reusable(reusable.clone());
        for one in again {
            observer.receive(&mut self.state, &mut turn, one);
        }
        if begins_again {
            self.state.put_reusable(reusable);
        }
        self.state.go_on_rewound(&mut turn, number, &rewound, &asked);
        observer.rewound(&self.state, now, asked.reason.as_deref());
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
        self.log = self.log.take().map(|_| TurnLog::default());
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
