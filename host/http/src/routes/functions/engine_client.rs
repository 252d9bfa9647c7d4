//! What client functions may do with instances and entities.

use std::pin::Pin;

use longhaul_app::guest_calls::{ClientError, ClientHost, HostFuture, InstanceStatus, StartOptions};
use longhaul_core::{EntityId, InstanceId, InstanceKind, Payload};
use longhaul_store::Payloads;

use crate::azure::failure_text;
use crate::links::Links;
use crate::routes::functions::Place;
use longhaul_engine::{Binding, Engine, EngineError, Keyed, KeyedRequest, Read, StartRequest};

/// The engine, as the guest that answers one request sees it.
pub struct EngineClient {
    engine: Engine,
    links: Links,
    /// The guest's place among those that run. It has this as long as it runs, whether or not its caller waits for it.
    _place: Place,
}

impl EngineClient {
    /// Addresses that the guest hands out are made by `links`, for whoever sent the request.
    pub(crate) fn new(engine: Engine, links: Links, place: Place) -> Self {
        Self { engine, links, _place: place }
    }

    async fn orchestration(&self, instance_id: &str) -> Result<InstanceStatus, ClientError> {
        let id = InstanceId::trusted(instance_id);
        let Read { value: row, room: _room } = self.engine.row(&id, Payloads::ALL).await.map_err(client_error)?;
        let row = row.filter(|row| row.kind == InstanceKind::Orchestration);
        let row = row.ok_or_else(|| client_error(EngineError::NotFound(id)))?;
        Ok(InstanceStatus {
            instance_id: row.id.to_string(),
            name: row.name,
            tags: row.tags,
            runtime_status: row.status,
            created: row.created_at,
            updated: row.updated_at,
            input: row.input,
            output: row.output,
            custom_status: row.custom_status,
        })
    }
}

impl ClientHost for EngineClient {
    fn start(&self, name: String, input: Payload, options: StartOptions) -> HostFuture<'_, String> {
        Box::pin(async move {
            let keyed = key_of(&name, &input, &options).transpose().map_err(client_error)?;
            let binding = match keyed {
                None => Binding::none(),
                Some(keyed) => match self.engine.keyed(&keyed).await.map_err(client_error)? {
                    Keyed::Accepted(id) => return Ok(id.to_string()),
                    Keyed::First(binding) => binding,
                },
            };
            let StartOptions { instance_id, version, tags, at, idempotency_key: _ } = options;
            let request = StartRequest { name, input, instance_id, version, tags, at, replace_within: None, born_at: None };
            Ok(self.engine.start(request, &binding).await.map_err(client_error)?.to_string())
        })
    }

    fn get_status(&self, instance_id: String) -> HostFuture<'_, InstanceStatus> {
        Box::pin(async move { self.orchestration(&instance_id).await })
    }

    fn raise_event(&self, instance_id: String, name: String, data: Payload) -> HostFuture<'_, ()> {
        Box::pin(async move {
            if name.is_empty() {
                return Err(ClientError::Invalid("an event needs a name".into()));
            }
            let id = orchestration_id(&instance_id)?;
            self.engine.raise_event(&id, &name, data, &Binding::none()).await.map_err(client_error)
        })
    }

    fn terminate(&self, instance_id: String, reason: Option<String>) -> HostFuture<'_, ()> {
        Box::pin(async move {
            let id = orchestration_id(&instance_id)?;
            self.engine.terminate(&id, reason, true, &Binding::none()).await.map_err(client_error)
        })
    }

    fn signal_entity(&self, entity: EntityId, operation: String, input: Payload) -> HostFuture<'_, ()> {
        Box::pin(async move { self.engine.signal_entity(entity, &operation, input, &Binding::none()).await.map_err(client_error) })
    }

    fn read_entity(&self, entity: EntityId) -> HostFuture<'_, Option<Payload>> {
        Box::pin(async move {
            let id = entity.instance_id();
            let Read { value: row, room: _room } = self.engine.row(&id, Payloads::ALL).await.map_err(client_error)?;
            Ok(row.and_then(|row| row.state))
        })
    }

    fn management_payload(&self, instance_id: String) -> Pin<Box<dyn Future<Output = Payload> + Send + '_>> {
        Box::pin(async move {
            let mut links = self.links.clone();
            if links.credential.knows_instances() {
                links = match self.engine.head(&InstanceId::trusted(instance_id.as_str())).await {
                    // An orchestration may get its own addresses as its input, so they are made before it is there.
                    Ok(None) => links.ahead(),
                    Ok(Some(row)) => links.for_instance_born_at(row.born_at),
                    Err(_) => links,
                };
            }
            // Texts are always JSON.
            Payload::of(&links.management_payload(&instance_id)).unwrap_or_else(|_| Payload::null())
        })
    }
}

/// The start as a request with a key, if it has one. Starts are the same if all that they ask for is.
fn key_of(name: &str, input: &Payload, options: &StartOptions) -> Option<Result<KeyedRequest, EngineError>> {
    let StartOptions { instance_id, version, tags, at, idempotency_key } = options;
    let key = idempotency_key.as_deref()?;
    let optional = |text: Option<String>| text.map_or_else(String::new, |text| format!("={text}"));
    let at = at.map(|at| at.0.to_string());
    let mut parts = vec!["guest-start".to_owned(), name.to_owned(), input.as_str().to_owned()];
    parts.extend([instance_id.clone(), version.clone(), at].map(optional));
    parts.extend(tags.iter().flat_map(|(key, value)| [key.to_string(), value.to_string()]));
    Some(KeyedRequest::new(key, parts.iter().map(String::as_bytes)))
}

/// An id that no orchestration can have names no instance: entities cannot be managed this way.
fn orchestration_id(text: &str) -> Result<InstanceId, ClientError> {
    let id = InstanceId::trusted(text);
    if id.is_entity() { Err(client_error(EngineError::NotFound(id))) } else { Ok(id) }
}

fn client_error(error: EngineError) -> ClientError {
    let text = failure_text::of(&error);
    match error {
        EngineError::NotFound(_) => ClientError::NotFound(text),
        EngineError::Conflict(..) | EngineError::KeyReused(_) => ClientError::Conflict(text),
        EngineError::Gone(..) => ClientError::Gone(text),
        EngineError::Invalid(_)
        | EngineError::TooLarge(_)
        | EngineError::UnknownOrchestrator(_)
        | EngineError::WrongState(_)
        | EngineError::Denied
        | EngineError::NotFailed(..)
        | EngineError::KeyMalformed(_) => ClientError::Invalid(text),
        EngineError::Unavailable(_) | EngineError::NoRoom(_) | EngineError::Full(_) => ClientError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use longhaul_core::RuntimeStatus;

    use super::*;

    #[test]
    fn what_the_engine_refuses_reaches_the_guest_with_its_text() {
        let id = InstanceId::trusted("a");
        let gone = client_error(EngineError::Gone(id.clone(), RuntimeStatus::Failed));
        assert_eq!(gone, ClientError::Gone("instance 'a' has ended with status Failed".into()));
        assert!(matches!(client_error(EngineError::Conflict(id, RuntimeStatus::Running)), ClientError::Conflict(_)));
        assert!(matches!(client_error(EngineError::Full("no space".into())), ClientError::Unavailable(_)));
    }

    #[test]
    fn an_entity_is_no_instance_to_raise_events_for() {
        assert!(matches!(orchestration_id("@counter@a"), Err(ClientError::NotFound(_))));
        assert!(orchestration_id("order-7").is_ok());
    }
}
