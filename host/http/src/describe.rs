//! What the API document says of an operation: its parameters, its body, its answers.
//!
//! The operations themselves are described beside their handlers, in [`routes`](super::routes).

/// One operation, described. Several routes can lead to it.
pub struct Operation {
    /// Unique among operations; names functions in generated clients.
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

pub(super) const fn parameter(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, about }
}

pub(super) const TOP: Parameter = parameter("top", Kind::Count, "Most rows in the page; default 100, at most 1000");
pub(super) const TOKEN: Parameter =
    parameter("x-ms-continuation-token", Kind::Text, "The token of the page before; filters must be repeated");
pub(super) const KEY: Parameter =
    parameter("Idempotency-Key", Kind::Text, "The same request under the same key has one effect and the same answer for 24 hours");
pub(super) const ACCEPTED: Reply = Reply(202, Shape::Empty, "Accepted and on stable storage; done soon");
pub(super) const BAD_ARGUMENT: Reply = Reply(400, Shape::Object("Exception"), "Something in the request is wrong, and it says what");
pub(super) const TOO_LONG: Reply = Reply(413, Shape::Object("Message"), "The body is longer than the host takes");
pub(super) const KEY_USED: Reply = Reply(409, Shape::Object("Exception"), "The key was used for another request");

pub(super) const TIMEOUT: Parameter =
    parameter("timeout", Kind::Seconds, "With pollingInterval: how long to wait for the end before answering");
pub(super) const POLLING_INTERVAL: Parameter =
    parameter("pollingInterval", Kind::Seconds, "With timeout: must not be longer than it; the host needs no polling itself");
pub(super) const INSTANCES: &str = "instances";
pub(super) const HOST: &str = "host";
pub(super) const NOT_LOCAL: Reply = Reply(
    403,
    Shape::Object("Message"),
    "Another name than the host's, a page of another site, or a page of any site or a caller elsewhere while the host asks for no keys",
);
pub(super) const NO_ADMIN_KEY: Reply = Reply(
    401,
    Shape::Object("Message"),
    "An administrator's key is missing or wrong, which changes want also while the host asks for no keys; without a body where it asks for them",
);

/// An operation of the host that takes nothing but its path.
pub(super) const fn look(id: &'static str, summary: &'static str, replies: &'static [Reply]) -> Operation {
    Operation { id, group: HOST, summary, query: &[], headers: &[], body: Body::None, replies }
}
