//! Entities: a small state under a key, changed by one operation at a time.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::StartOptions;
use crate::context::request;
use crate::json::NoJson;
use crate::turn::{OrchestrationRequest, Signal};
use crate::{EntityId, Failure, Timestamp, json};

/// An entity's state and operations. The attribute [`macro@crate::entity`] implements it.
///
/// An operation that would leave a state without a JSON form (NaN, an infinity, a map whose keys
/// are not strings), or with one that cannot be read back as the same type, fails with
/// `InvalidState`; the state stays as it was before it.
pub trait Entity: Serialize + DeserializeOwned + Default + 'static {
    /// The name by which entities are addressed, compared ignoring case.
    const NAME: &'static str;

    /// The operations' names, for the failure that an unknown one gets.
    const OPERATIONS: &'static [&'static str];

    /// Runs the operation that the context names. `None`: there is no such operation.
    fn run_operation(&mut self, ctx: &mut EntityContext, input: &str) -> Option<Applied>;
}

/// What came of an operation.
pub struct Applied {
    /// The JSON output.
    pub result: Result<String, Failure>,
    /// False for operations that take `&self`: they leave the state as it is, and do not bring an
    /// entity into being.
    pub may_change: bool,
}

/// One operation of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The operation's name, compared ignoring case.
    pub name: String,
    /// JSON text.
    pub input: String,
}

/// What one operation did.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationResult {
    /// The JSON output.
    pub outcome: Result<String, Failure>,
    /// Signals to send.
    pub signals: Vec<Signal>,
    /// Orchestrations to start.
    pub starts: Vec<OrchestrationRequest>,
}

/// What a batch of operations did.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchResult {
    /// The state as JSON text; absent: the entity does not exist (any more).
    pub state: Option<String>,
    /// One for each operation, in their order.
    pub results: Vec<OperationResult>,
}

/// What an operation may know and do besides changing its state. Take it as `ctx: &mut
/// EntityContext`.
///
/// What it sends leaves when the batch is on stable storage, and only if the operation does not
/// fail. A value that has no JSON form (NaN, an infinity, a map whose keys are not strings) fails
/// the operation with `InvalidValue`, whatever it returns.
pub struct EntityContext {
    id: EntityId,
    operation: String,
    now: Timestamp,
    exists: bool,
    deleted: bool,
    signals: Vec<Signal>,
    starts: Vec<OrchestrationRequest>,
    /// Something that the operation wants to send has no JSON form.
    fault: Option<Failure>,
}

impl EntityContext {
    fn new(id: &EntityId, operation: String, now: Timestamp, exists: bool) -> Self {
        let id = id.clone();
        Self { id, operation, now, exists, deleted: false, signals: Vec::new(), starts: Vec::new(), fault: None }
    }

    /// The entity's own id.
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    /// The entity's own key.
    pub fn key(&self) -> &str {
        &self.id.key
    }

    /// The operation's name as the caller wrote it.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The time of this batch of operations.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// False if the state is the default because the entity did not exist before this operation.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Sends an operation to another entity.
    pub fn signal(&mut self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized)) {
        self.send(entity, operation, input, None);
    }

    /// Sends an operation to another entity, to be delivered at `time` or later.
    pub fn signal_at(&mut self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized), time: Timestamp) {
        self.send(entity, operation, input, Some(time));
    }

    fn send(&mut self, entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized), at: Option<Timestamp>) {
        match json::write(input) {
            Ok(input) => self.signals.push(Signal { entity: entity.clone(), operation: operation.to_owned(), input, at }),
            Err(error) => self.fail(format_args!("the input of signal '{operation}' to entity {entity}"), &error),
        }
    }

    /// Starts an orchestration; `instance_id` absent: the host makes one.
    pub fn start_orchestration(&mut self, name: &str, input: &(impl Serialize + ?Sized), instance_id: Option<&str>) {
        self.start_orchestration_with(name, input, StartOptions { instance_id: instance_id.map(str::to_owned), ..StartOptions::default() });
    }

    /// Starts an orchestration with tags, a version, or at a later time. Wrong tags or ids fail the
    /// operation, which then leaves nothing.
    pub fn start_orchestration_with(&mut self, name: &str, input: &(impl Serialize + ?Sized), options: StartOptions) {
        let StartOptions { instance_id, version, tags, at, .. } = options;
        match json::write(input) {
            Ok(input) => self.starts.push(OrchestrationRequest { instance_id, version, tags, at, ..request(name, input) }),
            Err(error) => self.fail(format_args!("the input of orchestration '{name}'"), &error),
        }
    }

    fn fail(&mut self, what: impl std::fmt::Display, error: &NoJson) {
        self.fault.get_or_insert_with(|| Failure::invalid_value(what, error));
    }

    /// Deletes this entity once the operation has succeeded. A later operation brings it back with
    /// the default state.
    pub fn delete_self(&mut self) {
        self.deleted = true;
    }
}

/// Runs operations one after the other, as the host has them run.
///
/// A failed operation leaves the state as it was before it and sends nothing. `delete` works
/// without a method of that name.
pub fn run_batch<E: Entity>(id: &EntityId, state: Option<String>, now: Timestamp, operations: Vec<Operation>) -> BatchResult {
    let batch = run_operations::<E>(id, state.clone(), now, &operations, ReadBack::Never);
    let written = batch.state.as_deref().filter(|_| batch.state != state);
    if written.is_none_or(|text| json::read::<E>(text).is_ok()) {
        return batch;
    }
    // Every later operation would fail at this state. To read it back after each costs as much as
    // the operations themselves, so it is done only now, to find the one to blame.
    run_operations::<E>(id, state, now, &operations, ReadBack::Always)
}

/// Whether a state is read back once an operation has changed it.
#[derive(Clone, Copy, PartialEq)]
enum ReadBack {
    Never,
    Always,
}

fn run_operations<E: Entity>(
    id: &EntityId,
    state: Option<String>,
    now: Timestamp,
    operations: &[Operation],
    read_back: ReadBack,
) -> BatchResult {
    let mut batch = Batch::<E> { stored: state, live: None, read_back };
    let results = operations
        .iter()
        .map(|operation| {
            let mut ctx = EntityContext::new(id, operation.name.clone(), now, batch.stored.is_some());
            match batch.run(&mut ctx, &operation.input) {
                Ok(output) => OperationResult { outcome: Ok(output), signals: ctx.signals, starts: ctx.starts },
                Err(failure) => OperationResult { outcome: Err(failure), signals: Vec::new(), starts: Vec::new() },
            }
        })
        .collect();
    BatchResult { state: batch.stored, results }
}

struct Batch<E> {
    /// The state after the last operation that stands.
    stored: Option<String>,
    /// The same as a value. Absent: to be read from `stored`.
    live: Option<E>,
    read_back: ReadBack,
}

impl<E: Entity> Batch<E> {
    fn run(&mut self, ctx: &mut EntityContext, input: &str) -> Result<String, Failure> {
        let deleting = ctx.operation.eq_ignore_ascii_case("delete");
        let mut entity = match self.take_live() {
            // A state that cannot be read can still be deleted.
            Err(_) if deleting => return Ok(self.delete()),
            other => other?,
        };
        let Some(applied) = entity.run_operation(ctx, input) else {
            if deleting {
                return Ok(self.delete());
            }
            self.live = Some(entity);
            let text = format!("entity {} has no operation '{}'; it has {}", E::NAME, ctx.operation, E::OPERATIONS.join(", "));
            return Err(Failure::new("UnknownOperation", text).non_retriable());
        };
        let output = applied.result?;
        if let Some(fault) = ctx.fault.take() {
            return Err(fault);
        }
        if ctx.deleted {
            self.delete();
        } else {
            if applied.may_change {
                let text = json::write(&entity).map_err(|error| invalid_state::<E>("write", &error))?;
                if self.read_back == ReadBack::Always {
                    json::read::<E>(&text).map_err(|error| invalid_state::<E>("read back", &error))?;
                }
                self.stored = Some(text);
            }
            self.live = Some(entity);
        }
        Ok(output)
    }

    fn take_live(&mut self) -> Result<E, Failure> {
        match (self.live.take(), &self.stored) {
            (Some(entity), _) => Ok(entity),
            (None, Some(text)) => json::read(text).map_err(|error| invalid_state::<E>("read", &error)),
            (None, None) => Ok(E::default()),
        }
    }

    fn delete(&mut self) -> String {
        self.stored = None;
        self.live = None;
        json::NULL.to_owned()
    }
}

fn invalid_state<E: Entity>(verb: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new("InvalidState", format!("cannot {verb} the state of entity {}: {error}", E::NAME)).non_retriable()
}

#[cfg(test)]
mod tests;
