//! The list of events and the tasks that are open in it.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::HistoryOptions;
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
}

pub(super) struct List {
    options: HistoryOptions,
    /// `None` where a scheduled task was folded into its completion.
    events: Vec<Option<HistoryEvent>>,
    open: HashMap<TaskId, Open>,
}

/// One event, as a JSON object in the words of the wire contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryEvent {
    #[serde(flatten)]
    members: Map<String, Value>,
    /// To the letter as it is stored, since reading its numbers would round some of them.
    #[serde(rename = "Result", skip_serializing_if = "Option::is_none")]
    result: Option<Payload>,
}

impl HistoryEvent {
    pub(super) fn new(event_type: &str, at: Timestamp) -> Self {
        let mut members = Map::new();
        members.insert("EventType".into(), event_type.into());
        members.insert("Timestamp".into(), at.to_iso_millis().into());
        Self { members, result: None }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// An input stands as its JSON text.
    pub(super) fn input(self, input: &Payload) -> Self {
        self.with("Input", input.as_str())
    }

    /// A result stands as the value itself, as far as every reader of JSON reads it.
    pub(super) fn result(self, result: &Payload) -> Self {
        Self { result: Some(result.shown()), ..self }
    }
}

impl List {
    pub(super) fn new(options: HistoryOptions) -> Self {
        Self { options, events: Vec::new(), open: HashMap::new() }
    }

    /// A new execution begins its history afresh.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.open.clear();
    }

    pub(super) fn push(&mut self, mut event: HistoryEvent) {
        if !self.options.show_input {
            event.members.remove("Input");
        }
        if !self.options.show_output {
            event.result = None;
        }
        self.events.push(Some(event));
    }

    /// A task begins. The event of a call leaves the list once the call ends.
    pub(super) fn open(&mut self, task: TaskId, open: Open, event: HistoryEvent) {
        let place = open.folds().then_some(self.events.len());
        self.push(event);
        self.open.insert(task, Open { place, ..open });
    }

    /// An attempt of a call failed: its event has left the list, the task stays open.
    pub(super) fn back_off(&mut self, task: TaskId, open: Open, event: HistoryEvent) {
        self.push(event);
        self.open.insert(task, Open { place: None, ..open });
    }

    /// A task ended.
    pub(super) fn close(&mut self, task: TaskId) -> Option<Open> {
        let open = self.open.remove(&task)?;
        if let Some(event) = open.place.and_then(|place| self.events.get_mut(place)) {
            *event = None;
        }
        Some(open)
    }

    pub(super) fn into_events(self) -> Vec<HistoryEvent> {
        self.events.into_iter().flatten().collect()
    }
}
