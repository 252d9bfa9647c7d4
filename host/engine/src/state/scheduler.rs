//! Slots, mailboxes and queues, all behind one lock.
//!
//! The lock is what gives the log and every mailbox the same order: a commit is queued and its messages are delivered in one step.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use longhaul_core::limits::{BeyondLimit, InstanceLimits};
use longhaul_core::{InstanceId, Outgoing, Timestamp};
use tokio::sync::oneshot;

use crate::activities::RunAtOnce;
use crate::context::{EngineConfig, Signals};
use crate::state::cache::{Ages, Counted};
use crate::state::commit_queue::Commit;
use crate::state::instance::{Delivery, Place, Resident, Slot, Ticket, Waiter};
use crate::state::lane::Lane;
use crate::state::prefetch::Ahead;
use crate::state::wakeups::Alarms;
use crate::state::weight::Scale;

mod promise;
mod watch;

use crate::state::idle_threads::Idle;

/// Most messages that one turn takes in.
const MAX_MESSAGES_PER_TURN: usize = 512;

/// The part of the memory for instances that may be commits on their way before turns wait for them.
const UNWRITTEN_SHARE: u64 = 8;

pub(crate) struct Board {
    pub(crate) slots: HashMap<InstanceId, Slot>,
    run_queue: VecDeque<InstanceId>,
    activity_queue: VecDeque<RunAtOnce>,
    /// Turns and activities take turns.
    activity_is_next: bool,
    max_turns_in_flight: u32,
    /// Commits that are not on stable storage yet.
    pub(crate) unwritten: Scale,
    pub(crate) max_unwritten_bytes: u64,
    /// Instances whose turns wait until less is unwritten.
    pub(crate) held_back: Vec<InstanceId>,
    pub(crate) lane: Lane,
    /// Workers, and those among them that wait for work.
    pub(crate) idle: Idle,
    /// The lock's holder is a worker that takes its next job before it lets go: see `promise`.
    holder_looks_for_work: bool,
    pub(crate) commits: VecDeque<Commit>,
    /// What has left memory. Letting go of a guest takes system calls, which must not be made under the lock: guest threads do it when they
    /// look for work.
    pub(crate) leaving: Vec<Resident>,
    pub(crate) alarms: Alarms,
    pub(crate) ages: Ages,
    pub(crate) ahead: Ahead,
    /// Counts how often memory was given up after a failed commit: what began before does not count any more.
    pub(crate) era: u64,
    /// The store does not take commits; memory is about to be given up.
    pub(crate) closed: bool,
    /// Told when an instance has ended and that is on stable storage.
    pub(crate) watchers: HashMap<InstanceId, Vec<oneshot::Sender<()>>>,
    next_ticket: u64,
    pub(crate) signals: Arc<Signals>,
}

/// An instance on its way to a guest thread.
pub(crate) struct Job {
    pub(crate) id: InstanceId,
    pub(crate) era: u64,
    pub(crate) resident: Resident,
    pub(crate) deliveries: Vec<Delivery>,
    /// Why the instance is to be set aside, if it is.
    pub(crate) park: Option<String>,
}

/// What was in memory when it was given up.
pub(crate) struct GivenUp {
    /// What was in the mailboxes.
    pub(crate) deliveries: Vec<(InstanceId, Delivery)>,
    /// Whom guest threads were at work on. What these threads took from the mailboxes is lost as well.
    pub(crate) busy: HashSet<InstanceId>,
    pub(crate) commits: VecDeque<Commit>,
}

/// What a guest thread does next.
pub(crate) enum Next {
    Turn(Job),
    Activity(RunAtOnce),
}

impl Board {
    pub(crate) fn new(signals: Arc<Signals>, config: &EngineConfig) -> Self {
        Self {
            slots: HashMap::new(),
            run_queue: VecDeque::new(),
            activity_queue: VecDeque::new(),
            activity_is_next: false,
            max_turns_in_flight: config.max_turns_in_flight,
            unwritten: Scale::default(),
            max_unwritten_bytes: config.instance_memory_bytes / UNWRITTEN_SHARE,
            held_back: Vec::new(),
            lane: Lane::default(),
            idle: Idle::default(),
            holder_looks_for_work: false,
            commits: VecDeque::new(),
            leaving: Vec::new(),
            alarms: Alarms::default(),
            ages: Ages::new(config),
            ahead: Ahead::default(),
            era: 0,
            closed: false,
            watchers: HashMap::new(),
            next_ticket: 0,
            signals,
        }
    }

    /// Puts a message into its receiver's mailbox.
    pub(crate) fn deliver(&mut self, to: &InstanceId, delivery: Delivery) {
        self.slot(to).push(delivery);
        self.schedule(to);
    }

    /// Puts an instance whose id the host has just made into memory, with its first message.
    pub(crate) fn admit_new(&mut self, id: &InstanceId, resident: Resident, delivery: Delivery) {
        let slot =
            self.slots.entry(id.clone()).or_insert_with(|| Slot { is_new: true, ..Slot::new(Place::Resident(resident), &self.ages.scale) });
        slot.push(delivery);
        self.schedule(id);
    }

    /// An alarm of the instance went off.
    pub(crate) fn wake(&mut self, id: &InstanceId) {
        self.slot(id).wake = true;
        self.schedule(id);
    }

    /// Lets the instance have a turn: queues it if it is in memory, has it read if it is not.
    pub(crate) fn schedule(&mut self, id: &InstanceId) {
        let is_its_turn = self.lane.is_held_by(id);
        let Some(slot) = self.slots.get_mut(id) else { return };
        match slot.place {
            Place::Cold if slot.in_lane && !is_its_turn => {}
            // One that runs far ahead of its commits would make everybody wait for them. It goes on as they are written.
            Place::Resident(_) if slot.turns_in_flight >= self.max_turns_in_flight => {}
            // What turns decide is held until it is written. While that is much, none begins.
            Place::Resident(_) if !slot.queued && self.unwritten.bytes() > self.max_unwritten_bytes => {
                if !std::mem::replace(&mut slot.held_back, true) {
                    self.held_back.push(id.clone());
                }
            }
            Place::Resident(_) if !slot.queued => {
                slot.queued = true;
                self.run_queue.push_back(id.clone());
                self.call_guest_thread();
            }
            Place::Cold if slot.is_held => {}
            Place::Cold => {
                slot.place = Place::Loading;
                // The reading is ordered among the commits: what is recorded before it will be in the chain.
                slot.forget_recorded();
                self.queue_commit(Commit::load(id.clone()));
            }
            Place::Resident(_) | Place::Loading | Place::Busy | Place::Purging => {}
        }
    }

    /// A turn or batch of the instance is on stable storage.
    pub(crate) fn turn_is_written(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        let was_held_back = slot.turns_in_flight >= self.max_turns_in_flight;
        slot.turns_in_flight = slot.turns_in_flight.saturating_sub(1);
        if was_held_back {
            // Whatever there is for it to do. If there is nothing, its turn shows that.
            self.schedule(id);
        }
    }

    /// A name for a message from outside.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Gives a message that could not be taken at once a record of its own, so that its sender need not wait for the turn that
    /// takes it. Returns the waiter if the turn's own commit is on its way already, or the message is for one instance alone and that turn may be
    /// another's.
    pub(crate) fn record_now(&mut self, id: &InstanceId, ticket: Ticket, now: Timestamp, waiter: Waiter) -> Result<(), Waiter> {
        let Some(slot) = self.slots.get_mut(id).filter(|slot| slot.is_sure_of(ticket)) else { return Err(waiter) };
        let (message, note) = if let Some(delivery) = slot.take_one(ticket) {
            // It goes behind those that are recorded already: the inbox has the order of the log.
            slot.push(Delivery::recorded(delivery.message.clone()));
            (delivery.message, delivery.note)
        } else {
            match &mut slot.start_under_way {
                Some(start) if start.ticket == ticket && !start.recorded => {
                    start.recorded = true;
                    (start.message.clone(), start.note.clone())
                }
                _ => return Err(waiter),
            }
        };
        let mut commit = Commit::default();
        commit.push_outgoing(&[Outgoing { to: id.clone(), message }], now);
        commit.notes.extend(note);
        commit.answers.push((waiter, Ok(())));
        self.queue_commit(commit);
        Ok(())
    }

    /// Whether an event or operation from outside may get a record of its own beside those that wait for the instance's next turn.
    ///
    /// # Errors
    /// `TooManyEvents`: as much waits as the instance may hold.
    pub(crate) fn check_inbox(&self, id: &InstanceId, limits: &InstanceLimits) -> Result<(), BeyondLimit> {
        let (count, bytes) = self.slots.get(id).map_or((0, 0), |slot| (slot.recorded as usize, slot.recorded_bytes));
        let (most, most_bytes) = (limits.max_buffered_events, limits.max_buffered_event_bytes);
        if count < most && bytes < most_bytes {
            return Ok(());
        }
        let text = format!(
            "{count} messages of {bytes} bytes wait for the next turn of instance '{id}', which is held up; at most {most} of {most_bytes} \
             bytes may"
        );
        Err(BeyondLimit { error_type: "TooManyEvents", text })
    }

    /// Takes a message back that no guest thread has taken yet. Returns whether it was still there.
    pub(crate) fn withdraw(&mut self, id: &InstanceId, ticket: Ticket) -> bool {
        self.slots.get_mut(id).is_some_and(|slot| slot.take_one(ticket).is_some())
    }

    fn waiting_jobs(&self) -> usize {
        self.run_queue.len() + self.activity_queue.len()
    }

    /// Lets guest threads run activities.
    pub(crate) fn queue_activities(&mut self, runs: Vec<RunAtOnce>) {
        if !runs.is_empty() {
            self.activity_queue.extend(runs);
            self.call_guest_thread();
        }
    }

    /// Wakes a guest thread, if one is idle and there is more to do than whoever is here, or on the way, takes next.
    fn call_guest_thread(&mut self) {
        let jobs = self.waiting_jobs().saturating_sub(usize::from(self.holder_looks_for_work));
        if self.idle.calls_for(jobs) {
            self.signals.work.ring();
        }
    }

    /// What a guest thread does next. Calls another one if that leaves something to do.
    pub(crate) fn next(&mut self) -> Option<Next> {
        let activity = if self.activity_is_next { self.activity_queue.pop_front() } else { None };
        self.activity_is_next = activity.is_none();
        let next = match activity {
            Some(run) => Some(Next::Activity(run)),
            None => self.next_job().map(Next::Turn).or_else(|| self.activity_queue.pop_front().map(Next::Activity)),
        };
        self.call_guest_thread();
        next
    }

    /// Hands a commit to the committer, in order.
    pub(crate) fn queue_commit(&mut self, mut commit: Commit) {
        if let Some(id) = commit.turn_of() {
            self.slot(id).turns_in_flight += 1;
        }
        let mut bytes = 0;
        for encoded in &commit.records {
            bytes += encoded.data.len();
            let slot = self.slot(&encoded.record.instance);
            slot.in_flight += 1;
            if std::mem::take(&mut slot.is_new) {
                commit.new.push(encoded.record.instance.clone());
            }
        }
        // As records and as their texts.
        let bytes = 2 * bytes as u64;
        commit.weight = Some(self.ages.scale.weigh(bytes));
        commit.unwritten = Some(self.unwritten.weigh(bytes));
        self.commits.push_back(commit);
        self.signals.commit.notify_one();
    }

    /// The next instance that needs a guest thread.
    fn next_job(&mut self) -> Option<Job> {
        while let Some(id) = self.run_queue.pop_front() {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            slot.queued = false;
            match std::mem::replace(&mut slot.place, Place::Busy) {
                Place::Resident(resident) => {
                    slot.wake = false;
                    let deliveries = slot.take(MAX_MESSAGES_PER_TURN);
                    slot.note_job(&resident, &deliveries);
                    let park = slot.park.take();
                    self.end_ahead(&id);
                    return Some(Job { era: self.era, resident, deliveries, park, id });
                }
                other => slot.place = other,
            }
        }
        None
    }

    /// Sets an instance's alarm.
    pub(crate) fn set_alarm(&mut self, id: &InstanceId, at: Option<Timestamp>, now: Timestamp) {
        if self.alarms.set(id, at, now) {
            self.signals.alarm_changed.notify_one();
        }
    }

    /// Puts an instance that is at rest back into memory, and lets it have another turn if it needs one.
    pub(crate) fn rest(&mut self, id: &InstanceId, mut resident: Resident, now: Timestamp) {
        self.leave_lane(id);
        self.set_alarm(id, resident.wake_at(), now);
        let needs_turn = resident.needs_turn(now);
        let (counts, bytes) = (resident.counts(), resident.held_bytes());
        let slot = self.slot(id);
        slot.weigh_state(bytes);
        slot.place = Place::Resident(resident);
        if self.grant_hold(id) {
            return;
        }
        let slot = self.slot(id);
        let is_ahead = slot.is_ahead;
        let again = needs_turn || slot.wake || slot.park.is_some() || !slot.mailbox.is_empty();
        self.count(id, if is_ahead { Counted::Not } else { counts });
        if again {
            self.schedule(id);
        } else {
            self.settle(id);
        }
    }

    /// The instance leaves memory and is read again if anything waits for it.
    pub(crate) fn reload(&mut self, id: &InstanceId) {
        self.leave_lane(id);
        let slot = self.slot(id);
        slot.place = Place::Cold;
        slot.weigh_state(0);
        self.count(id, Counted::Not);
        self.schedule(id);
    }

    pub(crate) fn slot(&mut self, id: &InstanceId) -> &mut Slot {
        // Looked up twice rather than cloning the id for every message.
        if !self.slots.contains_key(id) {
            self.slots.insert(id.clone(), Slot::new(Place::Cold, &self.ages.scale));
        }
        self.slots.get_mut(id).expect("a slot that is missing was just put there")
    }

    /// Tells when the instance has ended and that is on stable storage, or when it is time to look again.
    pub(crate) fn watch(&mut self, id: &InstanceId) -> oneshot::Receiver<()> {
        let (watcher, ended) = oneshot::channel();
        let watchers = self.watchers.entry(id.clone()).or_default();
        watchers.retain(|watcher| !watcher.is_closed());
        watchers.push(watcher);
        ended
    }

    /// Gives up all memory: after a failed commit nothing in it can be trusted.
    pub(crate) fn give_up(&mut self) -> GivenUp {
        self.era += 1;
        self.run_queue.clear();
        self.held_back.clear();
        self.lane = Lane::default();
        self.alarms = Alarms::default();
        self.ages.clear();
        self.ahead = Ahead::default();
        // An end that was written though its commit failed has nobody left to tell of it.
        self.watchers.clear();
        let slots = std::mem::take(&mut self.slots);
        let is_busy = |slot: &Slot| matches!(slot.place, Place::Busy);
        let busy = slots.iter().filter(|(_, slot)| is_busy(slot)).map(|(id, _)| id.clone()).collect();
        let mailboxes = slots.into_iter().flat_map(|(id, slot)| slot.mailbox.into_iter().map(move |delivery| (id.clone(), delivery)));
        let mut deliveries: Vec<_> = mailboxes.collect();
        // A map has no order, and a simulation must repeat itself.
        deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
        GivenUp { deliveries, busy, commits: std::mem::take(&mut self.commits) }
    }
}

#[cfg(test)]
mod tests;
