//! Buffered events and the waits for them.
//!
//! Names match ignoring case. Events of one name are handed out in order of arrival; of several
//! waits the latest is served first, so that a loop may abandon old waits. A name never has both:
//! an event that arrives during a wait is handed out immediately.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::limits::Buffered;
use crate::model::{Payload, TaskId};

/// An event with its place in the order of arrival, so that one that is given back finds its old
/// place.
#[derive(Clone, Debug)]
pub(super) struct Event {
    arrival: u64,
    name: String,
    pub(super) data: Payload,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    /// By folded name, in order of arrival.
    buffered: HashMap<String, VecDeque<Event>>,
    /// By folded name. Tasks are numbered in the order in which they begin, so the latest wait is
    /// the highest.
    waits: HashMap<String, BTreeSet<TaskId>>,
    next_arrival: u64,
    /// What `buffered` holds.
    held: Buffered,
}

fn folded(name: &str) -> String {
    name.to_lowercase()
}

impl Events {
    /// Takes events over from an earlier execution, oldest first.
    pub(super) fn carried(events: Vec<(String, Payload)>) -> Self {
        let mut all = Self::default();
        for (name, data) in events {
            let event = all.numbered(name, data);
            all.put_back(event);
        }
        all
    }

    /// An event arrived: the wait that gets it, or `None` if it was buffered.
    pub(super) fn arrive(&mut self, name: String, data: Payload) -> Option<(TaskId, Event)> {
        let event = self.numbered(name, data);
        self.hand_out(event)
    }

    /// An event goes to the latest wait of its name, or into its place in the buffer if there is no
    /// wait.
    pub(super) fn hand_out(&mut self, event: Event) -> Option<(TaskId, Event)> {
        match self.waits.get_mut(&folded(&event.name)).and_then(BTreeSet::pop_last) {
            Some(task) => Some((task, event)),
            None => {
                self.put_back(event);
                None
            }
        }
    }

    /// A wait begins: the event it gets at once, or `None` if it has to wait.
    pub(super) fn wait(&mut self, name: &str, task: TaskId) -> Option<Event> {
        let key = folded(name);
        if let Some(event) = self.buffered.get_mut(&key).and_then(VecDeque::pop_front) {
            self.held.remove(&event.name, &event.data);
            return Some(event);
        }
        self.waits.entry(key).or_default().insert(task);
        None
    }

    /// A wait ends without an event.
    pub(super) fn withdraw(&mut self, name: &str, task: TaskId) {
        if let Some(waits) = self.waits.get_mut(&folded(name)) {
            waits.remove(&task);
        }
    }

    /// An event that was not consumed goes back to where its arrival puts it, even if there is a
    /// wait for it.
    pub(super) fn put_back(&mut self, event: Event) {
        self.held.add(&event.name, &event.data);
        let events = self.buffered.entry(folded(&event.name)).or_default();
        let place = events.partition_point(|other| other.arrival < event.arrival);
        events.insert(place, event);
    }

    /// Every buffered event, oldest first.
    pub(super) fn drain(&mut self) -> Vec<(String, Payload)> {
        self.held = Buffered::default();
        let events = self.buffered.drain().flat_map(|(_, events)| events);
        let ordered: BTreeMap<u64, (String, Payload)> = events.map(|event| (event.arrival, (event.name, event.data))).collect();
        ordered.into_values().collect()
    }

    /// Whether an event of this name would be handed out at once.
    pub(super) fn is_awaited(&self, name: &str) -> bool {
        self.waits.get(&folded(name)).is_some_and(|waits| !waits.is_empty())
    }

    /// How much is buffered.
    pub(super) fn buffered(&self) -> Buffered {
        self.held
    }

    fn numbered(&mut self, name: String, data: Payload) -> Event {
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        Event { arrival, name, data }
    }
}
