//! The guest threads: synchronous calls of guests never run on tokio's workers, where they would starve timers.

use std::sync::Arc;

use longhaul_core::record::NewRecord;
use longhaul_core::{InstanceId, Outgoing};
use longhaul_store::EncodedRecord;

use super::api::EngineError;
use super::board::Job;
use super::commit::{Commit, encode};
use super::shared::Shared;
use super::slot::{Delivery, Resident};
use super::{operate, orchestrate};

/// What a guest thread made of a job.
pub(super) struct Work {
    /// The turn's own record, if there is one. It comes first in the commit.
    pub(super) record: Option<NewRecord>,
    /// Further records of the same instance.
    pub(super) more: Vec<NewRecord>,
    pub(super) outgoing: Vec<Outgoing>,
    pub(super) commit: Commit,
    /// Deliveries to be offered again, before all others.
    pub(super) back: Vec<Delivery>,
    /// Recorded messages among those that the job took out of the mailbox.
    pub(super) recorded: u32,
    pub(super) after: After,
}

/// What becomes of the instance.
pub(super) enum After {
    /// It stays in memory.
    Rest(Resident),
    /// Its memory cannot be trusted: it is read again.
    Reload(Trouble),
}

/// Why a turn came to nothing.
pub(super) enum Trouble {
    /// The deployment is not loaded.
    Wants(longhaul_core::DeploymentId),
    /// There is no room for another guest.
    NoRoom,
    /// The guest failed in a way that may pass.
    Failed(String),
    /// Trying again cannot help.
    Hopeless(String),
}

/// Starts the guest threads.
pub(super) fn spawn(shared: &Arc<Shared>) -> std::io::Result<Vec<std::thread::JoinHandle<()>>> {
    let threads = (0..shared.config.guest_threads.max(1)).map(|number| {
        let shared = shared.clone();
        std::thread::Builder::new().name(format!("guest-{number}")).spawn(move || run(&shared))
    });
    threads.collect()
}

fn run(shared: &Arc<Shared>) {
    while let Some(job) = next(shared) {
        let (id, era) = (job.id.clone(), job.era);
        let work = match job.resident {
            Resident::Orchestration(orchestration) => orchestrate::turn(shared, &id, orchestration, job.deliveries, job.park),
            Resident::Entity(entity) => operate::batch(shared, &id, entity, job.deliveries),
        };
        finish(shared, &id, era, work);
    }
}

fn next(shared: &Shared) -> Option<Job> {
    let mut board = shared.board();
    loop {
        if shared.is_stopping() {
            return None;
        }
        if let Some(job) = board.next_job() {
            return Some(job);
        }
        board = shared.wait_for_work(board);
    }
}

/// Queues the commit and delivers its messages in one step, and puts the instance to rest.
fn finish(shared: &Shared, id: &InstanceId, era: u64, work: Work) {
    let Work { record, more, outgoing, mut commit, back, recorded, after } = work;
    let now = shared.now();
    // Encoding takes long beside the lock's other work, so the count that it needs is guessed before and checked after.
    let guess = recorded + shared.board().slots.get(id).map_or(0, |slot| slot.recorded);
    let own = record.map(|record| encode_with(record, guess));
    commit.records.extend(more.into_iter().map(encode));
    commit.push_outgoing(&outgoing, now);

    let mut board = shared.board();
    if board.era != era {
        drop(board);
        let error = EngineError::Unavailable("the store failed meanwhile".into());
        commit.refuse(&error);
        back.into_iter().for_each(|delivery| delivery.refuse(error.clone()));
        return;
    }
    if let Some(encoded) = own {
        let count = recorded + board.slot(id).recorded;
        commit.records.insert(0, corrected(encoded, guess, count));
    }
    if !commit.is_empty() {
        board.queue_commit(commit);
    }
    board.deliver_recorded(outgoing);
    board.slot(id).push_front(back.into_iter());
    match after {
        After::Rest(resident) => {
            board.slot(id).failed_turns = 0;
            board.rest(id, resident, now);
        }
        After::Reload(trouble) => {
            note(&mut board, shared, id, trouble);
            board.reload(id);
        }
    }
}

fn encode_with(mut record: NewRecord, inbox_before: u32) -> EncodedRecord {
    record.set_inbox_before(inbox_before);
    encode(record)
}

/// Messages that were recorded while the record was encoded have to be counted in a base record.
fn corrected(encoded: EncodedRecord, guess: u32, count: u32) -> EncodedRecord {
    if guess == count || !encoded.record.base {
        return encoded;
    }
    encode_with(NewRecord::clone(&encoded.record), count)
}

fn note(board: &mut super::board::Board, shared: &Shared, id: &InstanceId, trouble: Trouble) {
    let slot = board.slot(id);
    // Reading again happens only if something waits; a turn that was due by itself must not be forgotten.
    slot.wake = true;
    match trouble {
        Trouble::Wants(deployment) => slot.wants = Some(deployment),
        Trouble::NoRoom => {}
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
