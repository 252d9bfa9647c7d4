//! What a guest thread does with a job: takes the turn, and hands over what came of it.

use std::any::Any;
use std::collections::HashSet;
use std::sync::Arc;

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, Message, Outgoing, Timestamp};
use longhaul_store::EncodedRecord;

use crate::activities::Attempt;
use crate::context::Shared;
use crate::error::EngineError;
use crate::state::commit_queue::{Commit, encode};
use crate::state::instance::{Delivery, Place, Resident, Slot};
use crate::state::scheduler::{Board, Job};
use crate::turns::entity;
use crate::turns::orchestration;
use crate::turns::suspects::{self, Permission};

/// What a guest thread made of a job.
pub(crate) struct Work {
    /// The turn's own record, if there is one. It comes first in the commit.
    pub(crate) record: Option<NewRecord>,
    /// Further records of the same instance.
    pub(crate) more: Vec<NewRecord>,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) commit: Commit,
    /// Deliveries to be offered again, before all others.
    pub(crate) back: Vec<Delivery>,
    /// Recorded messages among those that the job took out of the mailbox.
    pub(crate) recorded: u32,
    /// Attempts of activities whose results went into the turn.
    pub(crate) results: Vec<Attempt>,
    pub(crate) after: After,
}

impl Work {
    /// Nothing to record: only answers, and what becomes of the instance.
    pub(crate) fn without_record(commit: Commit, back: Vec<Delivery>, recorded: u32, after: After) -> Self {
        Self { record: None, more: Vec::new(), outgoing: Vec::new(), commit, back, recorded, results: Vec::new(), after }
    }
}

/// What becomes of the instance.
pub(crate) enum After {
    /// It stays in memory.
    Rest(Resident),
    /// Its memory cannot be trusted: it is read again.
    Reload(Trouble),
    /// It was rewound: what it is now, follows from its chain.
    ReadAgain,
}

/// Why a turn came to nothing.
pub(crate) enum Trouble {
    /// The deployment is not loaded.
    Wants(longhaul_core::DeploymentId),
    /// There is no room for another guest.
    NoRoom,
    /// Its guest may have ended the host, and so may another that runs alone now.
    Suspect,
    /// The host stops: the turn is taken after its next start.
    Stopping,
    /// The guest failed in a way that may pass.
    Failed(String),
    /// Trying again cannot help.
    Hopeless(String),
}

pub(crate) fn take_turn(shared: &Arc<Shared>, job: Job) -> Work {
    let (job, permission) = match suspects::ask(shared, job) {
        Ok(asked) => asked,
        Err(later) => return *later,
    };
    let (entry, refused) = match permission {
        Permission::Granted(entry) => (entry, None),
        Permission::Refused(reason) => (None, Some(reason)),
    };
    let work = match job.resident {
        Resident::Orchestration(orchestration) => orchestration::turn(shared, &job.id, orchestration, job.deliveries, job.park.or(refused)),
        Resident::Entity(entity) => entity::batch(shared, &job.id, entity, job.deliveries, refused),
    };
    // Only a turn that came to something has done what it may have died of.
    if let Some(entry) = entry.filter(|_| work.record.is_some()) {
        entry.ended();
    }
    work
}

/// What is left of a turn in which the host panicked. The instance is read again, and what it took from its mailbox comes again: recorded
/// messages with the chain, results of activities by another run. Senders from outside get an error and ask again.
pub(crate) fn after_panic(shared: &Shared, id: &InstanceId, panic: &(dyn Any + Send)) -> Work {
    shared.activities.forget(&HashSet::from([id.clone()]));
    let trouble = Trouble::Failed(format!("the host panicked: {}", panic_text(panic)));
    Work::without_record(Commit::default(), Vec::new(), 0, After::Reload(trouble))
}

/// The host panicked while it handed a turn over: the instance is read again.
pub(crate) fn take_back(shared: &Shared, board: &mut Board, id: &InstanceId, era: u64, panic: &(dyn Any + Send)) {
    let is_busy = |slot: &Slot| matches!(slot.place, Place::Busy);
    if board.era == era && board.slots.get(id).is_some_and(is_busy) {
        note(board, shared, id, Trouble::Failed(format!("the host panicked: {}", panic_text(panic))));
        board.reload(id);
    }
}

/// What a panic says.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it does not say why")
}

/// What a guest thread made of a job, encoded.
pub(crate) struct Ready {
    own: Option<EncodedRecord>,
    /// Encoding takes long beside the board's other work, so what it needs to know is guessed before and checked under the lock.
    guess: Surroundings,
    took_start: bool,
    outgoing: Vec<Outgoing>,
    commit: Commit,
    back: Vec<Delivery>,
    recorded: u32,
    results: Vec<Attempt>,
    after: After,
    now: Timestamp,
}

impl Ready {
    pub(crate) fn of(shared: &Shared, id: &InstanceId, work: Work) -> Self {
        let Work { record, more, outgoing, mut commit, back, recorded, results, after } = work;
        let now = shared.now();
        let guess = Surroundings::of(&mut shared.board(), id, recorded);
        let took_start = record.as_ref().is_some_and(NewRecord::took_start);
        let own = record.map(|record| encode_with(record, guess));
        commit.records.extend(more.into_iter().map(encode));
        commit.push_outgoing(&outgoing, now);
        Self { own, guess, took_start, outgoing, commit, back, recorded, results, after, now }
    }

    /// Queues the commit and delivers its messages in one step, and puts the instance to rest. Returns what nothing comes of any more because the
    /// store failed meanwhile: it is to be refused once the lock is free.
    pub(crate) fn hand_over(self, shared: &Shared, board: &mut Board, id: &InstanceId, era: u64) -> Option<Lost> {
        let Self { own, guess, took_start, outgoing, mut commit, mut back, recorded, results, after, now } = self;
        if board.era != era {
            return Some(Lost { commit, back, _after: after });
        }
        // Not before: results that a turn of an earlier era took are lost with it, and their runs may have begun anew.
        if !results.is_empty() {
            shared.activities.let_go(results);
        }
        let found = Surroundings::of(board, id, recorded);
        let recorded_start = board.slot(id).start_under_way.take().filter(|start| start.recorded && !took_start);
        if let Some(encoded) = own {
            shared.counters.turn();
            commit.begin_with_turn(if guess == found { encoded } else { encode_with(NewRecord::clone(&encoded.record), found) });
        }
        if let Some(start) = recorded_start {
            // No turn took it, but it stands in the chain: it must be consumed in its place.
            back.retain(|delivery| !matches!(delivery.message, Message::Start(_)));
            back.insert(0, Delivery::recorded(start.message));
        }
        board.queue_with_messages(commit, outgoing);
        board.slot(id).push_front(back.into_iter());
        match after {
            After::Rest(resident) => {
                board.slot(id).failed_turns = 0;
                board.rest(id, resident, now);
            }
            After::ReadAgain => {
                board.slot(id).failed_turns = 0;
                board.reload(id);
            }
            After::Reload(Trouble::NoRoom) => board.try_again_alone(id, now),
            After::Reload(trouble) => {
                note(board, shared, id, trouble);
                board.reload(id);
            }
        }
        None
    }
}

/// A turn of an earlier era.
pub(crate) struct Lost {
    commit: Commit,
    back: Vec<Delivery>,
    /// Guests are not let go of under the board's lock.
    _after: After,
}

impl Lost {
    pub(crate) fn refuse(self) {
        let error = EngineError::Unavailable("the store failed meanwhile".into());
        self.commit.refuse(&error);
        self.back.into_iter().for_each(|delivery| delivery.refuse(error.clone()));
    }
}

/// What stands in the log before a turn's record and was not known when the turn began.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Surroundings {
    /// Recorded messages not consumed before this turn, those that it consumes included.
    inbox_before: u32,
    /// The start that the turn took has got a record of its own meanwhile.
    start_is_recorded: bool,
}

impl Surroundings {
    fn of(board: &mut Board, id: &InstanceId, recorded: u32) -> Self {
        let (waiting, start_is_recorded) = board.slots.get(id).map_or((0, false), |slot| (slot.recorded, slot.start_is_recorded()));
        Self { inbox_before: recorded + waiting + u32::from(start_is_recorded), start_is_recorded }
    }
}

fn encode_with(mut record: NewRecord, surroundings: Surroundings) -> EncodedRecord {
    if surroundings.start_is_recorded {
        record.refer_to_recorded_start();
    }
    record.set_inbox_before(surroundings.inbox_before);
    encode(record)
}

fn note(board: &mut Board, shared: &Shared, id: &InstanceId, trouble: Trouble) {
    let slot = board.slot(id);
    // Reading again happens only if something waits; a turn that was due by itself must not be forgotten.
    slot.wake = true;
    match trouble {
        Trouble::Wants(deployment) => slot.wants = Some(deployment),
        Trouble::NoRoom | Trouble::Suspect | Trouble::Stopping => {}
        Trouble::Failed(reason) => {
            slot.failed_turns += 1;
            tracing::warn!(instance = %id, attempt = slot.failed_turns, "a turn came to nothing: {reason}");
            if slot.failed_turns >= shared.config.max_failed_turns {
                slot.park = Some(reason);
            }
        }
        Trouble::Hopeless(reason) => slot.park = Some(reason),
    }
}
