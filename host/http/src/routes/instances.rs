//! Instances: listing, showing, removing and steering them.

mod lifecycle;
mod list;
mod purge;
mod purge_filter;
pub(super) mod status;

use http::Method;

use super::OtherHub::NotFound;
use super::{Need, OtherHub, Route, handler, manage};
use crate::auth::link::Verb;
use crate::describe::{
    ACCEPTED, BAD_ARGUMENT, Body, INSTANCES, KEY, KEY_USED, Kind, Operation, Parameter, Reply, Shape, TOKEN, TOO_LONG, TOP, parameter,
};

/// The routes of instances.
pub(super) const ROUTES: &[Route] = &[
    manage(Method::GET, "/instances", Need::System, OtherHub::EmptyPage, &LIST_INSTANCES, handler!(list::list)),
    manage(Method::GET, "/instances/{instanceId}", Need::Instance(Verb::Status), NotFound, &STATUS, handler!(status::status)),
    manage(Method::DELETE, "/instances", Need::System, NotFound, &PURGE_INSTANCES, handler!(purge::purge_many)),
    manage(Method::DELETE, "/instances/{instanceId}", Need::Instance(Verb::Purge), NotFound, &PURGE_INSTANCE, handler!(purge::purge)),
    manage(
        Method::POST,
        "/instances/{instanceId}/terminate",
        Need::Instance(Verb::Terminate),
        NotFound,
        &TERMINATE,
        handler!(lifecycle::terminate),
    ),
    manage(
        Method::POST,
        "/instances/{instanceId}/suspend",
        Need::Instance(Verb::Suspend),
        NotFound,
        &SUSPEND,
        handler!(lifecycle::suspend),
    ),
    manage(Method::POST, "/instances/{instanceId}/resume", Need::Instance(Verb::Resume), NotFound, &RESUME, handler!(lifecycle::resume)),
    manage(Method::POST, "/instances/{instanceId}/rewind", Need::Instance(Verb::Rewind), NotFound, &REWIND, handler!(lifecycle::rewind)),
    manage(
        Method::POST,
        "/instances/{instanceId}/raiseEvent/{eventName}",
        Need::Instance(Verb::RaiseEvent),
        NotFound,
        &RAISE_EVENT,
        handler!(lifecycle::raise_event, body),
    ),
];

const REASON: Parameter = parameter("reason", Kind::Text, "Why; shown in the history");
const DEPLOYMENT: Parameter =
    parameter("deployment", Kind::Text, "`pinned` (default): goes on with the code it began on; `current`: with the current deployment's");
const SHOW_INPUT: Parameter = parameter("showInput", Kind::Flag, "Show inputs; default true");
const CREATED_FROM: Parameter = parameter("createdTimeFrom", Kind::Date, "Created then or later");
const CREATED_TO: Parameter = parameter("createdTimeTo", Kind::Date, "Created then or earlier");
const STATUSES: Parameter = parameter("runtimeStatus", Kind::Statuses, "Has one of these statuses; unknown names are ignored");
const PREFIX: Parameter = parameter("instanceIdPrefix", Kind::Text, "The id begins with this");
const UNKNOWN: Reply = Reply(404, Shape::Empty, "There is no such instance");
const ENDED: Reply = Reply(410, Shape::Empty, "The instance has ended");

const LIST_INSTANCES: Operation = Operation {
    id: "listInstances",
    group: INSTANCES,
    summary: "List instances",
    query: &[
        CREATED_FROM,
        CREATED_TO,
        STATUSES,
        parameter("instanceIdPrefix", Kind::Text, "The id begins with this; entities are listed only where it begins with @"),
        SHOW_INPUT,
        TOP,
    ],
    headers: &[TOKEN],
    body: Body::None,
    replies: &[Reply(200, Shape::List("InstanceStatus"), "A page; the header x-ms-continuation-token is empty on the last one")],
};

const STATUS: Operation = Operation {
    id: "getInstance",
    group: INSTANCES,
    summary: "Show an instance",
    query: &[
        SHOW_INPUT,
        parameter("showHistory", Kind::Flag, "Show historyEvents; default false"),
        parameter("showHistoryOutput", Kind::Flag, "Show results in historyEvents; default false"),
        parameter("returnInternalServerErrorOnFailure", Kind::Flag, "Answer 500 for a failed instance; default false"),
    ],
    headers: &[],
    body: Body::None,
    replies: &[
        Reply(200, Shape::Object("InstanceStatus"), "It has ended"),
        Reply(202, Shape::Object("InstanceStatus"), "It goes on; Location and Retry-After say where and when to ask again"),
        UNKNOWN,
        Reply(500, Shape::Object("InstanceStatus"), "It failed, and the request asked for this code then"),
    ],
};

const PURGE_INSTANCES: Operation = Operation {
    id: "purgeInstances",
    group: INSTANCES,
    summary: "Remove the ended orchestrations that a filter covers",
    query: &[
        parameter("createdTimeFrom", Kind::Date, "Created then or later; the request is refused without it"),
        parameter("createdTimeTo", Kind::Date, "Created then or earlier; default now"),
        parameter("runtimeStatus", Kind::Statuses, "Has ended with one of these statuses"),
        PREFIX,
    ],
    headers: &[TOKEN],
    body: Body::None,
    replies: &[
        Reply(
            200,
            Shape::Object("Purged"),
            "Removed; the header x-ms-continuation-token is empty unless the request's time was over: then the same request with it goes on",
        ),
        Reply(
            400,
            Shape::Text,
            "createdTimeFrom is missing, or something in the query or the token cannot be read or is not known; nothing was removed",
        ),
        Reply(404, Shape::Empty, "The filter covers nothing"),
    ],
};

const PURGE_INSTANCE: Operation = Operation {
    id: "purgeInstance",
    group: INSTANCES,
    summary: "Remove an instance that has ended, or an entity, with its history",
    query: &[],
    headers: &[],
    body: Body::None,
    replies: &[Reply(200, Shape::Object("Purged"), "Removed"), UNKNOWN, Reply(412, Shape::Text, "The instance has not ended")],
};

const TERMINATE: Operation = Operation {
    id: "terminateInstance",
    group: INSTANCES,
    summary: "End an instance",
    query: &[REASON, parameter("recursive", Kind::Flag, "End its children, too; default true")],
    headers: &[KEY],
    body: Body::None,
    replies: &[ACCEPTED, UNKNOWN, KEY_USED, ENDED],
};

const SUSPEND: Operation = Operation {
    id: "suspendInstance",
    group: INSTANCES,
    summary: "Hold an instance",
    query: &[REASON],
    headers: &[KEY],
    body: Body::None,
    replies: &[ACCEPTED, UNKNOWN, KEY_USED, ENDED, Reply(500, Shape::Object("Exception"), "It is held already")],
};

const RESUME: Operation = Operation {
    id: "resumeInstance",
    group: INSTANCES,
    summary: "Let a held or parked instance go on",
    query: &[REASON],
    headers: &[KEY],
    body: Body::None,
    replies: &[ACCEPTED, UNKNOWN, KEY_USED, ENDED, Reply(500, Shape::Object("Exception"), "It is neither held nor parked")],
};

const REWIND: Operation = Operation {
    id: "rewindInstance",
    group: INSTANCES,
    summary: "Take a failed instance back to before its failure",
    query: &[REASON, DEPLOYMENT],
    headers: &[KEY],
    body: Body::None,
    replies: &[
        ACCEPTED,
        Reply(400, Shape::Text, "The deployment is neither 'pinned' nor 'current'"),
        Reply(404, Shape::Text, "There is no such instance"),
        KEY_USED,
        Reply(412, Shape::Text, "The instance has not failed"),
    ],
};

const RAISE_EVENT: Operation = Operation {
    id: "raiseEvent",
    group: INSTANCES,
    summary: "Raise an event; the body is its payload",
    query: &[],
    headers: &[KEY],
    body: Body::Json,
    replies: &[ACCEPTED, BAD_ARGUMENT, UNKNOWN, KEY_USED, ENDED, TOO_LONG],
};
