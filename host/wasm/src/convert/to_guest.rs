//! What a guest is given.

use longhaul_core::entity::GuestOperation;
use longhaul_core::{Completion, EntityId, Failure, Payload, StartContext, TaskResult};

use crate::bindings::entity::exports::longhaul::durable::entity::Operation;
use crate::bindings::orchestrator::exports::longhaul::durable::orchestrator as wit;
use crate::bindings::types;

pub(crate) fn start_context(context: StartContext) -> wit::Context {
    wit::Context {
        instance_id: context.instance_id.as_str().to_owned(),
        execution_id: context.execution_id.as_str().to_owned(),
        name: context.name.as_ref().to_owned(),
        version: context.version,
        tags: context.tags.into_iter().collect(),
        parent_instance_id: context.parent_instance_id.map(|id| id.as_str().to_owned()),
        input: text(&context.input),
        now: context.now.0,
        replaying: context.replaying,
    }
}

pub(crate) fn completion(completion: Completion) -> wit::Completion {
    let outcome = match completion.outcome {
        TaskResult::Completed(value) => types::TaskResult::Completed(text(&value)),
        TaskResult::Failed(reason) => types::TaskResult::Failed(failure(reason)),
    };
    wit::Completion { task: completion.task.0, outcome }
}

pub(crate) fn operation(operation: GuestOperation) -> Operation {
    Operation { name: operation.name, input: text(&operation.input) }
}

pub(crate) fn entity_id_out(id: &EntityId) -> types::EntityId {
    types::EntityId { name: id.name.as_ref().to_owned(), key: id.key.as_ref().to_owned() }
}

fn failure(failure: Failure) -> types::Failure {
    let Failure { error_type, message, details, non_retriable, inner } = failure;
    types::Failure { error_type, message, details, non_retriable, inner }
}

fn text(payload: &Payload) -> String {
    payload.as_str().to_owned()
}
