//! What the API document says of each action: its parameters, its body, its answers.
//!
//! The actions themselves are described in `instances`, `entities` and `host`.

use super::router::Action;

mod entities;
mod host;
mod instances;

/// One action, described.
pub struct Operation {
    /// Unique among actions; names functions in generated clients.
    pub id: &'static str,
    /// The group that the document shows it in.
    pub group: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What the query may have.
    pub query: &'static [Parameter],
    /// What the headers may have.
    pub headers: &'static [Parameter],
    /// What the body is.
    pub body: Body,
    /// What is answered.
    pub replies: &'static [Reply],
}

/// A member of the query, or a header. None is required.
pub struct Parameter {
    /// Its name, which ignores case.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it does, with its default.
    pub about: &'static str,
}

/// What a value is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// Texts; the parameter is repeated for each.
    Texts,
    /// `true` or `false`.
    Flag,
    /// A whole number from 1 on.
    Count,
    /// Seconds, with a fraction perhaps.
    Seconds,
    /// A date and time in ISO 8601.
    Date,
    /// Names of statuses, separated by commas.
    Statuses,
}

/// What a request's body is.
#[derive(Clone, Copy)]
pub enum Body {
    /// Ignored.
    None,
    /// One JSON value, or nothing.
    Json,
    /// Whatever the function wants, or, where there is none, nothing.
    Any,
    /// An app, as `longhaul deploy` sends it.
    Deployment,
}

/// One answer.
pub struct Reply(pub u16, pub Shape, pub &'static str);

/// What the body of an answer is.
#[derive(Clone, Copy)]
pub enum Shape {
    /// Nothing.
    Empty,
    /// Plain text.
    Plain,
    /// Any JSON value.
    Json,
    /// The schema of this name.
    Object(&'static str),
    /// A list of objects of the schema of this name.
    List(&'static str),
    /// A JSON text.
    Text,
}

const fn parameter(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, about }
}

const TOP: Parameter = parameter("top", Kind::Count, "Most rows in the page; default 100, at most 1000");
const TOKEN: Parameter = parameter("x-ms-continuation-token", Kind::Text, "The token of the page before; filters must be repeated");
const KEY: Parameter =
    parameter("Idempotency-Key", Kind::Text, "The same request under the same key has one effect and the same answer for 24 hours");
const ACCEPTED: Reply = Reply(202, Shape::Empty, "Accepted and on stable storage; done soon");
const BAD_ARGUMENT: Reply = Reply(400, Shape::Object("Exception"), "Something in the request is wrong, and it says what");
const TOO_LONG: Reply = Reply(413, Shape::Object("Message"), "The body is longer than the host takes");
const KEY_USED: Reply = Reply(409, Shape::Object("Exception"), "The key was used for another request");

impl Action {
    /// What the document says of it.
    pub fn operation(self) -> &'static Operation {
        match self {
            Self::Start => &instances::START,
            Self::Restart => &instances::RESTART,
            Self::Status => &instances::STATUS,
            Self::ListInstances => &instances::LIST_INSTANCES,
            Self::PurgeInstance => &instances::PURGE_INSTANCE,
            Self::PurgeInstances => &instances::PURGE_INSTANCES,
            Self::RaiseEvent => &instances::RAISE_EVENT,
            Self::Terminate => &instances::TERMINATE,
            Self::Suspend => &instances::SUSPEND,
            Self::Resume => &instances::RESUME,
            Self::Rewind => &instances::REWIND,
            Self::ListEntities => &entities::LIST_ENTITIES,
            Self::ReadEntity => &entities::READ_ENTITY,
            Self::SignalEntity => &entities::SIGNAL_ENTITY,
            Self::DeleteEntity => &entities::DELETE_ENTITY,
            Self::About => &host::ABOUT,
            Self::Health => &host::HEALTH,
            Self::Prove => &host::PROVE,
            Self::Metrics => &host::METRICS,
            Self::Describe => &host::DESCRIBE,
            Self::Deploy => &host::DEPLOY,
            Self::ListDeployments => &host::LIST_DEPLOYMENTS,
            Self::ListTimers => &host::LIST_TIMERS,
            Self::OperateTimer => &host::OPERATE_TIMER,
            Self::ListKeys => &host::LIST_KEYS,
            Self::AddKey => &host::ADD_KEY,
            Self::RotateKey => &host::ROTATE_KEY,
            Self::RevokeKey => &host::REVOKE_KEY,
            Self::ClientBinding => &host::CLIENT_BINDING,
            Self::CallFunction => &host::CALL_FUNCTION,
        }
    }
}
