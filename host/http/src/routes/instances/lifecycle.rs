//! What can be done to an instance that goes on.

use bytes::Bytes;
use http::StatusCode;
use longhaul_core::{InstanceId, InstanceKind, InstanceRow};

use crate::answer;
use crate::azure::failure_text;
use crate::content::{self, is_json, json_of};
use crate::context::Api;
use crate::idempotency::{acting, keyed};
use crate::request::{Asked, RequestBody};
use crate::routes::Handled;
use longhaul_engine::{EngineError, Keyed};

/// Raises an event. The tests come in the contract's order: the instance, the content type, the JSON.
pub(super) async fn raise_event(api: &Api, asked: &Asked, body: RequestBody) -> Handled {
    let (body, _room) = match content::read(api, asked, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal),
    };
    // Before all tests: a request that was accepted once is answered so, whatever has become of the instance.
    let Keyed::First(binding) = keyed(api, asked, "raise-event", &[], &body).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    let (id, name) = (InstanceId::trusted(asked.part(0)), asked.part(1));
    let row = orchestration(api, &id).await?;
    if row.status.is_terminal() {
        return Err(EngineError::Gone(id, row.status));
    }
    if !is_json(&asked.head.headers) {
        return Ok(answer::message(StatusCode::BAD_REQUEST, "Only application/json request content is supported"));
    }
    match json_of(body, api.config.max_json_depth).await {
        Ok(data) => {
            acting(api, asked).raise_event(&id, name, data, &binding).await?;
            Ok(answer::empty(StatusCode::ACCEPTED))
        }
        Err(reason) => Ok(answer::bad_json(&reason)),
    }
}

/// Ends an instance, and its children unless `recursive` is false.
pub(super) async fn terminate(api: &Api, asked: &Asked) -> Handled {
    let Keyed::First(binding) = keyed(api, asked, "terminate", &["reason", "recursive"], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    // Ours, not the contract's. What cannot be read is refused: children that were to be left alone must not end.
    let recursive = match asked.query.get("recursive") {
        None => true,
        Some(text) => match asked.query.bool("recursive") {
            Some(recursive) => recursive,
            None => return Ok(answer::bad_argument(&format!("recursive '{text}' is neither 'true' nor 'false'"))),
        },
    };
    let id = orchestration(api, &InstanceId::trusted(asked.part(0))).await?.id;
    acting(api, asked).terminate(&id, asked.query.get("reason"), recursive, &binding).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Holds an instance.
pub(super) async fn suspend(api: &Api, asked: &Asked) -> Handled {
    let Keyed::First(binding) = keyed(api, asked, "suspend", &["reason"], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    let id = orchestration(api, &InstanceId::trusted(asked.part(0))).await?.id;
    acting(api, asked).suspend(&id, asked.query.get("reason"), &binding).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Lets a held or parked instance go on. An entity can be parked, so entities are welcome here.
pub(super) async fn resume(api: &Api, asked: &Asked) -> Handled {
    let Keyed::First(binding) = keyed(api, asked, "resume", &["reason"], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    let id = InstanceId::trusted(asked.part(0));
    acting(api, asked).resume(&id, asked.query.get("reason"), &binding).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Lets a failed instance go on from before its first failure. The engine refuses any other; refusals are bare texts.
pub(super) async fn rewind(api: &Api, asked: &Asked) -> Handled {
    let Keyed::First(binding) = keyed(api, asked, "rewind", &["reason", "deployment"], &Bytes::new()).await? else {
        return Ok(answer::empty(StatusCode::ACCEPTED));
    };
    let id = InstanceId::trusted(asked.part(0));
    let current_deployment = match asked.query.get("deployment").as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("pinned") => false,
        Some("current") => true,
        Some(other) => {
            let text = format!("The deployment '{other}' is not known here: it may be 'pinned', which is the default, or 'current'.");
            return Ok(answer::text(StatusCode::BAD_REQUEST, &text));
        }
    };
    match acting(api, asked).rewind(&id, asked.query.get("reason"), current_deployment, &binding).await {
        Ok(()) => Ok(answer::empty(StatusCode::ACCEPTED)),
        Err(EngineError::NotFound(id)) => Ok(answer::text(StatusCode::NOT_FOUND, &format!("No instance with ID '{id}' was found."))),
        Err(refusal @ EngineError::NotFailed(..)) => Ok(answer::text(StatusCode::PRECONDITION_FAILED, &failure_text::of(&refusal))),
        Err(error) => Err(error),
    }
}

/// The row of an orchestration; entities are not found here, since these operations are not for them.
async fn orchestration(api: &Api, id: &InstanceId) -> Result<InstanceRow, EngineError> {
    let row = api.engine.head(id).await?;
    row.filter(|row| row.kind == InstanceKind::Orchestration).ok_or_else(|| EngineError::NotFound(id.clone()))
}
