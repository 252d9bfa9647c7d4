//! The scheduler: every instance in memory, its mailbox and the queues, all behind one lock.
//!
//! The lock is what gives the log and every mailbox the same order: a commit is queued and its
//! messages are delivered in one step. The files below this one hold the scheduler's verbs; no
//! other file can name its fields.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use longhaul_core::{InstanceId, Timestamp};
use tokio::sync::oneshot;

use crate::config::EngineConfig;
use crate::state::activity_queue::{ActivityQueue, InlineRun};
use crate::state::cache::Cache;
use crate::state::commit_queue::CommitQueue;
use crate::state::idle_threads::IdleThreads;
use crate::state::instance::{InstanceCell, Job, NextTurn, Phase, TurnUnderWay};
use crate::state::lane::Lane;
use crate::state::mailbox::{Delivery, Ticket};
use crate::state::prefetch::Prefetch;
use crate::state::resident::Resident;
use crate::state::signals::Signals;
use crate::state::wakeups::Wakeups;

mod alone;
mod commits;
pub(crate) mod discard;
mod eviction;
mod holds;
mod late;
mod loaded;
mod prefetching;
mod promise;
mod requests;
mod timing;
pub(crate) mod turn_end;
mod watch;

/// Most messages that one turn takes in.
const MAX_MESSAGES_PER_TURN: usize = 512;

/// The part of the memory for instances that may be commits on their way before turns wait for
/// them.
const UNWRITTEN_SHARE: u64 = 8;

/// The state of the engine.
pub(crate) struct Scheduler {
    cells: HashMap<InstanceId, InstanceCell>,
    /// An entry whose instance is not queued any more is passed over.
    run_queue: VecDeque<InstanceId>,
    activities: ActivityQueue,
    max_turns_in_flight: u32,
    commits: CommitQueue,
    /// Instances whose turns wait until less is unwritten.
    held_back: Vec<InstanceId>,
    lane: Lane,
    /// Workers, and those among them that wait for work.
    workers: IdleThreads,
    /// The lock's holder is a worker that takes its next job before it releases the lock: see
    /// `promise`.
    holder_looks_for_work: bool,
    /// What has left memory. Dropping a guest takes system calls, which must not be made under the
    /// lock: guest threads do it when they look for work.
    to_drop: Vec<Resident>,
    wakeups: Wakeups,
    cache: Cache,
    prefetch: Prefetch,
    /// Counts how often memory was discarded after a failed commit: what began before does not
    /// count any more.
    epoch: u64,
    /// The store does not take commits; memory is about to be discarded.
    is_closed: bool,
    /// Told when an instance has ended and that is on stable storage.
    watchers: HashMap<InstanceId, Vec<oneshot::Sender<()>>>,
    next_ticket: u64,
    signals: Arc<Signals>,
}

/// What a guest thread does next.
pub(crate) enum NextJob {
    Turn(Job),
    Activity(InlineRun),
}

impl Scheduler {
    pub(crate) fn new(signals: Arc<Signals>, config: &EngineConfig) -> Self {
        Self {
            cells: HashMap::new(),
            run_queue: VecDeque::new(),
            activities: ActivityQueue::default(),
            max_turns_in_flight: config.max_turns_in_flight,
            commits: CommitQueue::new(config.instance_memory_bytes / UNWRITTEN_SHARE),
            held_back: Vec::new(),
            lane: Lane::default(),
            workers: IdleThreads::default(),
            holder_looks_for_work: false,
            to_drop: Vec::new(),
            wakeups: Wakeups::default(),
            cache: Cache::new(config),
            prefetch: Prefetch::default(),
            epoch: 0,
            is_closed: false,
            watchers: HashMap::new(),
            next_ticket: 0,
            signals,
        }
    }

    /// How often memory was discarded so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nothing is taken, because the store does not take commits.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The store does not take commits: nothing is taken from outside.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
    }

    /// The store takes commits again.
    pub(crate) fn open(&mut self) {
        self.is_closed = false;
    }

    /// How many instances are in memory.
    pub(crate) fn instances_in_memory(&self) -> usize {
        self.cells.len()
    }

    /// Takes what has left memory, to be dropped once the lock is free.
    #[must_use]
    pub(crate) fn take_dropped(&mut self) -> Vec<Resident> {
        std::mem::take(&mut self.to_drop)
    }

    /// A worker is about to be started.
    pub(crate) fn worker_joins(&mut self) {
        self.workers.join_crew();
    }

    /// A worker will not look for work again.
    pub(crate) fn worker_leaves(&mut self) {
        self.workers.leave_crew();
    }

    /// A worker is about to wait.
    pub(crate) fn worker_waits(&mut self) {
        self.workers.begin();
    }

    /// A worker waits no longer.
    pub(crate) fn worker_wakes(&mut self) {
        self.workers.end();
    }

    /// Puts a message into its receiver's mailbox.
    pub(crate) fn deliver(&mut self, to: &InstanceId, delivery: Delivery) {
        self.cell(to).push(delivery);
        self.schedule(to);
    }

    /// Puts an instance whose id the host has just made into memory, with its first message.
    pub(crate) fn admit_new(&mut self, id: &InstanceId, delivery: Delivery) {
        let scale = self.cache.scale();
        let blank = || InstanceCell::new(Phase::at_rest(Resident::blank(id)), scale).of_new_id();
        self.cells.entry(id.clone()).or_insert_with(blank).push(delivery);
        self.schedule(id);
    }

    /// The instance is to have a turn, whether or not something waits for it.
    pub(crate) fn wake(&mut self, id: &InstanceId) {
        self.cell(id).wake = true;
        self.schedule(id);
    }

    /// Lets the instance have a turn: queues it if it is in memory, has it loaded if it is not.
    fn schedule(&mut self, id: &InstanceId) {
        let is_its_turn = self.lane.is_held_by(id);
        let Some(cell) = self.cells.get_mut(id) else { return };
        match &mut cell.phase {
            Phase::Cold if cell.in_lane && !is_its_turn => {}
            Phase::Cold if cell.is_held => {}
            Phase::Cold => {
                cell.phase = Phase::Loading;
                // The reading is ordered among the commits: what is recorded before it will be in
                // the chain.
                cell.forget_recorded();
                self.queue_chain_read(id.clone());
            }
            // An instance that runs far ahead of its commits would make every other wait for them.
            // It goes on as they are written.
            Phase::InMemory { .. } if cell.turns_in_flight >= self.max_turns_in_flight => {}
            Phase::InMemory { next_turn: NextTurn::Queued, .. } => {}
            // What turns decide is held until it is written. While that is much, none begins.
            Phase::InMemory { next_turn, .. } if self.commits.is_over() => {
                if std::mem::replace(next_turn, NextTurn::HeldBack) == NextTurn::NotDue {
                    self.held_back.push(id.clone());
                }
            }
            Phase::InMemory { next_turn, .. } => {
                *next_turn = NextTurn::Queued;
                self.run_queue.push_back(id.clone());
                self.call_guest_thread();
            }
            Phase::Loading | Phase::Busy(_) | Phase::Purging => {}
        }
    }

    fn waiting_jobs(&self) -> usize {
        self.run_queue.len() + self.activities.len()
    }

    /// Lets guest threads run activities.
    pub(crate) fn queue_activities(&mut self, runs: Vec<InlineRun>) {
        if !runs.is_empty() {
            self.activities.extend(runs);
            self.call_guest_thread();
        }
    }

    /// Wakes a guest thread, if one is idle and there is more to do than the lock's holder, or a
    /// thread on its way, takes next.
    fn call_guest_thread(&mut self) {
        let jobs = self.waiting_jobs().saturating_sub(usize::from(self.holder_looks_for_work));
        if self.workers.calls_for(jobs) {
            self.signals.work.wake_one();
        }
    }

    /// What a guest thread does next. Calls another one if that leaves something to do.
    fn next(&mut self) -> Option<NextJob> {
        let next = match self.activities.take_in_turn() {
            Some(run) => Some(NextJob::Activity(run)),
            None => self.next_job().map(NextJob::Turn).or_else(|| self.activities.take().map(NextJob::Activity)),
        };
        self.call_guest_thread();
        next
    }

    /// The next instance that needs a guest thread.
    fn next_job(&mut self) -> Option<Job> {
        while let Some(id) = self.run_queue.pop_front() {
            let Some(cell) = self.cells.get_mut(&id) else { continue };
            match std::mem::replace(&mut cell.phase, Phase::Cold) {
                Phase::InMemory { resident, next_turn: NextTurn::Queued } => {
                    cell.wake = false;
                    let deliveries = cell.take(MAX_MESSAGES_PER_TURN);
                    cell.phase = Phase::Busy(TurnUnderWay::of(&resident, &deliveries));
                    let park = cell.park.take();
                    self.end_prefetch(&id);
                    return Some(Job { epoch: self.epoch, resident, deliveries, park, id });
                }
                other => cell.phase = other,
            }
        }
        None
    }

    /// Sets an instance's wake-up.
    fn set_wakeup(&mut self, id: &InstanceId, at: Option<Timestamp>, now: Timestamp) {
        if self.wakeups.set(id, at, now) {
            self.signals.wakeup_changed.notify_one();
        }
    }

    /// A name for a message from outside.
    pub(crate) fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    fn cell(&mut self, id: &InstanceId) -> &mut InstanceCell {
        // Looked up twice rather than cloning the id for every message.
        if !self.cells.contains_key(id) {
            self.cells.insert(id.clone(), InstanceCell::new(Phase::Cold, self.cache.scale()));
        }
        self.cells.get_mut(id).expect("a cell that is missing was just put there")
    }
}

#[cfg(test)]
mod tests;
