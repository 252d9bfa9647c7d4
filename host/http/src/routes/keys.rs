//! Listing and changing keys while the host runs.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::{Handled, Need, Route, handler, root};
use crate::answer::{self, Answer};
use crate::auth::KeyError;
use crate::auth::desk::{DeskError, KeyChange};
use crate::context::Api;
use crate::describe::{NO_ADMIN_KEY, NOT_LOCAL, Operation, Reply, Shape, look};
use crate::request::Asked;

/// The routes of access keys.
pub(super) const ROUTES: &[Route] = &[
    root(Some(Method::GET), "/admin/keys", Need::Admin, &LIST_KEYS, handler!(list)),
    root(Some(Method::POST), "/admin/keys/{scope}/{keyName}", Need::Admin, &ADD_KEY, handler!(add)),
    root(Some(Method::POST), "/admin/keys/{scope}/{keyName}/rotate", Need::Admin, &ROTATE_KEY, handler!(rotate)),
    root(Some(Method::DELETE), "/admin/keys/{scope}/{keyName}", Need::Admin, &REVOKE_KEY, handler!(revoke)),
];

const BAD_KEY: Reply = Reply(400, Shape::Object("Message"), "There is no such scope or name; it says which there are");
const NO_KEY: Reply = Reply(404, Shape::Object("Message"), "There is no such key");

const LIST_KEYS: Operation =
    look("listKeys", "List keys by scope and name, without the keys themselves", &[Reply(200, Shape::List("Key"), "All keys"), NOT_LOCAL]);

const ADD_KEY: Operation = look(
    "addKey",
    "Make a key; the scope is `admin`, `system`, `functions`, or `function:` and a name",
    &[
        Reply(201, Shape::Object("Key"), "The key, shown this once"),
        BAD_KEY,
        NO_ADMIN_KEY,
        NOT_LOCAL,
        Reply(409, Shape::Object("Message"), "There is one already"),
    ],
);

const ROTATE_KEY: Operation = look(
    "rotateKey",
    "Make a key anew; the old one is worthless at once",
    &[Reply(200, Shape::Object("Key"), "The key, shown this once"), BAD_KEY, NO_ADMIN_KEY, NOT_LOCAL, NO_KEY],
);

const REVOKE_KEY: Operation = look(
    "revokeKey",
    "Make a key worthless",
    &[
        Reply(204, Shape::Empty, "It is"),
        BAD_KEY,
        NO_ADMIN_KEY,
        NOT_LOCAL,
        NO_KEY,
        Reply(409, Shape::Object("Message"), "It is the last one for administration"),
    ],
);

/// All keys, without the keys themselves.
async fn list(api: &Api, _asked: &Asked) -> Handled {
    Ok(answer::json(StatusCode::OK, &api.access.desk().list()))
}

async fn add(api: &Api, asked: &Asked) -> Handled {
    Ok(change(api, asked, KeyChange::Add, StatusCode::CREATED).await)
}

async fn rotate(api: &Api, asked: &Asked) -> Handled {
    Ok(change(api, asked, KeyChange::Rotate, StatusCode::OK).await)
}

async fn revoke(api: &Api, asked: &Asked) -> Handled {
    Ok(change(api, asked, KeyChange::Revoke, StatusCode::NO_CONTENT).await)
}

/// Changes the key that the path names, and answers with the status `done`.
async fn change(api: &Api, asked: &Asked, change: KeyChange, done: StatusCode) -> Answer {
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
