//! Why the engine did not do what was asked.

use longhaul_core::limits::BeyondLimit;
use longhaul_core::{InstanceId, RuntimeStatus};
use longhaul_store::Error as StoreError;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The guest threads cannot be started.
    #[error(transparent)]
    Threads(std::io::Error),
}

/// Why the engine did not do what was asked. Nothing happened in any of these cases.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// No such instance.
    #[error("there is no instance '{0}'")]
    NotFound(InstanceId),
    /// The instance has ended.
    #[error("instance '{0}' has ended with status {status}", status = .1.as_str())]
    Gone(InstanceId, RuntimeStatus),
    /// An instance of that id exists and has not ended.
    #[error("instance '{0}' exists and has not ended: its status is {status}", status = .1.as_str())]
    Conflict(InstanceId, RuntimeStatus),
    /// Only a failed instance can be rewound.
    #[error("instance '{0}' has status {status}; only failed instances can be rewound", status = .1.as_str())]
    NotFailed(InstanceId, RuntimeStatus),
    /// The instance is not in a state that allows this.
    #[error("{0}")]
    WrongState(String),
    /// Leave to do it ended before it was done, for instance because the key was revoked.
    #[error("leave to do this has ended")]
    Denied,
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A payload of the request is longer than one may be.
    #[error("{0}")]
    TooLarge(String),
    /// What was sent would have to wait, and as much waits already as may.
    #[error("{0}")]
    NoRoom(String),
    /// No orchestrator has the name; the text says which there are.
    #[error("{0}")]
    UnknownOrchestrator(String),
    /// The idempotency key is not one.
    #[error("{0}")]
    KeyMalformed(String),
    /// The idempotency key stands for another request.
    #[error("{0}")]
    KeyReused(String),
    /// The store cannot take it now; try again later.
    #[error("the host cannot take this now: {0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("the disk is full: {0}")]
    Full(String),
}

impl EngineError {
    /// There is no room for what came from outside.
    pub(crate) fn no_room(beyond: BeyondLimit) -> Self {
        Self::NoRoom(beyond.to_string())
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(text) => Self::Full(text),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<BeyondLimit> for EngineError {
    fn from(beyond: BeyondLimit) -> Self {
        match beyond.error_type {
            "PayloadTooLarge" => Self::TooLarge(beyond.text),
            _ => Self::Invalid(beyond.text),
        }
    }
}
