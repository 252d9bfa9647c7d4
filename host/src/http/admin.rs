//! Whether the host is ready, deploying to it, and what clients of it need to know.

use bytes::Bytes;
use http::StatusCode;
use hyper::body::Body;
use longhaul_store::Error as StoreError;
use serde::Serialize;

use super::answer::{self, Answer, BodyError};
use super::binding::ClientBinding;
use super::content::{content_type, encoding_refusal};
use super::links::Links;
use super::request::Asked;
use super::{Api, access};
use crate::access::AuthMode;
use crate::access::link::LinkCredential;
use crate::access::proof::Challenge;
use crate::app::bundle;
use crate::app::deployment::{DeployError, Deployed};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    app: Option<String>,
    deployment: Option<u64>,
}

/// 200 from the first moment on: the host listens only once everything behind it is ready.
pub(super) fn health(api: &Api) -> Answer {
    let app = api.registry.current();
    let health = Health {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
        app: app.as_ref().map(|app| app.name.clone()),
        deployment: app.map(|app| app.id.0),
    };
    answer::json(StatusCode::OK, &health)
}

#[derive(Serialize)]
struct Proof {
    proof: String,
}

/// Proves to a command on the same machine that this is the host of a data folder, before the command shows the key that is in there.
pub(super) fn prove(api: &Api, asked: &Asked) -> Answer {
    let Some(challenge) = Challenge::parse(asked.part(0)) else {
        return answer::message(StatusCode::BAD_REQUEST, "a challenge has 64 hexadecimal digits in lower case");
    };
    match api.access.keyring.proof(&challenge, asked.local) {
        Some(proof) => answer::json(StatusCode::OK, &Proof { proof }),
        None => answer::empty(StatusCode::NOT_FOUND),
    }
}

#[derive(Serialize)]
struct Taken<'a> {
    deployment: u64,
    app: &'a str,
    unchanged: bool,
    warnings: &'a [String],
}

/// Takes a deployment, as a whole or not at all.
pub(super) async fn deploy<B>(api: &Api, asked: &Asked, body: B) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<BodyError>,
{
    if content_type(&asked.head.headers).is_none_or(|kind| !kind.eq_ignore_ascii_case(bundle::CONTENT_TYPE)) {
        let text = format!("a deployment has the content type {}; use `longhaul deploy`", bundle::CONTENT_TYPE);
        return answer::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text);
    }
    if let Some(refusal) = encoding_refusal(&asked.head.headers) {
        return refusal;
    }
    let (body, _room) = match access::body_of(api, asked, body, api.config.max_deployment_bytes).await {
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
pub(super) async fn list(api: &Api) -> Answer {
    let current = api.registry.current().map(|app| app.id);
    match api.deployer.deployments().await {
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
    }
}

/// What a client library is configured with. Its addresses are those that the operator named, or as this caller reached the host.
pub(super) fn client_binding(api: &Api, asked: &Asked) -> Answer {
    let origin = api.config.public_url.clone().unwrap_or_else(|| asked.links.origin.clone());
    let key = match api.access.auth {
        AuthMode::Keys => Some(api.access.secrets.binding_key()),
        AuthMode::None => None,
    };
    let links = Links { origin, credential: key.clone().map_or(LinkCredential::None, LinkCredential::Key), ..asked.links.clone() };
    answer::json(StatusCode::OK, &ClientBinding::new(&links, api.addresses.rpc_base.as_deref(), key.as_deref()))
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
