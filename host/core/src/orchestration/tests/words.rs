//! Messages and commands in few words.

use std::sync::Arc;

use crate::message::{Message, Start, TaskRef};
use crate::model::{
    ActivityCall, Command, Continuation, DeploymentId, EntityCall, EntityId, EventTo, ExecutionId, Failure, GuestOutcome, GuestTurn,
    InstanceId, OnReturn, OrchestrationCall, Payload, RetryPolicy, Tags, TaskId, TaskResult, Timestamp,
};

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp(millis)
}

pub(crate) fn json(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

pub(crate) fn new_start(execution: &str) -> Start {
    Start {
        name: "Order".into(),
        input: json("{\"items\":2}"),
        execution: ExecutionId::trusted(execution),
        deployment: DeploymentId(1),
        created_at: at(900),
        born_at: None,
        version: None,
        parent: None,
        at: None,
        tags: Tags::new(),
        on_return: OnReturn::default(),
        nesting: 0,
    }
}

pub(crate) fn start(execution: &str) -> Message {
    Message::Start(Box::new(new_start(execution)))
}

pub(crate) fn parent() -> TaskRef {
    TaskRef { instance: InstanceId::trusted("parent"), execution: ExecutionId::trusted("p1"), task: TaskId(4) }
}

pub(crate) fn started_by_parent(execution: &str) -> Message {
    Message::Start(Box::new(Start { parent: Some(parent()), ..new_start(execution) }))
}

pub(crate) fn event(name: &str, data: &str) -> Message {
    Message::Event { name: name.into(), data: json(data) }
}

pub(crate) fn done(task: u32, value: &str) -> Message {
    attempt_done(task, 1, TaskResult::Completed(json(value)))
}

pub(crate) fn attempt_done(task: u32, attempt: u32, result: TaskResult) -> Message {
    Message::ActivityDone { execution: ExecutionId::trusted("first"), task: TaskId(task), attempt, result }
}

pub(crate) fn child_done(task: u32, result: TaskResult) -> Message {
    Message::ChildDone { execution: ExecutionId::trusted("first"), task: TaskId(task), result }
}

pub(crate) fn entity_reply(task: u32, result: TaskResult) -> Message {
    Message::EntityReply { execution: ExecutionId::trusted("first"), task: TaskId(task), result }
}

pub(crate) fn granted(task: u32) -> Message {
    Message::LockGranted { execution: ExecutionId::trusted("first"), task: TaskId(task) }
}

pub(crate) fn failed(message: &str) -> TaskResult {
    TaskResult::Failed(Failure::new("Http", message))
}

pub(crate) fn terminate(recursive: bool) -> Message {
    Message::Terminate { reason: Some("enough".into()), recursive, parent: None }
}

pub(crate) fn rewind() -> Message {
    Message::Rewind { reason: Some("fixed".into()), caller: None, deployment: None }
}

pub(crate) fn suspend() -> Message {
    Message::Suspend { reason: None }
}

pub(crate) fn resume() -> Message {
    Message::Resume { reason: None }
}

pub(crate) fn asks(commands: impl IntoIterator<Item = Command>) -> GuestTurn {
    GuestTurn { commands: commands.into_iter().collect(), ..GuestTurn::default() }
}

pub(crate) fn returns(value: &str) -> GuestTurn {
    GuestTurn { outcome: Some(GuestOutcome::Completed(json(value))), ..GuestTurn::default() }
}

pub(crate) fn fails(message: &str) -> GuestTurn {
    GuestTurn { outcome: Some(GuestOutcome::Failed(Failure::new("Http", message))), ..GuestTurn::default() }
}

pub(crate) fn continues(keep_events: bool) -> GuestTurn {
    let continuation = Continuation { input: json("\"next\""), keep_events, version: None };
    GuestTurn { outcome: Some(GuestOutcome::ContinuedAsNew(continuation)), ..GuestTurn::default() }
}

pub(crate) fn call(name: &str) -> Command {
    Command::CallActivity(activity(name, None))
}

pub(crate) fn call_with_retry(name: &str, policy: RetryPolicy) -> Command {
    Command::CallActivity(activity(name, Some(policy)))
}

fn activity(name: &str, retry: Option<RetryPolicy>) -> ActivityCall {
    ActivityCall { name: Arc::from(name), input: json("1"), retry, timeout_ms: None }
}

pub(crate) fn policy(max_attempts: u32) -> RetryPolicy {
    RetryPolicy {
        max_attempts,
        first_interval_ms: 100,
        backoff_coefficient: 2.0,
        max_interval_ms: None,
        retry_timeout_ms: None,
        jitter: 0.0,
        give_up_on: Vec::new(),
    }
}

pub(crate) fn child_call(id: Option<&str>) -> OrchestrationCall {
    OrchestrationCall {
        name: "Ship".into(),
        input: json("2"),
        instance_id: id.map(str::to_owned),
        version: None,
        retry: None,
        tags: Tags::new(),
        at: None,
    }
}

pub(crate) fn child(id: Option<&str>) -> Command {
    Command::CallOrchestration(child_call(id))
}

pub(crate) fn timer(millis: u64) -> Command {
    Command::CreateTimer(at(millis))
}

pub(crate) fn wait(name: &str) -> Command {
    Command::WaitForEvent(name.into())
}

pub(crate) fn cancel(task: u32) -> Command {
    Command::Cancel(TaskId(task))
}

pub(crate) fn entity(key: &str) -> EntityId {
    EntityId::new("Stock", key).unwrap()
}

pub(crate) fn call_entity(key: &str) -> Command {
    Command::CallEntity(EntityCall { entity: entity(key), operation: "Take".into(), input: json("3") })
}

pub(crate) fn lock(keys: &[&str]) -> Command {
    Command::LockEntities(keys.iter().map(|key| entity(key)).collect())
}

pub(crate) fn unlock(task: u32) -> Command {
    Command::UnlockEntities(TaskId(task))
}

pub(crate) fn raise(to: &str, name: &str) -> Command {
    Command::RaiseEvent(EventTo { instance_id: InstanceId::trusted(to), name: name.into(), data: json("true") })
}
