//! About how many bytes of the log a fact takes, without encoding it.

use crate::message::{Message, Operation, Section, Start};
use crate::model::{Command, EntityId, Failure, OrchestrationCall, RetryPolicy, Tags, TaskResult};

/// Names of members, ids and numbers of one message or command.
const FRAME_BYTES: usize = 100;

/// What a message adds to a history.
pub(crate) fn message_bytes(message: &Message) -> u64 {
    let texts = match message {
        Message::Start(start) => start_texts(start),
        Message::Event { name, data } => name.len() + data.len_bytes(),
        Message::ActivityDone { result, .. } | Message::ChildDone { result, .. } | Message::EntityReply { result, .. } => {
            result_texts(result)
        }
        Message::Terminate { reason, .. } | Message::Suspend { reason } => optional(reason.as_deref()),
        Message::Resume { reason } | Message::Rewind { reason, .. } => optional(reason.as_deref()),
        Message::Operation(Operation { name, input, .. }) => name.len() + input.len_bytes(),
        Message::Lock(section) | Message::Release(section) => section_texts(section),
        Message::LockGranted { .. } | Message::TimerFired { .. } | Message::RetryDue { .. } => 0,
    };
    (FRAME_BYTES + texts) as u64
}

/// What the beginning of an execution adds to its history.
pub(crate) fn start_bytes(start: &Start) -> u64 {
    (FRAME_BYTES + start_texts(start)) as u64
}

/// What a command adds to a history.
pub(crate) fn command_bytes(command: &Command) -> u64 {
    let texts = match command {
        Command::CallActivity(call) => call.name.len() + call.input.len_bytes() + retry_texts(call.retry.as_ref()),
        Command::CallOrchestration(call) | Command::StartOrchestration(call) => call_texts(call),
        Command::WaitForEvent(name) => name.len(),
        Command::CallEntity(call) => entity_texts(&call.entity) + call.operation.len() + call.input.len_bytes(),
        Command::SignalEntity(signal) => entity_texts(&signal.entity) + signal.operation.len() + signal.input.len_bytes(),
        Command::LockEntities(set) => set.iter().map(entity_texts).sum(),
        Command::RaiseEvent(event) => event.instance_id.as_str().len() + event.name.len() + event.data.len_bytes(),
        Command::CreateTimer(_) | Command::Cancel(_) | Command::UnlockEntities(_) => 0,
    };
    (FRAME_BYTES + texts) as u64
}

fn start_texts(Start { name, input, version, tags, .. }: &Start) -> usize {
    name.len() + input.len_bytes() + optional(version.as_deref()) + tag_texts(tags)
}

fn call_texts(call: &OrchestrationCall) -> usize {
    let OrchestrationCall { name, input, instance_id, version, retry, tags, at: _ } = call;
    let names = name.len() + optional(instance_id.as_deref()) + optional(version.as_deref());
    names + input.len_bytes() + tag_texts(tags) + retry_texts(retry.as_ref())
}

fn retry_texts(policy: Option<&RetryPolicy>) -> usize {
    policy.map_or(0, |policy| FRAME_BYTES + policy.give_up_on.iter().map(String::len).sum::<usize>())
}

fn tag_texts(tags: &Tags) -> usize {
    tags.iter().map(|(key, value)| key.len() + value.len()).sum()
}

fn result_texts(result: &TaskResult) -> usize {
    match result {
        TaskResult::Completed(value) => value.len_bytes(),
        TaskResult::Failed(Failure { error_type, message, details, non_retriable: _, inner }) => {
            error_type.len() + message.len() + optional(details.as_deref()) + inner.iter().map(String::len).sum::<usize>()
        }
    }
}

/// Beside the texts an entity has the names of two members.
fn entity_texts(entity: &EntityId) -> usize {
    entity.name.len() + entity.key.len() + 20
}

fn section_texts(section: &Section) -> usize {
    section.set.iter().map(entity_texts).sum()
}

fn optional(text: Option<&str>) -> usize {
    text.map_or(0, str::len)
}
