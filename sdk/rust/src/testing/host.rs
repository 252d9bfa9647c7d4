//! What [`crate::client`] calls outside of a component.

use super::fake_host::{ClientCall, Fakes, with};
use crate::EntityId;
use crate::client::{Error, ManagementPayload, StartOptions, Status};
use crate::json;

pub fn start(name: &str, input: String, options: StartOptions) -> Result<String, Error> {
    with(|fakes| {
        let id = options.instance_id.clone().unwrap_or_else(|| format!("{:032x}", fakes.calls.len()));
        fakes.calls.push(ClientCall::Start { name: name.to_owned(), input, options });
        Ok(id)
    })
}

pub fn status(instance_id: &str) -> Result<Status, Error> {
    with(|fakes| fakes.statuses.get(instance_id).cloned().ok_or_else(|| unknown(instance_id)))
}

pub fn raise_event(instance_id: &str, name: &str, data: String) -> Result<(), Error> {
    with(|fakes| {
        check_known(fakes, instance_id)?;
        fakes.calls.push(ClientCall::RaiseEvent { instance_id: instance_id.to_owned(), name: name.to_owned(), data });
        Ok(())
    })
}

pub fn terminate(instance_id: &str, reason: Option<&str>) -> Result<(), Error> {
    with(|fakes| {
        check_known(fakes, instance_id)?;
        fakes.calls.push(ClientCall::Terminate { instance_id: instance_id.to_owned(), reason: reason.map(str::to_owned) });
        Ok(())
    })
}

pub fn signal_entity(entity: &EntityId, operation: &str, input: String) -> Result<(), Error> {
    let call = ClientCall::SignalEntity { entity: entity.clone(), operation: operation.to_owned(), input };
    with(|fakes| fakes.calls.push(call));
    Ok(())
}

pub fn read_entity(entity: &EntityId) -> Result<Option<String>, Error> {
    Ok(with(|fakes| fakes.entities.get(&entity.to_string()).cloned()))
}

pub fn management_payload(instance_id: &str) -> String {
    let uri = |rest: &str| format!("http://localhost:7071/runtime/webhooks/durabletask/instances/{instance_id}{rest}");
    json::write_for_test(&ManagementPayload {
        id: instance_id.to_owned(),
        status_query_get_uri: uri(""),
        send_event_post_uri: uri("/raiseEvent/{eventName}"),
        terminate_post_uri: uri("/terminate?reason={text}"),
        purge_history_delete_uri: uri(""),
        restart_post_uri: uri("/restart"),
        suspend_post_uri: uri("/suspend?reason={text}"),
        resume_post_uri: uri("/resume?reason={text}"),
    })
}

fn check_known(fakes: &Fakes, instance_id: &str) -> Result<(), Error> {
    if fakes.statuses.contains_key(instance_id) { Ok(()) } else { Err(unknown(instance_id)) }
}

fn unknown(instance_id: &str) -> Error {
    Error::NotFound(format!("there is no instance '{instance_id}'"))
}
