//! Ended tasks that the guest has not been told of.

use std::collections::HashMap;

use super::events::Event;
use crate::model::{Completion, TaskId, TaskResult};

/// Room that is kept from turn to turn. Most turns have one completion; the room that a fan-out
/// needed takes long to clear.
const KEPT_ROOM: usize = 64;

/// Completions in the order in which the tasks ended. Withdrawing one is cheap: a fan-out may
/// cancel ten thousand in one turn.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// `None` where a completion was withdrawn.
    completions: Vec<Option<Completion>>,
    /// Where each task's completion stands.
    places: HashMap<TaskId, usize>,
    /// Events handed out to waits among the completions.
    events: HashMap<TaskId, Event>,
}

impl Ready {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Completion> {
        self.completions.iter().flatten()
    }

    pub(super) fn push(&mut self, task: TaskId, outcome: TaskResult) {
        self.places.insert(task, self.completions.len());
        self.completions.push(Some(Completion { task, outcome }));
    }

    pub(super) fn push_event(&mut self, task: TaskId, event: Event) {
        self.push(task, TaskResult::Completed(event.data.clone()));
        self.events.insert(task, event);
    }

    /// The completion of a task, if it is here.
    pub(super) fn get(&self, task: TaskId) -> Option<&Completion> {
        self.completions.get(*self.places.get(&task)?)?.as_ref()
    }

    /// Takes out a completion that is no longer wanted. Returns the event that it would have handed
    /// over.
    pub(super) fn withdraw(&mut self, task: TaskId) -> Option<Event> {
        let place = self.places.remove(&task)?;
        if let Some(completion) = self.completions.get_mut(place) {
            *completion = None;
        }
        self.events.remove(&task)
    }

    /// Takes out everything for the guest, and the events among it.
    pub(super) fn take(&mut self) -> (Vec<Completion>, HashMap<TaskId, Event>) {
        if self.places.capacity() > KEPT_ROOM {
            self.places = HashMap::new();
        } else {
            self.places.clear();
        }
        let completions = std::mem::take(&mut self.completions);
        (completions.into_iter().flatten().collect(), std::mem::take(&mut self.events))
    }
}
