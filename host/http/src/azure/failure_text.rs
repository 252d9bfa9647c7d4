//! Sentences that the contract has for what the engine refuses.

use longhaul_core::{InstanceId, RuntimeStatus};
use longhaul_engine::EngineError;

use super::status_names::name;

/// The text of a refusal.
pub fn of(error: &EngineError) -> String {
    match error {
        EngineError::Conflict(_, status) => conflict(*status),
        EngineError::NotFailed(id, status) => not_failed(id, *status),
        other => other.to_string(),
    }
}

/// An instance of the id that was asked for exists and has not ended.
fn conflict(status: RuntimeStatus) -> String {
    format!("An Orchestration instance with the status {} already exists.", name(status))
}

/// Only a failed instance can be rewound.
fn not_failed(id: &InstanceId, status: RuntimeStatus) -> String {
    format!("Instance '{id}' has status {}; only failed instances can be rewound.", name(status))
}
