//! A turn under way, and what comes of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::events::Event;
use crate::limits::InstanceLimits;
use crate::message::{Effect, Message, Outgoing, Start};
use crate::model::{Completion, ExecutionId, InstanceId, Pin, StartContext, TaskId, Timestamp};
use crate::record::{FORMAT, NewRecord, Outcome, Received, Record, Rewound, TurnRecord};

/// What the guest is to be called with.
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// The first activation of an execution.
    Start(StartContext),
    /// Every later one.
    Resume {
        /// The turn's time.
        now: Timestamp,
        /// What ended, in order.
        received: Vec<Completion>,
    },
}

impl Activation {
    /// What ended, for a later activation.
    pub fn received(&self) -> &[Completion] {
        match self {
            Self::Start(_) => &[],
            Self::Resume { received, .. } => received,
        }
    }
}

/// A turn between its first and its last step.
#[derive(Debug)]
pub struct Turn {
    pub(super) now: Timestamp,
    /// What an execution that begins by continue-as-new is pinned to.
    pub(super) current: Pin,
    pub(super) received: Vec<Received>,
    pub(super) activation: Option<Activation>,
    /// Whether the guest has something to do in this turn, wherever the activation is now.
    pub(super) calls_guest: bool,
    /// Events handed out with this activation: taken back if the guest cancels the wait that got
    /// them.
    pub(super) delivered_events: HashMap<TaskId, Event>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) effects: Vec<Effect>,
    pub(super) outcome: Option<Outcome>,
    pub(super) started: Option<Box<Start>>,
    /// Nothing before this turn is needed to understand it: it is the instance's first, or it
    /// replaced an ended execution.
    pub(super) is_base: bool,
    /// The execution that began, if one did.
    pub(super) began: Option<ExecutionId>,
    /// An operator let the instance go on.
    pub(super) resumed: bool,
    /// The execution went back to before its first failure.
    pub(super) rewound: Option<Box<Rewound>>,
    /// The first turn after a rewind, or after the clock was put back: it is recorded whatever
    /// happens in it.
    pub(super) settles: bool,
    /// What holds for the turn while it is taken. A turn that is read back has no limits: what they
    /// decided is recorded.
    pub(super) limits: Option<Arc<InstanceLimits>>,
    /// The format whose rules hold: that of the turn's record, if it is read back.
    pub(super) format: u32,
}

impl Turn {
    pub(super) fn new(now: Timestamp, current: Pin, is_base: bool) -> Self {
        Self {
            now,
            current,
            received: Vec::new(),
            activation: None,
            calls_guest: false,
            delivered_events: HashMap::new(),
            outgoing: Vec::new(),
            effects: Vec::new(),
            outcome: None,
            started: None,
            is_base,
            began: None,
            resumed: false,
            rewound: None,
            settles: false,
            limits: None,
            format: FORMAT,
        }
    }

    /// Bounds what the turn may ask for and how long the history may become. Called once, before
    /// the turn ends.
    pub fn limit(&mut self, limits: &Arc<InstanceLimits>) {
        self.limits = Some(limits.clone());
    }

    /// What the guest is to be called with; `None` if this turn does not need it.
    pub fn activation(&self) -> Option<&Activation> {
        self.activation.as_ref()
    }

    /// Takes it out, for the call of the guest.
    pub fn take_activation(&mut self) -> Option<Activation> {
        self.activation.take()
    }

    /// Whether this turn ended the execution already, or rewound it, and takes no more messages.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some() || self.rewound.is_some()
    }

    /// Whether nothing arrived and the guest need not be called: such a turn is not recorded.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty() && !self.calls_guest && !self.settles
    }

    /// The turn's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The messages taken in that have no record of their own, in order: what must be offered again
    /// if the turn fails and is discarded.
    pub fn into_inline_messages(self) -> impl Iterator<Item = Message> {
        self.received.into_iter().filter_map(|one| match one {
            Received::Inbox => None,
            Received::Inline(message) => Some(message),
        })
    }

    /// Drops the attempts that this turn asked for and then cancelled: they must not start.
    pub(super) fn drop_cancelled_runs(&mut self) {
        let cancelled: HashSet<TaskId> = self.effects.iter().filter_map(cancelled_task).collect();
        if !cancelled.is_empty() {
            self.effects.retain(|effect| started_task(effect).is_none_or(|task| !cancelled.contains(&task)));
        }
    }

    /// Drops all attempts that this turn asked for. Returns their tasks.
    pub(super) fn drop_runs(&mut self) -> HashSet<TaskId> {
        let started = self.effects.iter().filter_map(started_task).collect();
        self.effects.retain(|effect| started_task(effect).is_none());
        started
    }

    pub(super) fn send(&mut self, to: InstanceId, message: Message) {
        self.outgoing.push(Outgoing { to, message });
    }
}

fn started_task(effect: &Effect) -> Option<TaskId> {
    match effect {
        Effect::RunActivity(run) => Some(run.caller.task),
        Effect::CancelActivity(_) => None,
    }
}

fn cancelled_task(effect: &Effect) -> Option<TaskId> {
    match effect {
        Effect::RunActivity(_) => None,
        Effect::CancelActivity(caller) => Some(caller.task),
    }
}

/// A message that a turn consumed.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) message: Message,
    /// Whether it is a record of its own in the chain.
    pub(crate) recorded: bool,
    /// When it was accepted: the turn's time if it has no record of its own.
    pub(crate) at: Timestamp,
}

/// What comes of a turn: a record to append, and what follows once it is on stable storage.
#[derive(Debug)]
pub struct Step {
    /// The turn.
    pub record: TurnRecord,
    /// Whether the chain can be read from here.
    pub base: bool,
    /// Messages for other instances, recorded in the same commit.
    pub outgoing: Vec<Outgoing>,
    /// What must happen outside the log.
    pub effects: Vec<Effect>,
}

impl Step {
    /// Whether the instance goes on with a new execution, which needs a guest of its own.
    pub fn continues_as_new(&self) -> bool {
        matches!(self.record.outcome, Some(Outcome::ContinuedAsNew(_)))
    }

    /// Whether the turn rewound the instance: its state is only known once its chain is read again.
    pub fn rewinds(&self) -> bool {
        self.record.rewound.is_some()
    }

    /// The record to append. `inbox_before` counts the recorded messages that were not consumed
    /// before this turn.
    pub fn seal(mut self, instance: InstanceId, inbox_before: u32) -> (NewRecord, Vec<Outgoing>, Vec<Effect>) {
        if self.base {
            self.record.inbox_before = inbox_before;
        }
        (NewRecord { instance, base: self.base, record: Record::Turn(Box::new(self.record)) }, self.outgoing, self.effects)
    }
}
