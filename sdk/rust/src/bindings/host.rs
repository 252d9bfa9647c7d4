//! What client functions ask the host for.

use super::client::longhaul::durable::client as wit;
use super::types;
use crate::client::{Error, RuntimeStatus, StartOptions, Status};
use crate::{EntityId, Timestamp};

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::NotFound(text) => Self::NotFound(text),
            wit::Error::Conflict(text) => Self::Conflict(text),
            wit::Error::Gone(text) => Self::Gone(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl From<wit::RuntimeStatus> for RuntimeStatus {
    fn from(status: wit::RuntimeStatus) -> Self {
        match status {
            wit::RuntimeStatus::Running => Self::Running,
            wit::RuntimeStatus::Completed => Self::Completed,
            wit::RuntimeStatus::ContinuedAsNew => Self::ContinuedAsNew,
            wit::RuntimeStatus::Failed => Self::Failed,
            wit::RuntimeStatus::Canceled => Self::Canceled,
            wit::RuntimeStatus::Terminated => Self::Terminated,
            wit::RuntimeStatus::Pending => Self::Pending,
            wit::RuntimeStatus::Suspended => Self::Suspended,
        }
    }
}

pub fn start(name: &str, input: String, options: StartOptions) -> Result<String, Error> {
    let StartOptions { instance_id, version, tags, at, idempotency_key } = options;
    let (tags, at) = (tags.into_iter().collect(), at.map(Timestamp::as_millis));
    let options = wit::StartOptions { instance_id, version, tags, at, idempotency_key };
    Ok(wit::start(name, &input, &options)?)
}

pub fn status(instance_id: &str) -> Result<Status, Error> {
    let status = wit::get_status(instance_id)?;
    Ok(Status {
        instance_id: status.instance_id,
        name: status.name,
        tags: status.tags.into_iter().collect(),
        runtime_status: status.runtime_status.into(),
        created: Timestamp::from_millis(status.created),
        updated: Timestamp::from_millis(status.updated),
        input: status.input,
        output: status.output,
        custom_status: status.custom_status,
    })
}

pub fn raise_event(instance_id: &str, name: &str, data: String) -> Result<(), Error> {
    Ok(wit::raise_event(instance_id, name, &data)?)
}

pub fn terminate(instance_id: &str, reason: Option<&str>) -> Result<(), Error> {
    Ok(wit::terminate(instance_id, reason)?)
}

pub fn signal_entity(entity: &EntityId, operation: &str, input: String) -> Result<(), Error> {
    Ok(wit::signal_entity(&types::EntityId::from(entity.clone()), operation, &input)?)
}

pub fn read_entity(entity: &EntityId) -> Result<Option<String>, Error> {
    Ok(wit::read_entity(&types::EntityId::from(entity.clone()))?)
}

pub fn management_payload(instance_id: &str) -> String {
    wit::management_payload(instance_id)
}
