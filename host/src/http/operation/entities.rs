//! Entities.

use super::{ACCEPTED, Body, KEY, KEY_USED, Kind, Operation, Reply, Shape, TOKEN, TOO_LONG, TOP, parameter};

const ENTITIES: &str = "entities";
const REFUSED: Reply = Reply(400, Shape::Object("Message"), "There is no such entity function, or the key or the body is wrong");

pub(super) const LIST_ENTITIES: Operation = Operation {
    id: "listEntities",
    group: ENTITIES,
    summary: "List entities that exist",
    query: &[
        parameter("lastOperationTimeFrom", Kind::Date, "Changed then or later"),
        parameter("lastOperationTimeTo", Kind::Date, "Changed then or earlier; default now"),
        parameter("fetchState", Kind::Flag, "Show states; default false"),
        TOP,
    ],
    headers: &[TOKEN],
    body: Body::None,
    replies: &[Reply(200, Shape::List("EntityStatus"), "A page; the header x-ms-continuation-token is empty on the last one")],
};

pub(super) const READ_ENTITY: Operation = Operation {
    id: "readEntity",
    group: ENTITIES,
    summary: "Read the state of an entity; the key $ is the empty key",
    query: &[],
    headers: &[],
    body: Body::None,
    replies: &[Reply(200, Shape::Json, "The state"), Reply(404, Shape::Empty, "There is no such entity")],
};

pub(super) const SIGNAL_ENTITY: Operation = Operation {
    id: "signalEntity",
    group: ENTITIES,
    summary: "Send an operation to an entity; the body is its input, as JSON or as text by its content type. Without a key in the path the key is empty",
    query: &[parameter("op", Kind::Text, "The name of the operation; default empty")],
    headers: &[KEY],
    body: Body::Json,
    replies: &[ACCEPTED, REFUSED, KEY_USED, TOO_LONG],
};

pub(super) const DELETE_ENTITY: Operation = Operation {
    id: "deleteEntity",
    group: ENTITIES,
    summary: "Send the operation `delete` to an entity. Without a key in the path the key is empty",
    query: &[],
    headers: &[KEY],
    body: Body::None,
    replies: &[ACCEPTED, REFUSED, KEY_USED],
};
