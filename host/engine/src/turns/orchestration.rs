//! One turn of an orchestration on a guest thread.

use std::sync::Arc;

use longhaul_core::message::Message;
use longhaul_core::orchestration::{Activation, Refusal, Turn};
use longhaul_core::record::{FORMAT, NewRecord, ParkedRecord};
use longhaul_core::{Failure, GuestOutcome, GuestTurn, InstanceId, Orchestration, Record, RuntimeStatus, Timestamp};

use super::outcome::{After, TurnOutcome};
use super::replay::{self, Divergence, activate};
use crate::activities::register::Attempt;
use crate::context::EngineContext;
use crate::error::EngineError;
use crate::ports::GuestError;
use crate::state::commit_queue::Commit;
use crate::state::mailbox::{Delivery, Ticket, Waiter, recorded_among};
use crate::state::reservations::ReservedNote;
use crate::state::resident::{Guest, OrchestrationInMemory, Resident};
use crate::state::scheduler::turn_end::TurnFailure;

/// How many of a trap's frames the reason shows.
const REASON_FRAMES: usize = 4;

/// Takes one turn.
pub(crate) fn turn(
    context: &EngineContext,
    id: &InstanceId,
    mut orchestration: Box<OrchestrationInMemory>,
    deliveries: Vec<Delivery>,
    park: Option<String>,
) -> TurnOutcome {
    let recorded = recorded_among(&deliveries);
    let mut commit = Commit::default();
    let state = &mut orchestration.state;
    let current = context.guests.current().map(|app| app.pin()).unwrap_or_default();
    let limits = &context.config.limits;
    let history_before = state.history();
    let mut turn = state.begin_turn(context.now(), current);
    turn.limit(limits);
    let mut intake = Intake::default();
    let back = intake.take(context, state, &mut turn, deliveries);
    commit.answers = std::mem::take(&mut intake.refusals);

    // An instance that is to be parked takes in what arrived without its guest, so that nothing
    // accepted is lost.
    if park.is_none() {
        state.activate(&mut turn);
        if turn.is_empty() {
            let after = After::Rest(Resident::Orchestration(orchestration));
            return TurnOutcome {
                commit,
                returned: back,
                consumed_attempts: intake.results,
                ..TurnOutcome::without_record(recorded, after)
            };
        }
    }
    let guest_turn = match turn.take_activation() {
        None => None,
        Some(activation) => match call(context, &mut orchestration, activation) {
            Ok(guest_turn) => Some(guest_turn),
            Err(failure) => {
                let again = intake.offer_again(turn).chain(back).collect();
                return TurnOutcome { commit, returned: again, ..TurnOutcome::without_record(recorded, After::Reload(failure)) };
            }
        },
    };
    let now = turn.now();
    let step = orchestration.state.end_turn(turn, guest_turn);
    let has_ended = orchestration.state.status().is_some_and(RuntimeStatus::is_terminal);
    if let Some(warning) = limits.history_warning(history_before, orchestration.state.history()) {
        tracing::warn!(instance = %id, "{warning}");
    }
    let rewinds = step.rewinds();
    if orchestration.state.code_has_ended() || step.continues_as_new() {
        // Whatever execution comes next begins with a guest of its own.
        orchestration.guest = Guest::Fresh;
    }
    let (record, messages, effects) = step.seal(id.clone(), 0);
    commit.effects = effects;
    for sender in intake.senders {
        commit.notes.extend(sender.note);
        commit.answers.extend(sender.waiter.map(|waiter| (waiter, Ok(()))));
    }
    commit.ended = has_ended.then(|| id.clone());
    // If a message of this batch terminated the instance, it has ended; it is not parked besides.
    let parked = park.filter(|_| !has_ended).map(|reason| park_instance(&mut orchestration.state, now, reason));
    let after = if rewinds { After::ReadAgain } else { After::Rest(Resident::Orchestration(orchestration)) };
    TurnOutcome {
        record: Some(record),
        more: parked.into_iter().collect(),
        messages,
        commit,
        returned: back,
        recorded,
        consumed_attempts: intake.results,
        after,
    }
}

/// Messages on their way into a turn.
#[derive(Default)]
struct Intake {
    /// For each message without a record of its own that came from the mailbox, in order: who sent
    /// it.
    senders: Vec<Sender>,
    refusals: Vec<(Waiter, Result<(), EngineError>)>,
    /// Attempts of activities whose results came.
    results: Vec<Attempt>,
}

/// What is known of a message's sender.
#[derive(Default)]
struct Sender {
    waiter: Option<Waiter>,
    ticket: Option<Ticket>,
    note: Option<Arc<ReservedNote>>,
    born_at: Option<Timestamp>,
}

impl Intake {
    /// Applies what arrived and what is due by itself. Returns what the turn has no place for any
    /// more.
    fn take(&mut self, context: &EngineContext, state: &mut Orchestration, turn: &mut Turn, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        let mut deliveries = deliveries.into_iter();
        while !turn.is_over()
            && let Some(delivery) = deliveries.next()
        {
            self.take_one(context, state, turn, delivery);
        }
        for message in state.due(turn.now()) {
            if !turn.is_over() {
                state.receive(turn, message, false);
            }
        }
        deliveries.collect()
    }

    fn take_one(&mut self, context: &EngineContext, state: &mut Orchestration, turn: &mut Turn, delivery: Delivery) {
        let Delivery { message, recorded, if_wanted: _, waiter, ticket, note, born_at } = delivery;
        if let Some(waiter) = waiter {
            match admitted(context, state, &message, born_at) {
                Ok(()) => self.senders.push(Sender { waiter: Some(waiter), ticket, note, born_at }),
                // The answer tells of a state that may not be on stable storage yet, so it goes
                // with the commit.
                Err(refusal) => return self.refusals.push((waiter, Err(refusal))),
            }
        } else if !recorded {
            self.results.extend(Attempt::of(state.id(), &message));
            if state.ignores(&message) {
                return;
            }
            self.senders.push(Sender::default());
        }
        state.receive(turn, message, recorded);
    }

    /// The deliveries of a turn that failed. Recorded messages come back with the chain, timers by
    /// themselves.
    fn offer_again(self, turn: Turn) -> impl Iterator<Item = Delivery> {
        let messages =
            turn.into_inline_messages().filter(|message| !matches!(message, Message::TimerFired { .. } | Message::RetryDue { .. }));
        messages.zip(self.senders).map(|(message, Sender { waiter, ticket, note, born_at })| Delivery {
            waiter,
            ticket,
            note,
            born_at,
            ..Delivery::unrecorded(message)
        })
    }
}

/// Whether the instance takes a message from outside, which may be for the instance alone that was
/// started first at `born_at`.
fn admitted(context: &EngineContext, state: &Orchestration, message: &Message, born_at: Option<Timestamp>) -> Result<(), EngineError> {
    if born_at.is_some_and(|born_at| !state.may_be_born_at(born_at)) {
        return Err(EngineError::NotFound(state.id().clone()));
    }
    state.admit(message).map_err(|refusal| refused(state.id(), refusal))?;
    state.check_room(message, &context.config.limits).map_err(EngineError::no_room)
}

fn refused(id: &InstanceId, refusal: Refusal) -> EngineError {
    match refusal {
        Refusal::Unknown => EngineError::NotFound(id.clone()),
        Refusal::Ended(status) => EngineError::Gone(id.clone(), status),
        Refusal::Exists(status) => EngineError::Conflict(id.clone(), status),
        Refusal::AlreadySuspended => EngineError::WrongState(format!("instance '{id}' is suspended already")),
        Refusal::NotFailed(status) => EngineError::NotFailed(id.clone(), status),
        Refusal::NotSuspended => EngineError::WrongState(format!("instance '{id}' is not suspended")),
    }
}

/// Parks the instance. Returns the record that says so.
fn park_instance(state: &mut Orchestration, at: Timestamp, reason: String) -> NewRecord {
    tracing::error!(instance = %state.id(), "parked until it is resumed or terminated: {reason}");
    state.park(reason.clone());
    let record = Record::Parked(ParkedRecord { format: FORMAT, at, reason });
    NewRecord { instance: state.id().clone(), base: false, record }
}

/// Calls the guest, after bringing it back from history if need be.
fn call(context: &EngineContext, orchestration: &mut OrchestrationInMemory, activation: Activation) -> Result<GuestTurn, TurnFailure> {
    let Some((name, deployment)) = orchestration.state.function() else {
        return Err(TurnFailure::Unrecoverable("an instance that was never started has nothing to call".into()));
    };
    let app = context.guests.loaded(deployment).ok_or(TurnFailure::NeedsDeployment(deployment))?;
    let Some(function) = app.orchestrator(name) else {
        let text = format!("The function '{name}' doesn't exist, is disabled, or is not an orchestrator function.");
        let failure = Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) };
        return Ok(GuestTurn { outcome: Some(GuestOutcome::Failed(failure)), ..GuestTurn::default() });
    };
    let open = || function.open(orchestration.state.id().clone()).map_err(failure_of);
    let mut guest = match std::mem::replace(&mut orchestration.guest, Guest::Fresh) {
        Guest::Live(guest) => guest,
        Guest::Fresh => open()?,
        Guest::Replay(steps) => {
            let mut guest = open()?;
            replay::run(&mut *guest, function.name(), steps).map_err(replay_failed)?;
            guest
        }
    };
    let returned = activate(&mut *guest, function.name(), activation, false).map_err(failure_of)?;
    orchestration.guest = Guest::Live(guest);
    Ok(returned)
}

fn failure_of(error: GuestError) -> TurnFailure {
    match error {
        GuestError::NoCapacity(_) => TurnFailure::NoCapacity,
        GuestError::Stopping => TurnFailure::Stopping,
        GuestError::Stopped { ref backtrace, .. } if !backtrace.is_empty() => {
            let innermost: Vec<_> = backtrace.lines().take(REASON_FRAMES).collect();
            TurnFailure::Retryable(format!("{error}; innermost calls: {}", innermost.join(", ")))
        }
        other => TurnFailure::Retryable(other.to_string()),
    }
}

fn replay_failed(divergence: Divergence) -> TurnFailure {
    match divergence {
        Divergence::Guest(error) => failure_of(error),
        Divergence::NotLoaded(deployment) => TurnFailure::NeedsDeployment(deployment),
        Divergence::NoOrchestrator(..) | Divergence::Mismatch(_) => TurnFailure::Unrecoverable(divergence.to_string()),
    }
}
