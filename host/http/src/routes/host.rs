//! The host itself: whether it is ready, what it counts, and what clients of it need to know.

use http::{Method, StatusCode};
use serde::Serialize;

use super::{Handled, Need, Route, handler, root};
use crate::answer;
use crate::auth::AuthMode;
use crate::auth::link::LinkCredential;
use crate::auth::proof::Challenge;
use crate::binding::ClientBinding;
use crate::context::Api;
use crate::describe::{NOT_LOCAL, Operation, Reply, Shape, look};
use crate::links::Links;
use crate::request::Asked;
use crate::{metrics, openapi};

/// The routes of the host itself.
pub(super) const ROUTES: &[Route] = &[
    root(Some(Method::GET), "/", Need::Nothing, &ABOUT, handler!(about)),
    root(Some(Method::GET), "/healthz", Need::Nothing, &HEALTH, handler!(health)),
    root(Some(Method::GET), "/openapi.json", Need::Nothing, &DESCRIBE, handler!(describe)),
    root(Some(Method::GET), "/metrics", Need::Admin, &METRICS, handler!(show_metrics)),
    root(Some(Method::GET), "/admin/client-binding", Need::Admin, &CLIENT_BINDING, handler!(client_binding)),
    root(Some(Method::GET), "/admin/proof/{challenge}", Need::Nothing, &PROVE, handler!(prove)),
];

const ABOUT: Operation = look("about", "Say what this is", &[Reply(200, Shape::Plain, "A sentence")]);

const HEALTH: Operation =
    look("health", "Say that the host is ready", &[Reply(200, Shape::Object("Health"), "It is ready, with this app")]);

const DESCRIBE: Operation = look("describe", "Describe all routes", &[Reply(200, Shape::Json, "This document")]);

const METRICS: Operation =
    look("metrics", "Show counters for a monitoring system", &[Reply(200, Shape::Plain, "Counters as Prometheus reads them")]);

const CLIENT_BINDING: Operation = look(
    "clientBinding",
    "Show what client libraries of Azure Durable Functions are configured with",
    &[Reply(200, Shape::Object("ClientBinding"), "The binding"), NOT_LOCAL],
);

const PROVE: Operation = look(
    "prove",
    "Prove that the host runs on the data folder whose administrator's key the asker has; the challenge has 64 hexadecimal digits",
    &[
        Reply(
            200,
            Shape::Object("Proof"),
            "HMAC-SHA256 over the challenge and the address that was connected to, keyed by the key's SHA-256",
        ),
        Reply(400, Shape::Object("Message"), "It is no challenge"),
        Reply(404, Shape::Empty, "There is no key `default` for `admin`"),
    ],
);

async fn about(_api: &Api, _asked: &Asked) -> Handled {
    Ok(answer::plain(StatusCode::OK, "Longhaul runs durable functions. Client functions are below /api/.\n"))
}

async fn describe(api: &Api, _asked: &Asked) -> Handled {
    Ok(answer::json(StatusCode::OK, &openapi::document(&api.config.management_prefix)))
}

async fn show_metrics(api: &Api, _asked: &Asked) -> Handled {
    let dropped = (api.log_lines_dropped)();
    Ok(answer::metrics(metrics::text(&api.engine.counts(), api.registry.guest_counts(), &api.memory(), dropped)))
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    app: Option<String>,
    deployment: Option<u64>,
}

/// 200 from the first moment on: the host listens only once everything behind it is ready.
async fn health(api: &Api, _asked: &Asked) -> Handled {
    let app = api.registry.current();
    let health = Health {
        status: "ready",
        version: env!("CARGO_PKG_VERSION"),
        app: app.as_ref().map(|app| app.name.clone()),
        deployment: app.map(|app| app.id.0),
    };
    Ok(answer::json(StatusCode::OK, &health))
}

#[derive(Serialize)]
struct Proof {
    proof: String,
}

/// Proves to a command on the same machine that this is the host of a data folder, before the command shows the key that is in there.
async fn prove(api: &Api, asked: &Asked) -> Handled {
    let Some(challenge) = Challenge::parse(asked.part(0)) else {
        return Ok(answer::message(StatusCode::BAD_REQUEST, "a challenge has 64 hexadecimal digits in lower case"));
    };
    Ok(match api.access.keyring.proof(&challenge, asked.local) {
        Some(proof) => answer::json(StatusCode::OK, &Proof { proof }),
        None => answer::empty(StatusCode::NOT_FOUND),
    })
}

/// What a client library is configured with. Its addresses are those that the operator named, or as this caller reached the host.
async fn client_binding(api: &Api, asked: &Asked) -> Handled {
    let origin = api.config.public_url.clone().unwrap_or_else(|| asked.links.origin.clone());
    let key = match api.access.auth {
        AuthMode::Keys => Some(api.access.secrets.binding_key()),
        AuthMode::None => None,
    };
    let links = Links { origin, credential: key.clone().map_or(LinkCredential::None, LinkCredential::Key), ..asked.links.clone() };
    Ok(answer::json(StatusCode::OK, &ClientBinding::new(&links, api.addresses.rpc_base.as_deref(), key.as_deref())))
}
