//! Deploying apps.

use http::{Method, StatusCode};
use longhaul_store::Error as StoreError;
use serde::Serialize;

use super::{Handled, Need, Route, handler, root};
use crate::answer::{self, Answer};
use crate::authorize;
use crate::content::{content_type, encoding_refusal};
use crate::context::Api;
use crate::describe::{Body, NO_ADMIN_KEY, NOT_LOCAL, Operation, Reply, Shape, TOO_LONG, look};
use crate::request::{Asked, RequestBody};
use longhaul_app::deployment::{DeployError, Deployed};
use longhaul_app::package;

/// The routes of deployments.
pub(super) const ROUTES: &[Route] = &[
    root(Some(Method::GET), "/admin/deployments", Need::Admin, &LIST_DEPLOYMENTS, handler!(list)),
    root(Some(Method::POST), "/admin/deployments", Need::Admin, &DEPLOY, handler!(deploy, body)),
];

const LIST_DEPLOYMENTS: Operation =
    look("listDeployments", "List deployments, newest first", &[Reply(200, Shape::List("Deployment"), "All deployments"), NOT_LOCAL]);

const DEPLOY: Operation = Operation {
    body: Body::Deployment,
    ..look(
        "deploy",
        "Make an app the current one, as `longhaul deploy` does",
        &[
            Reply(200, Shape::Object("Deployed"), "It is current"),
            Reply(400, Shape::Object("Message"), "The app cannot run, and it says why; nothing changed"),
            NO_ADMIN_KEY,
            NOT_LOCAL,
            TOO_LONG,
            Reply(415, Shape::Object("Message"), "The body is no app"),
        ],
    )
};

#[derive(Serialize)]
struct Taken<'a> {
    deployment: u64,
    app: &'a str,
    unchanged: bool,
    warnings: &'a [String],
}

/// Takes a deployment, as a whole or not at all.
async fn deploy(api: &Api, asked: &Asked, body: RequestBody) -> Handled {
    Ok(take(api, asked, body).await)
}

async fn take(api: &Api, asked: &Asked, body: RequestBody) -> Answer {
    if content_type(&asked.head.headers).is_none_or(|kind| !kind.eq_ignore_ascii_case(package::CONTENT_TYPE)) {
        let text = format!("a deployment has the content type {}; use `longhaul deploy`", package::CONTENT_TYPE);
        return answer::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text);
    }
    if let Some(refusal) = encoding_refusal(&asked.head.headers) {
        return refusal;
    }
    let (body, _room) = match authorize::body_of(api, asked, body, api.config.max_deployment_bytes).await {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    match api.deployer.deploy(body, asked.leave.permit.clone()).await {
        Ok(Deployed { app, unchanged, warnings }) => {
            let taken = Taken { deployment: app.id.0, app: &app.name, unchanged, warnings: &warnings };
            answer::json(StatusCode::OK, &taken)
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &DeployError) -> Answer {
    match error {
        error if error.is_refusal() => answer::message(StatusCode::BAD_REQUEST, &error.to_string()),
        DeployError::Store(error) => store_error(error),
        DeployError::Denied => answer::empty(StatusCode::UNAUTHORIZED),
        error => answer::internal_error(error),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: u64,
    app: String,
    created_time: String,
    is_current: bool,
    components: Vec<ListedComponent>,
}

#[derive(Serialize)]
struct ListedComponent {
    path: String,
    sha256: String,
}

/// All deployments, newest first.
async fn list(api: &Api, _asked: &Asked) -> Handled {
    let current = api.registry.current().map(|app| app.id);
    Ok(match api.deployer.deployments().await {
        Ok(deployments) => {
            let listed = deployments.into_iter().map(|deployment| Listed {
                id: deployment.id.0,
                is_current: current == Some(deployment.id),
                app: deployment.app,
                created_time: deployment.created_at.to_iso_seconds(),
                components: deployment.components.into_iter().map(|(path, sha256)| ListedComponent { path, sha256 }).collect(),
            });
            answer::json(StatusCode::OK, &listed.collect::<Vec<_>>())
        }
        Err(error) => store_error(&error),
    })
}

fn store_error(error: &StoreError) -> Answer {
    match error {
        StoreError::Full(_) => {
            answer::message(StatusCode::INSUFFICIENT_STORAGE, "the disk that holds the host's data is full; nothing was done")
        }
        StoreError::Unavailable(_) => answer::message(StatusCode::SERVICE_UNAVAILABLE, "the store cannot serve now; try again later"),
        StoreError::Unknown(_) | StoreError::Refused(_) | StoreError::Damaged(_) => answer::internal_error(error),
    }
}
