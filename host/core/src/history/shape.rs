//! One JSON object for each type of event: its members in PascalCase, absent values as null.

use serde_json::{Value, json};

use super::list::{HistoryEvent, Kind, Open};
use crate::message::Start;
use crate::model::{EntityId, Failure, Payload, RuntimeStatus, Timestamp};
use crate::orchestration::Orchestration;

pub(super) fn execution_started(start: &Start, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("ExecutionStarted", at)
        .with("FunctionName", &*start.name)
        .input(&start.input)
        .with("Correlation", Value::Null)
        .with("ParentTraceContext", Value::Null)
        .with("ScheduledStartTime", start.at.map(Timestamp::to_iso_millis))
        .with("Generation", 0)
}

pub(super) fn execution_completed(
    status: RuntimeStatus,
    result: Option<&Payload>,
    failure: Option<&Failure>,
    at: Timestamp,
) -> HistoryEvent {
    let event = HistoryEvent::new("ExecutionCompleted", at)
        .with("OrchestrationStatus", status.as_str())
        .with("FailureDetails", failure.map(failure_details));
    event.result(result.unwrap_or(&Payload::null()))
}

pub(super) fn execution_terminated(reason: Option<&str>, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("ExecutionTerminated", at).with("Input", reason)
}

pub(super) fn execution_suspended(reason: Option<&str>, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("ExecutionSuspended", at).with("Reason", reason)
}

pub(super) fn execution_resumed(reason: Option<&str>, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("ExecutionResumed", at).with("Reason", reason)
}

/// `state` as it is after the rewind.
pub(super) fn execution_rewound(reason: Option<&str>, state: &Orchestration, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("ExecutionRewound", at)
        .with("Reason", reason)
        .with("ParentExecutionId", state.parent_execution_id())
        .with("InstanceId", state.id().as_str())
        .with("ParentTraceContext", Value::Null)
}

pub(super) fn task_scheduled(name: &str, input: &Payload, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("TaskScheduled", at).with("Name", name).input(input).with("ParentTraceContext", Value::Null).with("Tags", Value::Null)
}

pub(super) fn child_created(name: &str, instance: &str, input: &Payload, tags: Value, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("SubOrchestrationInstanceCreated", at)
        .with("Name", name)
        .with("InstanceId", instance)
        .input(input)
        .with("ClientSpanId", Value::Null)
        .with("Tags", tags)
}

/// The call of an activity or a child ended with a value.
pub(super) fn call_completed(open: &Open, result: &Payload, at: Timestamp) -> HistoryEvent {
    call_ended(open, "TaskCompleted", "SubOrchestrationInstanceCompleted", at).result(result)
}

/// The call of an activity or a child, or one attempt of it, failed. `reason` is what the code sees.
pub(super) fn call_failed(open: &Open, reason: &str, failure: &Failure, at: Timestamp) -> HistoryEvent {
    call_ended(open, "TaskFailed", "SubOrchestrationInstanceFailed", at)
        .with("Reason", reason)
        .with("Details", failure.details.clone())
        .with("FailureDetails", failure_details(failure))
}

fn call_ended(open: &Open, of_activity: &str, of_child: &str, at: Timestamp) -> HistoryEvent {
    let event_type = if open.kind == Kind::Activity { of_activity } else { of_child };
    HistoryEvent::new(event_type, at)
        .with("FunctionName", &*open.name)
        .with("ScheduledTime", open.scheduled_at.to_iso_millis())
        .input(&open.input)
}

pub(super) fn timer_created(fire_at: Timestamp, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("TimerCreated", at).with("FireAt", fire_at.to_iso_millis())
}

pub(super) fn timer_fired(fire_at: Timestamp, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("TimerFired", at).with("FireAt", fire_at.to_iso_millis())
}

pub(super) fn event_raised(name: &str, data: &Payload, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("EventRaised", at).with("Name", name).input(data).with("ParentTraceContext", Value::Null)
}

pub(super) fn event_sent(instance: &str, name: &str, input: &str, at: Timestamp) -> HistoryEvent {
    HistoryEvent::new("EventSent", at).with("InstanceId", instance).with("Name", name).with("Input", input)
}

/// The text of a request to an entity. `id` is absent for a signal.
pub(super) fn operation_request(id: Option<&str>, operation: &str, input: &Payload, due: Option<Timestamp>) -> String {
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
pub(super) fn lock_request(id: &str, set: &[EntityId]) -> String {
    let set: Vec<Value> = set.iter().map(|entity| json!({ "name": &*entity.name, "key": &*entity.key })).collect();
    json!({ "id": id, "lockset": set, "pos": 0 }).to_string()
}

/// The text of the message that gives a critical section back.
pub(super) fn release_request(id: &str) -> String {
    json!({ "id": id }).to_string()
}

/// The answer of an entity, as the payload of the event that it arrives as.
pub(super) fn entity_response(result: Result<&str, &Failure>) -> Payload {
    let response = match result {
        Ok(value) => json!({ "result": value }),
        Err(failure) => json!({ "result": failure.message, "exceptionType": failure.error_type }),
    };
    Payload::of(&response).unwrap_or_else(|_| Payload::null())
}

fn failure_details(failure: &Failure) -> Value {
    // The causes are known by their messages only.
    let inner = failure.inner.iter().rev().fold(Value::Null, |inner, message| {
        json!({
            "ErrorType": "",
            "ErrorMessage": message,
            "StackTrace": null,
            "InnerFailure": inner,
            "IsNonRetriable": false,
            "Properties": null,
        })
    });
    json!({
        "ErrorType": failure.error_type,
        "ErrorMessage": failure.message,
        "StackTrace": failure.details,
        "InnerFailure": inner,
        "IsNonRetriable": failure.non_retriable,
        "Properties": null,
    })
}
