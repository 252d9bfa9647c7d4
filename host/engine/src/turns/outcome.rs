//! What came of a turn, and how it is handed in.

use std::any::Any;
use std::collections::HashSet;

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, Message, Outgoing, Timestamp};
use longhaul_store::EncodedRecord;

use crate::activities::register::Attempt;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::panics::panic_text;
use crate::state::commit_queue::{Commit, encode};
use crate::state::mailbox::Delivery;
use crate::state::resident::Resident;
use crate::state::scheduler::Scheduler;
use crate::state::scheduler::turn_end::{LogPlacement, TurnFailure};

/// What came of a turn or batch.
pub(crate) struct TurnOutcome {
    /// The turn's own record, if there is one. It comes first in the commit.
    pub(crate) record: Option<NewRecord>,
    /// Further records of the same instance.
    pub(crate) more: Vec<NewRecord>,
    /// Messages for other instances.
    pub(crate) messages: Vec<Outgoing>,
    /// Effects, answers and notes that go with the records.
    pub(crate) commit: Commit,
    /// Deliveries to be offered again, before all others.
    pub(crate) returned: Vec<Delivery>,
    /// How many recorded messages the turn took out of the mailbox.
    pub(crate) recorded: u32,
    /// Attempts of activities whose results went into the turn.
    pub(crate) consumed_attempts: Vec<Attempt>,
    /// What becomes of the instance.
    pub(crate) after: After,
}

/// What becomes of the instance.
pub(crate) enum After {
    /// It stays in memory.
    Rest(Resident),
    /// Its memory cannot be trusted: it is loaded again.
    Reload(TurnFailure),
    /// It was rewound: what it is now follows from its chain.
    ReadAgain,
}

impl TurnOutcome {
    /// Nothing to record: only what becomes of the instance.
    pub(crate) fn without_record(recorded: u32, after: After) -> Self {
        Self {
            record: None,
            more: Vec::new(),
            messages: Vec::new(),
            commit: Commit::default(),
            returned: Vec::new(),
            recorded,
            consumed_attempts: Vec::new(),
            after,
        }
    }

    /// What is left of a turn in which the host panicked. The instance is loaded again, and what it
    /// took from its mailbox comes again: recorded messages with the chain, results of activities
    /// by another run. Senders from outside get an error and ask again.
    pub(crate) fn after_panic(context: &EngineContext, id: &InstanceId, panic: &(dyn Any + Send)) -> Self {
        context.activities.forget(&HashSet::from([id.clone()]));
        Self::without_record(0, After::Reload(host_panicked(panic)))
    }
}

fn host_panicked(panic: &(dyn Any + Send)) -> TurnFailure {
    TurnFailure::Retryable(format!("the host panicked: {}", panic_text(panic)))
}

/// The host panicked while it handed a turn in: the instance is loaded again.
pub(crate) fn take_back(context: &EngineContext, scheduler: &mut Scheduler, id: &InstanceId, epoch: u64, panic: &(dyn Any + Send)) {
    if scheduler.epoch() == epoch && scheduler.is_busy(id) {
        scheduler.reload_after_failure(id, host_panicked(panic), context.config.max_failed_turns);
    }
}

/// A turn's outcome with its records encoded.
pub(crate) struct EncodedOutcome {
    record: Option<EncodedRecord>,
    /// Encoding takes long beside the scheduler's other work, so what it needs to know is guessed
    /// before and checked under the lock.
    guess: LogPlacement,
    took_start: bool,
    now: Timestamp,
    /// All but its records, which are encoded.
    outcome: TurnOutcome,
}

impl EncodedOutcome {
    pub(crate) fn of(context: &EngineContext, id: &InstanceId, mut outcome: TurnOutcome) -> Self {
        let now = context.now();
        let guess = context.scheduler().log_placement(id, outcome.recorded);
        let record = outcome.record.take();
        let took_start = record.as_ref().is_some_and(NewRecord::took_start);
        let record = record.map(|record| encode_at(record, guess));
        outcome.commit.records.extend(outcome.more.drain(..).map(encode));
        outcome.commit.push_outgoing(&outcome.messages, now);
        Self { record, guess, took_start, now, outcome }
    }

    /// Queues the commit and delivers its messages in one step, and puts the instance to rest.
    /// Returns what is discarded because the store failed since the turn began: it is to be refused
    /// once the lock is free.
    pub(crate) fn hand_in(self, context: &EngineContext, scheduler: &mut Scheduler, id: &InstanceId, epoch: u64) -> Option<LostTurn> {
        let Self { record, guess, took_start, now, outcome } = self;
        if scheduler.epoch() != epoch {
            return Some(LostTurn(outcome));
        }
        let TurnOutcome { record: _, more: _, messages, mut commit, mut returned, recorded, consumed_attempts, after } = outcome;
        // Not before: results that a turn of an earlier epoch took are lost with it, and their runs
        // may have begun anew.
        if !consumed_attempts.is_empty() {
            context.activities.release(consumed_attempts);
        }
        let found = scheduler.log_placement(id, recorded);
        let recorded_start = scheduler.end_start(id).filter(|_| !took_start);
        if let Some(encoded) = record {
            context.counters.turn();
            commit.begin_with_turn(if guess == found { encoded } else { encode_at(NewRecord::clone(&encoded.record), found) });
        }
        if let Some(start) = recorded_start {
            // No turn took it, but it stands in the chain: it must be consumed in its place.
            returned.retain(|delivery| !matches!(delivery.message, Message::Start(_)));
            returned.insert(0, Delivery::recorded(start));
        }
        scheduler.queue_with_messages(commit, messages);
        scheduler.return_deliveries(id, returned);
        match after {
            After::Rest(resident) => scheduler.rest_after_turn(id, resident, now),
            After::ReadAgain => scheduler.reload_after_turn(id),
            After::Reload(TurnFailure::NoCapacity) => scheduler.try_again_alone(id, now),
            After::Reload(failure) => scheduler.reload_after_failure(id, failure, context.config.max_failed_turns),
        }
        None
    }
}

/// A turn of an earlier epoch. Its guest is not dropped under the scheduler's lock.
pub(crate) struct LostTurn(TurnOutcome);

impl LostTurn {
    /// Tells the senders of what the turn took.
    pub(crate) fn refuse(self) {
        let error = EngineError::Unavailable("the store failed meanwhile".into());
        self.0.commit.refuse(&error);
        self.0.returned.into_iter().for_each(|delivery| delivery.refuse(error.clone()));
    }
}

fn encode_at(mut record: NewRecord, placement: LogPlacement) -> EncodedRecord {
    if placement.start_is_recorded {
        record.refer_to_recorded_start();
    }
    record.set_inbox_before(placement.inbox_before);
    encode(record)
}
