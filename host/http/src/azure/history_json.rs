//! Histories as the contract shows them: one JSON object for each event, its members in PascalCase,
//! absent values as null.

use longhaul_core::history::{CallKind, End, EndedCall, HistoryEntry, HistoryEvent};
use longhaul_core::{EntityId, Failure, InstanceId, Payload, RuntimeStatus, TaskResult, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::status_names;

/// What a client wants to see of an instance's history. By default neither inputs nor results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryOptions {
    /// False leaves out every member `Input`.
    pub show_input: bool,
    /// False leaves out every member `Result`.
    pub show_output: bool,
}

/// One event of a history, as a JSON object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventJson {
    #[serde(flatten)]
    members: Map<String, Value>,
    /// To the letter as it is stored, since reading its numbers would round some of them.
    #[serde(rename = "Result", skip_serializing_if = "Option::is_none")]
    result: Option<Payload>,
}

/// A history as a client wants to see it.
pub fn history_json(entries: Vec<HistoryEntry>, options: HistoryOptions) -> Vec<EventJson> {
    entries.into_iter().map(|entry| event_json(entry).showing(options)).collect()
}

impl EventJson {
    fn new(event_type: &str, at: Timestamp) -> Self {
        let mut members = Map::new();
        members.insert("EventType".into(), event_type.into());
        members.insert("Timestamp".into(), at.to_iso_millis().into());
        Self { members, result: None }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.into(), value.into());
        self
    }

    /// An input stands as its JSON text.
    fn input(self, input: &Payload) -> Self {
        self.with("Input", input.as_str())
    }

    /// A result stands as the value itself, as far as every reader of JSON reads it.
    fn result(self, result: &Payload) -> Self {
        Self { result: Some(result.shown()), ..self }
    }

    fn showing(mut self, options: HistoryOptions) -> Self {
        if !options.show_input {
            self.members.remove("Input");
        }
        if !options.show_output {
            self.result = None;
        }
        self
    }
}

fn event_json(HistoryEntry { at, event }: HistoryEntry) -> EventJson {
    let new = |event_type| EventJson::new(event_type, at);
    match event {
        HistoryEvent::Started { name, input, not_before } => new("ExecutionStarted")
            .with("FunctionName", name)
            .input(&input)
            .with("Correlation", Value::Null)
            .with("ParentTraceContext", Value::Null)
            .with("ScheduledStartTime", not_before.map(Timestamp::to_iso_millis))
            .with("Generation", 0),
        HistoryEvent::Suspended { reason } => new("ExecutionSuspended").with("Reason", reason),
        HistoryEvent::Resumed { reason } => new("ExecutionResumed").with("Reason", reason),
        HistoryEvent::Rewound { reason, instance, parent_execution } => new("ExecutionRewound")
            .with("Reason", reason)
            .with("ParentExecutionId", parent_execution)
            .with("InstanceId", instance.as_str())
            .with("ParentTraceContext", Value::Null),
        HistoryEvent::Terminated { reason } => new("ExecutionTerminated").with("Input", reason),
        HistoryEvent::Ended(end) => ended(end, at),
        HistoryEvent::ActivityScheduled { name, input } => {
            new("TaskScheduled").with("Name", name).input(&input).with("ParentTraceContext", Value::Null).with("Tags", Value::Null)
        }
        HistoryEvent::ChildStarted { name, instance, input, is_awaited } => new("SubOrchestrationInstanceCreated")
            .with("Name", name)
            .with("InstanceId", instance)
            .input(&input)
            .with("ClientSpanId", Value::Null)
            .with("Tags", if is_awaited { Value::Null } else { json!({ "FireAndForget": "" }) }),
        HistoryEvent::CallCompleted { call, result } => {
            call_ended(call, "TaskCompleted", "SubOrchestrationInstanceCompleted", at).result(&result)
        }
        HistoryEvent::CallFailed { call, told, failure } => call_ended(call, "TaskFailed", "SubOrchestrationInstanceFailed", at)
            .with("Reason", told)
            .with("Details", failure.details.clone())
            .with("FailureDetails", failure_details(&failure)),
        HistoryEvent::TimerSet { due } => new("TimerCreated").with("FireAt", due.to_iso_millis()),
        HistoryEvent::TimerFired { due } => new("TimerFired").with("FireAt", due.to_iso_millis()),
        HistoryEvent::EventReceived { name, data } => raised(&name, data.as_str(), at),
        HistoryEvent::EventSent { instance, name, data } => sent(&instance, &name, data.as_str(), at),
        HistoryEvent::OperationSent { entity, request, operation, input, due } => {
            sent(&entity, "op", &operation_request(request, &operation, &input, due), at)
        }
        HistoryEvent::OperationAnswered { request, result } => raised(&request, &entity_response(&result), at),
        HistoryEvent::LockRequested { entity, request, set } => sent(&entity, "op", &lock_request(&request, &set), at),
        HistoryEvent::LockGranted { request } => raised(&request, &json!({ "result": "Lock Acquisition Completed" }).to_string(), at),
        HistoryEvent::LockReleased { entity, request } => sent(&entity, "release", &json!({ "id": request }).to_string(), at),
    }
}

fn ended(end: End, at: Timestamp) -> EventJson {
    let (status, result, failure) = match end {
        End::Completed(value) => (RuntimeStatus::Completed, value, None),
        End::Failed { output, failure } => (RuntimeStatus::Failed, Payload::string(&output), Some(failure)),
        End::Terminated(reason) => (RuntimeStatus::Terminated, reason.as_deref().map_or_else(Payload::null, Payload::of_text), None),
    };
    EventJson::new("ExecutionCompleted", at)
        .with("OrchestrationStatus", status_names::name(status))
        .with("FailureDetails", failure.as_ref().map(failure_details))
        .result(&result)
}

fn call_ended(call: EndedCall, of_activity: &str, of_child: &str, at: Timestamp) -> EventJson {
    let event_type = match call.kind {
        CallKind::Activity => of_activity,
        CallKind::Child => of_child,
    };
    EventJson::new(event_type, at)
        .with("FunctionName", call.name)
        .with("ScheduledTime", call.scheduled_at.to_iso_millis())
        .input(&call.input)
}

fn raised(name: &str, data: &str, at: Timestamp) -> EventJson {
    EventJson::new("EventRaised", at).with("Name", name).with("Input", data).with("ParentTraceContext", Value::Null)
}

fn sent(instance: &InstanceId, name: &str, input: &str, at: Timestamp) -> EventJson {
    EventJson::new("EventSent", at).with("InstanceId", instance.as_str()).with("Name", name).with("Input", input)
}

/// The text of a request to an entity.
fn operation_request(id: Option<String>, operation: &str, input: &Payload, due: Option<Timestamp>) -> String {
    let mut request = json!({ "op": operation, "signal": id.is_none(), "input": input.as_str() });
    if let Some(id) = id {
        request["id"] = id.into();
    }
    if let Some(due) = due {
        request["due"] = due.to_iso_millis().into();
    }
    request.to_string()
}

/// The text of a request for a critical section.
fn lock_request(id: &str, set: &[EntityId]) -> String {
    let set: Vec<Value> = set.iter().map(|entity| json!({ "name": &*entity.name, "key": &*entity.key })).collect();
    json!({ "id": id, "lockset": set, "pos": 0 }).to_string()
}

/// The answer of an entity, as the text of the event that it arrives as.
fn entity_response(result: &TaskResult) -> String {
    let response = match result {
        TaskResult::Completed(value) => json!({ "result": value.as_str() }),
        TaskResult::Failed(failure) => json!({ "result": failure.message, "exceptionType": failure.error_type }),
    };
    response.to_string()
}

fn failure_details(failure: &Failure) -> Value {
    // The causes are known by their messages only.
    let inner = failure.inner.iter().rev().fold(Value::Null, |inner, message| details("", message, None, inner, false));
    details(&failure.error_type, &failure.message, failure.details.as_deref(), inner, failure.non_retriable)
}

fn details(error_type: &str, message: &str, trace: Option<&str>, inner: Value, is_non_retriable: bool) -> Value {
    json!({
        "ErrorType": error_type,
        "ErrorMessage": message,
        "StackTrace": trace,
        "InnerFailure": inner,
        "IsNonRetriable": is_non_retriable,
        "Properties": null,
    })
}

#[cfg(test)]
mod tests;
