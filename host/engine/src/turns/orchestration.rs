//! One turn of an orchestration on a guest thread.

use std::sync::Arc;

use longhaul_core::limits::BeyondLimit;
use longhaul_core::message::Message;
use longhaul_core::orchestration::{Activation, Refusal, ReplayStep, Turn};
use longhaul_core::record::{FORMAT, NewRecord, ParkedRecord};
use longhaul_core::{Failure, GuestOutcome, GuestTurn, InstanceId, Orchestration, Record, RuntimeStatus, Timestamp};

use crate::activities::Attempt;
use crate::context::Shared;
use crate::error::EngineError;
use crate::idempotency::ClaimedNote;
use crate::ports::{GuestError, OrchestratorGuest};
use crate::state::commit_queue::Commit;
use crate::state::instance::{Delivery, Guest, OrchestrationInMemory, Resident, Ticket, Waiter, recorded_among};
use crate::turns::outcome::{After, Trouble, Work};

/// How many of a trap's frames the reason shows.
const REASON_FRAMES: usize = 4;

/// Takes one turn.
pub(crate) fn turn(
    shared: &Shared,
    id: &InstanceId,
    mut orchestration: Box<OrchestrationInMemory>,
    deliveries: Vec<Delivery>,
    park: Option<String>,
) -> Work {
    let recorded = recorded_among(&deliveries);
    let mut commit = Commit::default();
    let state = &mut orchestration.state;
    let current = shared.guests.current().map(|app| app.pin()).unwrap_or_default();
    let limits = &shared.config.limits;
    let history_before = state.history();
    let mut turn = state.begin_turn(shared.now(), current);
    turn.limit(limits);
    let mut intake = Intake::default();
    let back = intake.take(shared, state, &mut turn, deliveries);
    commit.answers = std::mem::take(&mut intake.refusals);

    // An instance that is to be set aside takes in what arrived without its guest, so that nothing accepted is lost.
    if park.is_none() {
        state.activate(&mut turn);
        if turn.is_empty() {
            let after = After::Rest(Resident::Orchestration(orchestration));
            return Work { results: intake.results, ..Work::without_record(commit, back, recorded, after) };
        }
    }
    let guest_turn = match turn.take_activation() {
        None => None,
        Some(activation) => match call(shared, &mut orchestration, activation) {
            Ok(guest_turn) => Some(guest_turn),
            Err(trouble) => {
                let again = intake.offer_again(turn).chain(back).collect();
                return Work::without_record(commit, again, recorded, After::Reload(trouble));
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
    let (record, outgoing, effects) = step.seal(id.clone(), 0);
    commit.effects = effects;
    for sender in intake.senders {
        commit.notes.extend(sender.note);
        commit.answers.extend(sender.waiter.map(|waiter| (waiter, Ok(()))));
    }
    commit.ended = has_ended.then(|| id.clone());
    // Who was terminated by what just arrived has ended, and stands still in no other way.
    let parked = park.filter(|_| !has_ended).map(|reason| set_aside(&mut orchestration.state, now, reason));
    let after = if rewinds { After::ReadAgain } else { After::Rest(Resident::Orchestration(orchestration)) };
    let (more, results) = (parked.into_iter().collect(), intake.results);
    Work { record: Some(record), more, outgoing, commit, back, recorded, results, after }
}

/// Messages on their way into a turn.
#[derive(Default)]
struct Intake {
    /// For each message without a record of its own that came from the mailbox, in order: who sent it.
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
    note: Option<Arc<ClaimedNote>>,
    born_at: Option<Timestamp>,
}

impl Intake {
    /// Applies what arrived and what is due by itself. Returns what the turn has no place for any more.
    fn take(&mut self, shared: &Shared, state: &mut Orchestration, turn: &mut Turn, deliveries: Vec<Delivery>) -> Vec<Delivery> {
        let mut deliveries = deliveries.into_iter();
        while !turn.is_over()
            && let Some(delivery) = deliveries.next()
        {
            self.take_one(shared, state, turn, delivery);
        }
        for message in state.due(turn.now()) {
            if !turn.is_over() {
                state.receive(turn, message, false);
            }
        }
        deliveries.collect()
    }

    fn take_one(&mut self, shared: &Shared, state: &mut Orchestration, turn: &mut Turn, delivery: Delivery) {
        let Delivery { message, recorded, if_wanted: _, waiter, ticket, note, born_at } = delivery;
        if let Some(waiter) = waiter {
            match admitted(shared, state, &message, born_at) {
                Ok(()) => self.senders.push(Sender { waiter: Some(waiter), ticket, note, born_at }),
                // The answer tells of a state that may not be on stable storage yet, so it goes with the commit.
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

    /// The deliveries of a turn that came to nothing. Recorded messages come back with the chain, alarms by themselves.
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

/// Whether the instance takes a message from outside, which may be for the instance alone that was started first at `born_at`.
fn admitted(shared: &Shared, state: &Orchestration, message: &Message, born_at: Option<Timestamp>) -> Result<(), EngineError> {
    if born_at.is_some_and(|born_at| !state.may_be_born_at(born_at)) {
        return Err(EngineError::NotFound(state.id().clone()));
    }
    state.admit(message).map_err(|refusal| refused(state.id(), refusal))?;
    state.check_room(message, &shared.config.limits).map_err(no_room)
}

/// There is no room for what came from outside.
pub(crate) fn no_room(beyond: BeyondLimit) -> EngineError {
    EngineError::NoRoom(beyond.to_string())
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

/// Sets the instance aside. Returns the record that says so.
fn set_aside(state: &mut Orchestration, at: Timestamp, reason: String) -> NewRecord {
    tracing::error!(instance = %state.id(), "set aside until it is resumed or terminated: {reason}");
    state.park(reason.clone());
    let record = Record::Parked(ParkedRecord { format: FORMAT, at, reason });
    NewRecord { instance: state.id().clone(), base: false, record }
}

/// Calls the guest, after bringing it back from history if need be.
fn call(shared: &Shared, orchestration: &mut OrchestrationInMemory, activation: Activation) -> Result<GuestTurn, Trouble> {
    let Some((name, deployment)) = orchestration.state.function() else {
        return Err(Trouble::Hopeless("an instance that was never started has nothing to call".into()));
    };
    let app = shared.guests.loaded(deployment).ok_or(Trouble::Wants(deployment))?;
    let Some(function) = app.orchestrator(name) else {
        let text = format!("The function '{name}' doesn't exist, is disabled, or is not an orchestrator function.");
        let failure = Failure { non_retriable: true, ..Failure::new("FunctionNotFound", text) };
        return Ok(GuestTurn { outcome: Some(GuestOutcome::Failed(failure)), ..GuestTurn::default() });
    };
    let open = || function.open(orchestration.state.id().clone()).map_err(trouble);
    let mut guest = match std::mem::replace(&mut orchestration.guest, Guest::Fresh) {
        Guest::Live(guest) => guest,
        Guest::Fresh => open()?,
        Guest::Replay(steps) => {
            let mut guest = open()?;
            replay(&mut *guest, function.name(), steps)?;
            guest
        }
    };
    let returned = activate(&mut *guest, function.name(), activation, false).map_err(trouble)?;
    orchestration.guest = Guest::Live(guest);
    Ok(returned)
}

fn replay(guest: &mut dyn OrchestratorGuest, name: &Arc<str>, steps: Vec<ReplayStep>) -> Result<(), Trouble> {
    for mut step in steps {
        let activation = step.take_replaying_activation();
        let returned = activate(guest, name, activation, true).map_err(trouble)?;
        step.compare(&returned).map_err(|mismatch| Trouble::Hopeless(format!("replay does not match the history: {mismatch}")))?;
    }
    Ok(())
}

fn activate(guest: &mut dyn OrchestratorGuest, name: &Arc<str>, activation: Activation, replaying: bool) -> Result<GuestTurn, GuestError> {
    match activation {
        Activation::Start(context) => guest.start(longhaul_core::StartContext { name: name.clone(), ..context }),
        Activation::Resume { now, received } => guest.resume(now, replaying, received),
    }
}

fn trouble(error: GuestError) -> Trouble {
    match error {
        GuestError::NoCapacity(_) => Trouble::NoRoom,
        GuestError::Stopping => Trouble::Stopping,
        GuestError::Stopped { ref backtrace, .. } if !backtrace.is_empty() => {
            let innermost: Vec<_> = backtrace.lines().take(REASON_FRAMES).collect();
            Trouble::Failed(format!("{error}; innermost calls: {}", innermost.join(", ")))
        }
        other => Trouble::Failed(other.to_string()),
    }
}
