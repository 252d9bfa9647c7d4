//! The host itself, its deployments, and client functions.

use super::{Body, Kind, Operation, Reply, Shape, TOO_LONG, parameter};

const HOST: &str = "host";
const NOT_LOCAL: Reply = Reply(
    403,
    Shape::Object("Message"),
    "Another name than the host's, a page of another site, or a page of any site or a caller elsewhere while the host asks for no keys",
);
const NO_ADMIN_KEY: Reply = Reply(
    401,
    Shape::Object("Message"),
    "An administrator's key is missing or wrong, which changes want also while the host asks for no keys; without a body where it asks for them",
);

const fn look(id: &'static str, summary: &'static str, replies: &'static [Reply]) -> Operation {
    Operation { id, group: HOST, summary, query: &[], headers: &[], body: Body::None, replies }
}

pub(super) const ABOUT: Operation = look("about", "Say what this is", &[Reply(200, Shape::Plain, "A sentence")]);

pub(super) const HEALTH: Operation =
    look("health", "Say that the host is ready", &[Reply(200, Shape::Object("Health"), "It is ready, with this app")]);

pub(super) const METRICS: Operation =
    look("metrics", "Show counters for a monitoring system", &[Reply(200, Shape::Plain, "Counters as Prometheus reads them")]);

pub(super) const DESCRIBE: Operation = look("describe", "Describe all routes", &[Reply(200, Shape::Json, "This document")]);

pub(super) const PROVE: Operation = look(
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

pub(super) const CLIENT_BINDING: Operation = look(
    "clientBinding",
    "Show what client libraries of Azure Durable Functions are configured with",
    &[Reply(200, Shape::Object("ClientBinding"), "The binding"), NOT_LOCAL],
);

pub(super) const LIST_DEPLOYMENTS: Operation =
    look("listDeployments", "List deployments, newest first", &[Reply(200, Shape::List("Deployment"), "All deployments"), NOT_LOCAL]);

pub(super) const LIST_TIMERS: Operation = Operation {
    query: &[parameter("next", Kind::Count, "Show this many due times to come of each, at most 100; default none")],
    ..look("listTimers", "List the timers of the current deployment by name", &[Reply(200, Shape::List("Timer"), "All timers"), NOT_LOCAL])
};

pub(super) const OPERATE_TIMER: Operation = look(
    "operateTimer",
    "Pause or resume a timer, or run it now; the operation is `pause`, `resume` or `run`",
    &[
        Reply(200, Shape::Object("Timer"), "How the timer stands now"),
        Reply(400, Shape::Object("Message"), "There is no such timer; it says which there are"),
        NO_ADMIN_KEY,
        NOT_LOCAL,
        Reply(404, Shape::Empty, "There is no such operation"),
        Reply(503, Shape::Object("Message"), "The store or a new deployment is in the way; try again"),
    ],
);

const BAD_KEY: Reply = Reply(400, Shape::Object("Message"), "There is no such scope or name; it says which there are");
const NO_KEY: Reply = Reply(404, Shape::Object("Message"), "There is no such key");

pub(super) const LIST_KEYS: Operation =
    look("listKeys", "List keys by scope and name, without the keys themselves", &[Reply(200, Shape::List("Key"), "All keys"), NOT_LOCAL]);

pub(super) const ADD_KEY: Operation = look(
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

pub(super) const ROTATE_KEY: Operation = look(
    "rotateKey",
    "Make a key anew; the old one is worthless at once",
    &[Reply(200, Shape::Object("Key"), "The key, shown this once"), BAD_KEY, NO_ADMIN_KEY, NOT_LOCAL, NO_KEY],
);

pub(super) const REVOKE_KEY: Operation = look(
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

pub(super) const DEPLOY: Operation = Operation {
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

pub(super) const CALL_FUNCTION: Operation = Operation {
    body: Body::Any,
    ..look(
        "callFunction",
        "Call a client function by its route, which may have several parts; the function says what comes back",
        &[
            Reply(200, Shape::Json, "What the function answers, with whatever code and type it chooses"),
            Reply(404, Shape::Empty, "No function has this route"),
            Reply(500, Shape::Object("Message"), "The function failed"),
        ],
    )
};
