//! Exports entities.

use std::marker::PhantomData;

use super::entity::exports::longhaul::durable::entity as wit;
use super::types;
use crate::entity::{BatchResult, Operation, OperationResult};
use crate::export::{EntitySet, find};
use crate::{EntityId, Failure, Timestamp};

/// A component of these entities.
pub struct EntityComponent<S>(PhantomData<S>);

impl<S: EntitySet> wit::Guest for EntityComponent<S> {
    fn run(id: types::EntityId, state: Option<String>, now: u64, operations: Vec<wit::Operation>) -> wit::BatchResult {
        super::log_panics();
        let id = EntityId::from(id);
        let batch = match find("entity", S::ALL, &id.name) {
            Ok(run) => {
                let operations = operations.into_iter().map(|wit::Operation { name, input }| Operation { name, input }).collect();
                run(&id, state, Timestamp::from_millis(now), operations)
            }
            Err(failure) => BatchResult { state, results: operations.iter().map(|_| failed(failure.clone())).collect() },
        };
        wit::BatchResult { state: batch.state, results: batch.results.into_iter().map(Into::into).collect() }
    }
}

fn failed(failure: Failure) -> OperationResult {
    OperationResult { outcome: Err(failure), signals: Vec::new(), starts: Vec::new() }
}

impl From<OperationResult> for wit::OperationResult {
    fn from(result: OperationResult) -> Self {
        Self {
            outcome: result.outcome.map_err(Into::into),
            signals: result.signals.into_iter().map(Into::into).collect(),
            starts: result.starts.into_iter().map(Into::into).collect(),
        }
    }
}
