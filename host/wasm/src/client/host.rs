//! What client functions may do with instances and entities: implemented by the crate that has the
//! store.

use std::pin::Pin;

use longhaul_core::{EntityId, Payload, RuntimeStatus, Tags, Timestamp};

/// A boxed future, so that the trait can be used as an object.
pub type HostFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send + 'a>>;

/// The calls of `wit/client.wit`. Every call that returns without an error is on stable storage.
pub trait ClientHost: Send + Sync {
    /// Starts an orchestration and returns its id. Errors: `Invalid`, `Conflict`, `Unavailable`.
    fn start(&self, name: String, input: Payload, options: StartOptions) -> HostFuture<'_, String>;

    /// Errors: `NotFound`, `Unavailable`.
    fn get_status(&self, instance_id: String) -> HostFuture<'_, InstanceStatus>;

    /// Errors: `NotFound`, `Gone`, `Invalid`, `Unavailable`.
    fn raise_event(&self, instance_id: String, name: String, data: Payload) -> HostFuture<'_, ()>;

    /// Errors: `NotFound`, `Gone`, `Unavailable`.
    fn terminate(&self, instance_id: String, reason: Option<String>) -> HostFuture<'_, ()>;

    /// Errors: `Invalid`, `Unavailable`.
    fn signal_entity(&self, entity: EntityId, operation: String, input: Payload) -> HostFuture<'_, ()>;

    /// The committed state; `None` if the entity does not exist. Errors: `Unavailable`.
    fn read_entity(&self, entity: EntityId) -> HostFuture<'_, Option<Payload>>;

    /// The URIs to manage one instance, as a JSON object. The instance need not exist.
    fn management_payload(&self, instance_id: String) -> Pin<Box<dyn Future<Output = Payload> + Send + '_>>;
}

/// How an orchestration is to be started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartOptions {
    /// Absent: the host makes one.
    pub instance_id: Option<String>,
    /// The version asked for.
    pub version: Option<String>,
    /// Texts to find the instance by.
    pub tags: Tags,
    /// Not started before this time.
    pub at: Option<Timestamp>,
    /// Names the start, so that it can be safely retried.
    pub idempotency_key: Option<String>,
}

/// How an instance stands.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceStatus {
    /// Its id.
    pub instance_id: String,
    /// The orchestration's name.
    pub name: String,
    /// The tags given at start.
    pub tags: Tags,
    /// How it stands.
    pub runtime_status: RuntimeStatus,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// Its input.
    pub input: Option<Payload>,
    /// Its output, once it has ended.
    pub output: Option<Payload>,
    /// What its code says about itself.
    pub custom_status: Option<Payload>,
}

/// Why a call did nothing. Each carries a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No such instance.
    #[error("{0}")]
    NotFound(String),
    /// An instance of that id exists and has not ended.
    #[error("{0}")]
    Conflict(String),
    /// The instance has ended.
    #[error("{0}")]
    Gone(String),
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The store cannot take it now; nothing happened.
    #[error("{0}")]
    Unavailable(String),
}
