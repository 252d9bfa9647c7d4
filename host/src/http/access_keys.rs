//! Listing and changing keys while the host runs.

use std::sync::Arc;

use http::StatusCode;

use super::Api;
use super::answer::{self, Answer};
use super::request::Asked;
use super::router::Action;
use crate::access::KeyError;
use crate::access::desk::{DeskError, KeyChange};

/// All keys, without the keys themselves.
pub(super) fn list(api: &Api) -> Answer {
    answer::json(StatusCode::OK, &api.access.desk().list())
}

/// Makes, rotates or revokes the key that the path names.
pub(super) async fn change(api: &Api, asked: &Asked) -> Answer {
    let (change, done) = match asked.action {
        Action::AddKey => (KeyChange::Add, StatusCode::CREATED),
        Action::RotateKey => (KeyChange::Rotate, StatusCode::OK),
        _ => (KeyChange::Revoke, StatusCode::NO_CONTENT),
    };
    let (access, scope, name) = (Arc::clone(&api.access), asked.part(0).to_owned(), asked.part(1).to_owned());
    // A job of its own: a client that hangs up must not stop a change between the store and memory.
    let permit = asked.leave.permit.clone();
    let job = tokio::spawn(async move { access.desk().change(change, &scope, &name, &permit).await });
    match job.await {
        Ok(Ok(_)) if done == StatusCode::NO_CONTENT => answer::empty(done),
        Ok(Ok(key)) => answer::json(done, &key),
        Ok(Err(error)) => refused(&error),
        Err(panic) => answer::internal_error(&panic),
    }
}

fn refused(error: &DeskError) -> Answer {
    let status = match error {
        DeskError::Denied => return answer::empty(StatusCode::UNAUTHORIZED),
        DeskError::Bad(_) | DeskError::Key(KeyError::Name(_)) => StatusCode::BAD_REQUEST,
        DeskError::Key(KeyError::Unknown(..)) => StatusCode::NOT_FOUND,
        DeskError::Key(KeyError::Exists(..) | KeyError::LastAdmin | KeyError::TooMany) => StatusCode::CONFLICT,
        DeskError::Key(KeyError::Store(_) | KeyError::Other(_)) => return answer::internal_error(error),
    };
    answer::message(status, &error.to_string())
}
