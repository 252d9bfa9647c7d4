//! Drives an orchestration through turns whose guest is written by hand.
//!
//! Each turn is taken twice: by the live state and by one that was just folded from the records, as
//! if the host had crashed before it. Both must give the same record, messages and effects, and the
//! instance's row must agree with the state.

use std::sync::Arc;

use super::taken::Taken;
use super::words::at;
use crate::limits::InstanceLimits;
use crate::message::Message;
use crate::model::{Command, DeploymentId, ExecutionId, GuestTurn, InstanceId, Timestamp};
use crate::orchestration::{Activation, Folded, Orchestration, ReplayStep, Step, fold};
use crate::record::{FORMAT, MessageRecord, ParkedRecord, Record};
use crate::row::InstanceRow;
use crate::standing::Standing;

/// The deployment that is current while a test runs. Instances start on deployment 1.
pub(crate) const CURRENT: DeploymentId = DeploymentId(7);

pub(crate) struct Script {
    pub(crate) state: Orchestration,
    pub(crate) chain: Vec<(Record, bool)>,
    pub(crate) row: Option<InstanceRow>,
    pub(crate) standing: Option<Standing>,
    clock: Timestamp,
    /// Messages for the next turn, and whether each is a record of its own.
    mailbox: Vec<(Message, bool)>,
    /// What the guest of the current execution was called with.
    calls: Vec<(Activation, GuestTurn)>,
    /// What its turns are bounded by; nothing unless a test says so. What is folded has no limits.
    limits: Option<Arc<InstanceLimits>>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::of("order-7")
    }

    pub(crate) fn of(id: &str) -> Self {
        let state = Orchestration::blank(InstanceId::trusted(id));
        Self { state, chain: Vec::new(), row: None, standing: None, clock: at(1_000), mailbox: Vec::new(), calls: Vec::new(), limits: None }
    }

    /// An instance whose first turn is taken, with these commands.
    pub(crate) fn started(commands: impl IntoIterator<Item = Command>) -> Self {
        let mut script = Self::new();
        script.arrive(super::words::start("first"));
        script.turn(super::words::asks(commands));
        script
    }

    pub(crate) fn at(&mut self, clock: u64) -> &mut Self {
        self.clock = at(clock);
        self
    }

    /// From now on turns are bounded.
    pub(crate) fn limit(&mut self, limits: InstanceLimits) -> &mut Self {
        self.limits = Some(Arc::new(limits));
        self
    }

    /// A message without a record of its own, for the next turn.
    pub(crate) fn arrive(&mut self, message: Message) -> &mut Self {
        self.mailbox.push((message, false));
        self
    }

    /// A message that is recorded now, for the next turn.
    pub(crate) fn record(&mut self, message: Message) -> &mut Self {
        self.append(Record::Message(MessageRecord { format: FORMAT, at: self.clock, message: message.clone() }), false);
        self.mailbox.push((message, true));
        self
    }

    /// Whether messages wait for a turn.
    pub(crate) fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// Parks the instance.
    pub(crate) fn park(&mut self, reason: &str) -> &mut Self {
        self.state.park(reason.into());
        self.append(Record::Parked(ParkedRecord { format: FORMAT, at: self.clock, reason: reason.into() }), false);
        self
    }

    /// Takes a message in without calling the guest, as an engine does that is about to park the
    /// instance.
    pub(crate) fn arrive_without_guest(&mut self, message: Message) {
        let mut turn = self.state.begin_turn(self.clock, CURRENT);
        self.state.receive(&mut turn, message, false);
        let step = self.state.end_turn(turn, None);
        assert!(step.record.without_guest);
        self.append(Record::Turn(Box::new(step.record)), step.base);
    }

    /// Takes a turn in which the guest returns `guest`, if it is called.
    pub(crate) fn turn(&mut self, guest: GuestTurn) -> Taken {
        self.turn_with(|_| guest)
    }

    /// Takes a turn in which the guest asks for nothing.
    pub(crate) fn idle_turn(&mut self) -> Taken {
        self.turn(GuestTurn::default())
    }

    pub(crate) fn turn_with(&mut self, guest: impl FnOnce(&Activation) -> GuestTurn) -> Taken {
        let waiting = self.mailbox.len();
        self.turn_of(waiting, guest)
    }

    /// Takes a turn that takes in at most `limit` messages.
    pub(crate) fn turn_of(&mut self, limit: usize, guest: impl FnOnce(&Activation) -> GuestTurn) -> Taken {
        let mut twin = self.folded();
        self.check_against(&twin);
        let inbox_before = self.mailbox.iter().map(|(_, recorded)| u32::from(*recorded)).sum();
        let offered: Vec<_> = self.mailbox.drain(..limit.min(self.mailbox.len())).collect();

        let mut returned = None;
        let opening = (self.clock, self.limits.clone());
        let (live, unused) = take_turn(&mut self.state, opening.clone(), offered.clone(), |activation| {
            let guest = guest(activation);
            returned = Some((activation.clone(), guest.clone()));
            guest
        });
        let answer = returned.clone().map(|(_, guest)| guest).unwrap_or_default();
        let (folded, _) = take_turn(&mut twin.state, opening, offered, |_| answer);
        assert_eq!(live.activation, folded.activation, "the folded state calls its guest differently");
        assert_eq!(live.record, folded.record, "the folded state records another turn");
        assert_eq!((&live.outgoing, &live.effects, live.base), (&folded.outgoing, &folded.effects, folded.base));

        self.mailbox.splice(0..0, unused);
        let mut record = live.record.clone();
        if live.base {
            record.inbox_before = inbox_before;
            self.calls.clear();
        }
        self.calls.extend(returned);
        if record.outcome.is_some() || self.state.code_has_ended() {
            self.calls.clear();
        }
        let rewinds = record.rewound.is_some();
        self.append(Record::Turn(Box::new(record)), live.base);
        let twin = self.folded();
        if rewinds {
            // What a rewound instance is, is what its chain says.
            self.calls = twin.replay.iter().map(|step| (step.activation.clone(), step.recorded.clone())).collect();
            self.state = twin.state;
            return live;
        }
        self.check_against(&twin);
        live
    }

    /// The chain as the store returns it: from the latest base on, led by the messages that are
    /// still needed.
    pub(crate) fn stored_chain(&self) -> Vec<(Record, bool)> {
        let from = self.chain.iter().rposition(|(_, base)| *base).unwrap_or(0);
        let (before, rest) = self.chain.split_at(from);
        let needed = rest.first().map_or(0, |(record, _)| record.inbox_before()) as usize;
        let messages = before.iter().filter(|(record, _)| matches!(record, Record::Message(_)));
        let mut chain: Vec<_> = messages.rev().take(needed).cloned().collect();
        chain.reverse();
        chain.extend(rest.iter().cloned());
        chain
    }

    pub(crate) fn folded(&self) -> Folded {
        let short = fold(self.state.id().clone(), self.stored_chain());
        let whole = fold(self.state.id().clone(), self.chain.clone());
        assert_eq!(answers(&short.state), answers(&whole.state), "the chain from its base says something else than the whole chain");
        assert_eq!((&short.inbox, &short.replay), (&whole.inbox, &whole.replay));
        short
    }

    fn check_against(&self, folded: &Folded) {
        assert_eq!(answers(&self.state), answers(&folded.state), "folding gives another state");
        let recorded: Vec<_> = self.mailbox.iter().filter(|(_, recorded)| *recorded).map(|(message, _)| message.clone()).collect();
        assert_eq!(folded.inbox, recorded, "folding gives another inbox");
        let calls: Vec<_> = folded.replay.iter().map(|step: &ReplayStep| (step.activation.clone(), step.recorded.clone())).collect();
        assert_eq!(calls, self.calls, "a replay calls the guest differently");
        self.check_row(&recorded);
    }

    fn check_row(&self, recorded: &[Message]) {
        let (Some(row), Some(status)) = (&self.row, self.state.status()) else { return };
        assert_eq!(row.inbox as usize, recorded.len(), "the row counts other messages");
        assert_eq!(self.standing, Standing::of_row(row), "the records give another standing than the row");
        if !recorded.iter().any(|message| matches!(message, Message::Start(_))) {
            assert_eq!(row.status, status);
            assert_eq!(self.standing, Standing::of_state(&self.state));
            // The turn that rewinds does not know yet what the instance waits for; the next one,
            // which comes at once, does.
            let is_rewound = matches!(self.chain.last(), Some((Record::Turn(turn), _)) if turn.rewound.is_some());
            assert!(row.wake_at == self.state.wake_at() || is_rewound && row.pending && self.state.needs_turn(self.clock));
            assert_eq!(row.parked.as_deref(), self.state.parked());
            assert_eq!(row.execution.as_ref().map(ExecutionId::as_str), self.state.execution_id());
        }
    }

    fn append(&mut self, record: Record, base: bool) {
        let stored = Record::decode(record.kind(), &record.encode()).unwrap();
        assert_eq!(stored, record, "the record is another one after it was stored");
        self.row = InstanceRow::after(self.row.take(), self.state.id(), &record);
        self.standing = Standing::after(self.standing.take(), &record);
        self.chain.push((record, base));
    }
}

/// All that a state answers.
fn answers(state: &Orchestration) -> String {
    let (soon, late) = (Timestamp(0), Timestamp(u64::MAX));
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        (state.status(), state.execution_id(), state.function()),
        (state.due(soon), state.due(late)),
        (state.needs_turn(soon), state.needs_turn(late)),
        state.wake_at(),
        state.running_activities(),
        state.parked(),
        state.turn_time(soon),
        state.history(),
    )
}

fn take_turn(
    state: &mut Orchestration,
    (clock, limits): (Timestamp, Option<Arc<InstanceLimits>>),
    offered: Vec<(Message, bool)>,
    guest: impl FnOnce(&Activation) -> GuestTurn,
) -> (Taken, Vec<(Message, bool)>) {
    let mut turn = state.begin_turn(clock, CURRENT);
    if let Some(limits) = &limits {
        turn.limit(limits);
    }
    let mut offered = offered.into_iter();
    while !turn.is_over()
        && let Some((message, recorded)) = offered.next()
    {
        state.receive(&mut turn, message, recorded);
    }
    for message in state.due(turn.now()) {
        state.receive(&mut turn, message, false);
    }
    state.activate(&mut turn);
    let activation = turn.take_activation();
    let returned = activation.as_ref().map(guest);
    let Step { record, base, outgoing, effects } = state.end_turn(turn, returned);
    (Taken { activation, record, base, outgoing, effects }, offered.collect())
}
