//! The list of events and the tasks that are open in it.

use std::collections::HashMap;

use super::event::{CallKind, EndedCall, HistoryEntry, HistoryEvent};
use crate::model::{Payload, TaskId, Timestamp};

/// A task that stands in the list and has not ended.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) name: String,
    pub(super) input: Payload,
    pub(super) scheduled_at: Timestamp,
    /// Where its event stands, if its end takes that out of the list.
    pub(super) place: Option<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Activity,
    /// The id of the child.
    Child(String),
    Timer(Timestamp),
    /// A call to an entity or a lock: the id that its request bears.
    Request(String),
}

impl Open {
    pub(super) fn begun(kind: Kind, name: &str, input: Payload, now: Timestamp) -> Self {
        Self { name: name.to_owned(), input, scheduled_at: now, place: None, kind }
    }

    fn folds(&self) -> bool {
        match self.kind {
            Kind::Activity | Kind::Child(_) => true,
            Kind::Timer(_) | Kind::Request(_) => false,
        }
    }

    /// The call of an activity or a child, as its end shows it.
    pub(super) fn ended(&self) -> EndedCall {
        let kind = if self.kind == Kind::Activity { CallKind::Activity } else { CallKind::Child };
        EndedCall { kind, name: self.name.clone(), input: self.input.clone(), scheduled_at: self.scheduled_at }
    }
}

#[derive(Default)]
pub(super) struct List {
    /// `None` where a scheduled task was folded into its completion.
    entries: Vec<Option<HistoryEntry>>,
    open: HashMap<TaskId, Open>,
}

impl List {
    /// A new execution begins its history afresh.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.open.clear();
    }

    pub(super) fn push(&mut self, at: Timestamp, event: HistoryEvent) {
        self.entries.push(Some(HistoryEntry { at, event }));
    }

    /// A task begins. The event of a call leaves the list once the call ends.
    pub(super) fn open(&mut self, task: TaskId, open: Open, at: Timestamp, event: HistoryEvent) {
        let place = open.folds().then_some(self.entries.len());
        self.push(at, event);
        self.open.insert(task, Open { place, ..open });
    }

    /// An attempt of a call failed and its event has left the list. The task stays open until the
    /// next attempt.
    pub(super) fn back_off(&mut self, task: TaskId, open: Open, at: Timestamp, due: Timestamp) {
        self.push(at, HistoryEvent::TimerSet { due });
        self.open.insert(task, Open { place: None, ..open });
    }

    /// A task ended.
    pub(super) fn close(&mut self, task: TaskId) -> Option<Open> {
        let open = self.open.remove(&task)?;
        if let Some(entry) = open.place.and_then(|place| self.entries.get_mut(place)) {
            *entry = None;
        }
        Some(open)
    }

    pub(super) fn into_entries(self) -> Vec<HistoryEntry> {
        self.entries.into_iter().flatten().collect()
    }
}
