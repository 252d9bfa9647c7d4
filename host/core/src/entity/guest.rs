//! What an entity's guest is given and what it returns: the WIT's words as Rust types.

use crate::model::{EntitySignal, Failure, OrchestrationCall, Payload};

/// One operation of a batch, as the guest sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestOperation {
    /// The operation's name.
    pub name: String,
    /// Its input.
    pub input: Payload,
}

/// How one operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestOperationResult {
    /// Its value or failure.
    pub outcome: Result<Payload, Failure>,
    /// Operations that it sends to other entities.
    pub signals: Vec<EntitySignal>,
    /// Orchestrations that it starts.
    pub starts: Vec<OrchestrationCall>,
}

/// What the guest returned for a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuestBatch {
    /// The state after the batch; absent if the entity does not exist.
    pub state: Option<Payload>,
    /// As many as operations were given, in the same order.
    pub results: Vec<GuestOperationResult>,
}
