//! Client functions: they answer HTTP requests, start orchestrations and talk to them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{EntityId, Failure, Timestamp, json};

mod message;

pub use message::{Request, Response};

#[cfg(target_arch = "wasm32")]
use crate::bindings::host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::host;

/// A client function. The attribute [`macro@crate::client`] implements it.
pub trait Client: 'static {
    /// The name in the manifest.
    const NAME: &'static str;

    /// Answers a request.
    fn respond(request: Request) -> Response;
}

/// Why the host refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No such instance.
    NotFound(String),
    /// An instance of that id exists and has not ended.
    Conflict(String),
    /// The instance has ended.
    Gone(String),
    /// The request itself is wrong: an unknown function, a forbidden id, a payload of the wrong
    /// form.
    Invalid(String),
    /// The store cannot take it now; nothing happened. Try again later.
    Unavailable(String),
    /// The value to send has no JSON form: NaN, an infinity, a map whose keys are not strings.
    /// Nothing was sent.
    InvalidValue(String),
}

impl Error {
    /// The variant's name: the type of the failure that this error becomes.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "NotFound",
            Self::Conflict(_) => "Conflict",
            Self::Gone(_) => "Gone",
            Self::Invalid(_) => "Invalid",
            Self::Unavailable(_) => "Unavailable",
            Self::InvalidValue(_) => "InvalidValue",
        }
    }

    /// The HTTP status of an answer that passes this error on.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound(_) => 404,
            Self::Conflict(_) => 409,
            Self::Gone(_) => 410,
            Self::Invalid(_) => 400,
            Self::Unavailable(_) => 503,
            Self::InvalidValue(_) => 500,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(text)
            | Self::Conflict(text)
            | Self::Gone(text)
            | Self::Invalid(text)
            | Self::Unavailable(text)
            | Self::InvalidValue(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

/// How to start an orchestration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Absent: the host makes one, 32 hexadecimal digits.
    pub instance_id: Option<String>,
    /// Absent: the host's default version.
    pub version: Option<String>,
    /// Texts to find the instance by: at most 32, with keys of 1 to 64 and values of up to 256
    /// characters.
    pub tags: BTreeMap<String, String>,
    /// Not started before this time: the instance is pending until then.
    pub at: Option<Timestamp>,
    /// Names this start, so that it can be retried safely: for 24 hours the same start under the
    /// same key gives the same id and starts nothing more, and another start under that key is a
    /// conflict. 1 to 255 characters without control characters.
    pub idempotency_key: Option<String>,
}

impl StartOptions {
    /// The host makes the id, takes its default version and starts at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// The new instance's id.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.instance_id = Some(id.into());
        self
    }

    /// The version of the orchestration.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A text to find the instance by. May be given several times, with different keys.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Not started before this time: the instance is pending until then.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// Names this start, so that it can be retried safely for 24 hours.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// What an instance is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RuntimeStatus {
    Running,
    Completed,
    ContinuedAsNew,
    Failed,
    Canceled,
    Terminated,
    Pending,
    Suspended,
}

/// What is known of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The instance's id.
    pub instance_id: String,
    /// The orchestration's name.
    pub name: String,
    /// The tags given at start.
    pub tags: BTreeMap<String, String>,
    /// What it is doing.
    pub runtime_status: RuntimeStatus,
    /// When it was started.
    pub created: Timestamp,
    /// When it last did anything.
    pub updated: Timestamp,
    /// JSON text.
    pub input: Option<String>,
    /// JSON text; the error's text of a failed instance.
    pub output: Option<String>,
    /// JSON text.
    pub custom_status: Option<String>,
}

fn write(what: impl fmt::Display, value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    json::write(value).map_err(|error| Error::InvalidValue(format!("{what} cannot be written as JSON: {error}")))
}

/// Starts an orchestration and returns the new instance's id, once that is on stable storage.
///
/// # Errors
/// [`Error::Invalid`], [`Error::Unavailable`], [`Error::InvalidValue`].
pub fn start(name: &str, input: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    start_with(name, input, StartOptions::default())
}

/// Starts an orchestration with options.
///
/// # Errors
/// [`Error::Invalid`], [`Error::Conflict`] if the id is taken, [`Error::Unavailable`],
/// [`Error::InvalidValue`].
pub fn start_with(name: &str, input: &(impl Serialize + ?Sized), options: StartOptions) -> Result<String, Error> {
    host::start(name, write(format_args!("the input of orchestration '{name}'"), input)?, options)
}

/// What is known of an instance.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Unavailable`].
pub fn status(instance_id: &str) -> Result<Status, Error> {
    host::status(instance_id)
}

/// Raises an event for an instance.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Gone`], [`Error::Invalid`], [`Error::Unavailable`],
/// [`Error::InvalidValue`].
pub fn raise_event(instance_id: &str, name: &str, data: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    host::raise_event(instance_id, name, write(format_args!("the data of event '{name}'"), data)?)
}

/// Ends an instance from outside; `reason` becomes its output.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Gone`], [`Error::Unavailable`].
pub fn terminate(instance_id: &str, reason: Option<&str>) -> Result<(), Error> {
    host::terminate(instance_id, reason)
}

/// Sends an operation to an entity.
///
/// # Errors
/// [`Error::Invalid`] if the app has no such entity, [`Error::Unavailable`],
/// [`Error::InvalidValue`].
pub fn signal_entity(entity: &EntityId, operation: &str, input: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    host::signal_entity(entity, operation, write(format_args!("the input of signal '{operation}' to entity {entity}"), input)?)
}

/// An entity's committed state; `None` if the entity does not exist.
///
/// # Errors
/// [`Error::Invalid`] if the state is not the JSON of a `T`, [`Error::Unavailable`].
pub fn read_entity<T: DeserializeOwned>(entity: &EntityId) -> Result<Option<T>, Error> {
    let Some(text) = host::read_entity(entity)? else { return Ok(None) };
    json::read(&text).map(Some).map_err(|error| Error::Invalid(format!("cannot read the state of entity {entity}: {error}")))
}

/// The URIs to manage one instance, which need not exist. `{eventName}` and `{text}` stand in them
/// to be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct ManagementPayload {
    pub id: String,
    pub status_query_get_uri: String,
    pub send_event_post_uri: String,
    pub terminate_post_uri: String,
    pub purge_history_delete_uri: String,
    pub restart_post_uri: String,
    pub suspend_post_uri: String,
    pub resume_post_uri: String,
}

/// The URIs to manage an instance, under the address by which the request being answered reached
/// the host.
///
/// # Errors
/// [`Error::Invalid`] if the host's answer is not what this version of the SDK knows.
pub fn create_http_management_payload(instance_id: &str) -> Result<ManagementPayload, Error> {
    let text = host::management_payload(instance_id);
    json::read(&text).map_err(|error| Error::Invalid(format!("cannot read the host's management payload: {error}")))
}

/// How long a caller should wait before it asks for the status of an instance that was just
/// started.
const STATUS_RETRY_AFTER: Duration = Duration::from_secs(10);

/// The usual answer to a request that started an instance: 202 with the management payload,
/// `Location` and `Retry-After`.
///
/// The host knows the request that is being answered and builds the URIs for it; it is a parameter
/// as in other SDKs, so that the call cannot be made where there is no request.
///
/// # Errors
/// As [`create_http_management_payload`].
pub fn create_check_status_response(_request: &Request, instance_id: &str) -> Result<Response, Error> {
    let payload = create_http_management_payload(instance_id)?;
    Ok(Response::json(202, &payload)
        .header("Location", payload.status_query_get_uri)
        .header("Retry-After", STATUS_RETRY_AFTER.as_secs().to_string()))
}

/// Answers for a client function that failed. What the host refused is the caller's to know;
/// anything else only the log's.
pub(crate) fn failure_response(of: &str, failure: &Failure) -> Response {
    let status = match failure.error_type.as_str() {
        "NotFound" => 404,
        "Conflict" => 409,
        "Gone" => 410,
        "Invalid" => 400,
        "Unavailable" => 503,
        _ => 500,
    };
    if status == 500 {
        crate::log::error!("client {of} failed: {}: {}", failure.error_type, failure.message);
        return Response::json(500, &serde_json::json!({"Message": format!("{of} failed; the host's log tells why")}));
    }
    Response::json(status, &serde_json::json!({"Message": failure.message}))
}
