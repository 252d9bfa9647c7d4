//! Carries a client function's calls to the [`ClientHost`](super::ClientHost).

use std::sync::Arc;

use longhaul_core::{Payload, RuntimeStatus, Timestamp, tags_of};
use wasmtime::Result as WasmResult;
use wasmtime::component::{HasSelf, Linker};

use super::{ClientError, ClientHost, InstanceStatus, StartOptions};
use crate::background::before_reading;
use crate::bindings::client::longhaul::durable::client as wit;
use crate::bindings::types;
use crate::convert;
use crate::io::IoState;

pub(crate) fn add_to_linker(linker: &mut Linker<IoState>) -> WasmResult<()> {
    wit::add_to_linker::<_, HasSelf<IoState>>(linker, |state| state)
}

impl IoState {
    fn client(&self) -> Arc<dyn ClientHost> {
        self.client.clone().expect("only client functions are linked with this import, and they are given a host")
    }

    /// A value that becomes part of a history.
    fn payload(&self, field: &str, text: String) -> Result<Payload, wit::Error> {
        self.without_secrets([(field, text.as_str())])?;
        convert::client_payload(field, text).map_err(wit::Error::Invalid)
    }

    /// Checks texts as the guest hands them over, before they are changed or cut.
    fn without_secrets<'text>(&self, texts: impl IntoIterator<Item = (&'text str, &'text str)>) -> Result<(), wit::Error> {
        let found = texts.into_iter().find_map(|(field, text)| self.secrets().found_in(text).map(|name| (field, name)));
        match found {
            None => Ok(()),
            Some((field, name)) => {
                Err(wit::Error::Invalid(format!("`{field}` contains the secret '{name}', which may not stand in a history")))
            }
        }
    }
}

impl wit::Host for IoState {
    async fn start(&mut self, name: String, input: String, options: wit::StartOptions) -> Result<String, wit::Error> {
        before_reading(input.len()).await;
        self.without_secrets([("name", name.as_str())].into_iter().chain(texts_of(&options)))?;
        let input = self.payload("input", input)?;
        let wit::StartOptions { instance_id, version, tags, at, idempotency_key } = options;
        let tags = tags_of(tags).map_err(|problem| wit::Error::Invalid(problem.to_string()))?;
        let options = StartOptions { instance_id, version, tags, at: at.map(Timestamp), idempotency_key };
        Ok(self.client().start(name, input, options).await?)
    }

    async fn get_status(&mut self, instance_id: String) -> Result<wit::Status, wit::Error> {
        self.without_secrets([("instance-id", instance_id.as_str())])?;
        let status = self.client().get_status(instance_id).await?;
        let texts = [&status.input, &status.output, &status.custom_status].into_iter().flatten();
        before_reading(texts.map(|text| text.as_str().len()).sum()).await;
        Ok(status.into())
    }

    async fn raise_event(&mut self, instance_id: String, name: String, data: String) -> Result<(), wit::Error> {
        before_reading(data.len()).await;
        self.without_secrets([("instance-id", instance_id.as_str()), ("name", &name)])?;
        let data = self.payload("data", data)?;
        Ok(self.client().raise_event(instance_id, name, data).await?)
    }

    async fn terminate(&mut self, instance_id: String, reason: Option<String>) -> Result<(), wit::Error> {
        self.without_secrets([("instance-id", instance_id.as_str()), ("reason", reason.as_deref().unwrap_or_default())])?;
        Ok(self.client().terminate(instance_id, reason).await?)
    }

    async fn signal_entity(&mut self, entity: types::EntityId, operation: String, input: String) -> Result<(), wit::Error> {
        self.without_secrets([("entity.name", entity.name.as_str()), ("entity.key", &entity.key), ("operation", &operation)])?;
        let entity = convert::client_entity_id(&entity).map_err(wit::Error::Invalid)?;
        before_reading(input.len()).await;
        let input = self.payload("input", input)?;
        Ok(self.client().signal_entity(entity, operation, input).await?)
    }

    async fn read_entity(&mut self, entity: types::EntityId) -> Result<Option<String>, wit::Error> {
        // An id that cannot exist names no entity, and this call has no error for it.
        let Some(entity) = convert::known_entity_id(&entity) else { return Ok(None) };
        let state = self.client().read_entity(entity).await?;
        before_reading(state.as_ref().map_or(0, |state| state.as_str().len())).await;
        Ok(state.map(text))
    }

    async fn management_payload(&mut self, instance_id: String) -> String {
        text(self.client().management_payload(instance_id).await)
    }
}

/// The texts of a start besides name and input.
fn texts_of(options: &wit::StartOptions) -> impl Iterator<Item = (&str, &str)> {
    let wit::StartOptions { instance_id, version, tags, at: _, idempotency_key } = options;
    let single = [("instance-id", instance_id), ("version", version), ("idempotency-key", idempotency_key)];
    let single = single.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)));
    single.chain(tags.iter().flat_map(|(key, value)| [("tags", key.as_str()), ("tags", value.as_str())]))
}

fn text(payload: Payload) -> String {
    payload.as_str().to_owned()
}

impl From<ClientError> for wit::Error {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NotFound(text) => Self::NotFound(text),
            ClientError::Conflict(text) => Self::Conflict(text),
            ClientError::Gone(text) => Self::Gone(text),
            ClientError::Invalid(text) => Self::Invalid(text),
            ClientError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

impl From<InstanceStatus> for wit::Status {
    fn from(status: InstanceStatus) -> Self {
        Self {
            instance_id: status.instance_id,
            name: status.name,
            tags: status.tags.into_iter().collect(),
            runtime_status: runtime_status(status.runtime_status),
            created: status.created.0,
            updated: status.updated.0,
            input: status.input.map(text),
            output: status.output.map(text),
            custom_status: status.custom_status.map(text),
        }
    }
}

fn runtime_status(status: RuntimeStatus) -> wit::RuntimeStatus {
    match status {
        RuntimeStatus::Running => wit::RuntimeStatus::Running,
        RuntimeStatus::Completed => wit::RuntimeStatus::Completed,
        RuntimeStatus::ContinuedAsNew => wit::RuntimeStatus::ContinuedAsNew,
        RuntimeStatus::Failed => wit::RuntimeStatus::Failed,
        RuntimeStatus::Canceled => wit::RuntimeStatus::Canceled,
        RuntimeStatus::Terminated => wit::RuntimeStatus::Terminated,
        RuntimeStatus::Pending => wit::RuntimeStatus::Pending,
        RuntimeStatus::Suspended => wit::RuntimeStatus::Suspended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_start_is_looked_through() {
        let options = wit::StartOptions {
            instance_id: Some("id".into()),
            version: Some("version".into()),
            tags: vec![("key".into(), "value".into())],
            at: Some(1),
            idempotency_key: Some("idempotency".into()),
        };
        let texts: Vec<_> = texts_of(&options).map(|(_, text)| text).collect();
        assert_eq!(texts, ["id", "version", "idempotency", "key", "value"]);
    }
}
