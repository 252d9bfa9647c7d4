//! Starting orchestrations, and starting them again.

use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use longhaul_core::{InstanceId, InstanceKind, InstanceRow, Payload, RuntimeStatus, Tags, Timestamp, tags_of};
use longhaul_store::Payloads;
use tokio::time::Instant;

use super::instances::status::{self, Shown};
use super::{Handled, Need, OtherHub, Route, handler, manage};
use crate::answer::{self, Answer, Exception};
use crate::auth::link::Verb;
use crate::azure::failure_text;
use crate::content::{self, json_of};
use crate::context::Api;
use crate::date;
use crate::describe::{BAD_ARGUMENT, Body, INSTANCES, KEY, Kind, Operation, POLLING_INTERVAL, Reply, Shape, TIMEOUT, TOO_LONG, parameter};
use crate::idempotency::{acting, keyed};
use crate::query::Query;
use crate::request::{Asked, RequestBody};
use longhaul_engine::{Binding, EngineError, Keyed, Read, StartRequest};

/// Seconds that a caller should wait before it asks for the status of what it started.
const RETRY_AFTER_SECONDS: &str = "10";

/// Not before this time.
const SCHEDULED_START_TIME: &str = "scheduledStartTime";
/// A tag, as `key:value`; can be repeated.
const TAG: &str = "tag";
/// Longest wait for a live instance of the same id to end, where a start replaces it; a caller that hangs up ends the wait, too.
const REPLACE_LIMIT: Duration = Duration::from_secs(3_600);

/// The routes that start orchestrations.
pub(super) const ROUTES: &[Route] = &[
    manage(Method::POST, "/orchestrators/{functionName}", Need::System, OtherHub::BadArgument, &START, handler!(start, body)),
    manage(Method::POST, "/orchestrators/{functionName}/{instanceId}", Need::System, OtherHub::BadArgument, &START, handler!(start, body)),
    manage(
        Method::POST,
        "/instances/{instanceId}/restart",
        Need::Instance(Verb::Restart),
        OtherHub::BadArgument,
        &RESTART,
        handler!(restart),
    ),
];

const START: Operation = Operation {
    id: "startOrchestration",
    group: INSTANCES,
    summary: "Start an orchestration; the body is its input",
    query: &[
        TIMEOUT,
        POLLING_INTERVAL,
        parameter("version", Kind::Text, "The version to start"),
        parameter("scheduledStartTime", Kind::Date, "Not before this time"),
        parameter("tag", Kind::Texts, "A tag as key:value"),
    ],
    headers: &[KEY],
    body: Body::Json,
    replies: &[
        Reply(200, Shape::Json, "It ended within the time-out: the output, or the status object if it did not complete"),
        Reply(202, Shape::Object("ManagementPayload"), "Started; Location is where to ask for the status"),
        BAD_ARGUMENT,
        Reply(409, Shape::Object("Message"), "An instance of this id is live, or the key was used for another request"),
        TOO_LONG,
    ],
};

const RESTART: Operation = Operation {
    id: "restartInstance",
    group: INSTANCES,
    summary: "Start an orchestration again with its input",
    query: &[parameter("restartWithNewInstanceId", Kind::Flag, "As a new instance; default true"), TIMEOUT, POLLING_INTERVAL],
    headers: &[KEY],
    body: Body::None,
    replies: &[
        Reply(200, Shape::Json, "It ended within the time-out: the output, or the status object if it did not complete"),
        Reply(202, Shape::Object("ManagementPayload"), "Started; Location is where to ask for the status"),
        BAD_ARGUMENT,
        Reply(409, Shape::Object("Exception"), "The instance of this id is live, or the key was used for another request"),
    ],
};

/// Starts an orchestration; with `timeout` and `pollingInterval` waits for its end.
pub(super) async fn start(api: &Api, asked: &Asked, body: RequestBody) -> Handled {
    let wait = match wait_of(asked) {
        Ok(wait) => wait,
        Err(refusal) => return Ok(answer::bad_argument(&refusal)),
    };
    let (tags, at) = match extras_of(&asked.query) {
        Ok(extras) => extras,
        Err(refusal) => return Ok(answer::bad_argument(&refusal)),
    };
    let (body, room) = match content::read(api, asked, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal),
    };
    let begun = match keyed(api, asked, "start", &["version", SCHEDULED_START_TIME, TAG], &body).await? {
        Keyed::Accepted(id) => Ok((id, None)),
        Keyed::First(binding) => {
            let input = match json_of(body.clone(), api.config.max_json_depth).await {
                Ok(input) => input,
                Err(reason) => return Ok(answer::bad_json(&reason)),
            };
            drop(body);
            begin(api, binding, asked, input, tags, at).await
        }
    };
    // A wait for the instance's end needs none of it.
    drop(room);
    match begun {
        Ok((id, born_at)) => started(api, asked, &id, born_at, wait).await,
        Err(error) => refused(error),
    }
}

/// What was started, and when first, if that is known.
type Begun = Result<(InstanceId, Option<Timestamp>), EngineError>;

/// Starts what was asked. The binding is dropped here: a wait for the instance's end must not hold up others with the same key.
async fn begin(api: &Api, binding: Binding, asked: &Asked, input: Payload, tags: Tags, at: Option<Timestamp>) -> Begun {
    let instance_id = Some(asked.part(1)).filter(|id| !id.is_empty()).map(str::to_owned);
    let request = StartRequest {
        name: asked.part(0).to_owned(),
        input,
        instance_id,
        version: asked.query.non_blank("version"),
        tags,
        at,
        replace_within: Some(REPLACE_LIMIT),
        born_at: None,
    };
    acting(api, asked).start_to_watch(request, &binding).await.map(|(id, born_at)| (id, Some(born_at)))
}

/// Starts the same orchestration with the same input again, under a new id unless `restartWithNewInstanceId` is false. In place the instance
/// stays the same one, so that the addresses of it that are in use stay good.
pub(super) async fn restart(api: &Api, asked: &Asked) -> Handled {
    let wait = match wait_of(asked) {
        Ok(wait) => wait,
        Err(refusal) => return Ok(answer::bad_argument(&refusal)),
    };
    let binding = match keyed(api, asked, "restart", &["restartWithNewInstanceId"], &Bytes::new()).await? {
        Keyed::Accepted(id) => return started(api, asked, &id, None, wait).await,
        Keyed::First(binding) => binding,
    };
    let engine = acting(api, asked);
    let (id, permit) = (InstanceId::trusted(asked.part(0)), &asked.leave.permit);
    let Read { value: row, room } = engine.row(&id, Payloads { input: true, ..Payloads::NONE }).await?;
    let row = row.filter(|row| row.kind == InstanceKind::Orchestration && permit.is_for(row.born_at));
    let Some(row) = row else { return Ok(no_such_instance(&id)) };
    let with_new_id = asked.query.bool("restartWithNewInstanceId").unwrap_or(true);
    let InstanceRow { name, input, version, tags, born_at, .. } = row;
    let (instance_id, engine) = match with_new_id {
        true => (None, engine.under(permit.clone().for_any_instance())),
        // What was read is what is started again, and not what another request may put in its place now.
        false => (Some(id.to_string()), engine.under(permit.clone().for_instance_born_at(born_at))),
    };
    let request = StartRequest {
        name,
        input: input.unwrap_or_else(Payload::null),
        instance_id,
        version,
        tags,
        at: None,
        replace_within: Some(REPLACE_LIMIT),
        born_at: (!with_new_id).then_some(born_at),
    };
    let begun = engine.start_to_watch(request, &binding).await;
    // A wait for the instance's end must not hold up others with the same key, nor needs it the input.
    drop((binding, room));
    match begun {
        Ok((id, born_at)) => started(api, asked, &id, Some(born_at), wait).await,
        Err(conflict @ EngineError::Conflict(..)) => Ok(still_running(&conflict)),
        Err(EngineError::NotFound(id)) => Ok(no_such_instance(&id)),
        Err(error) => refused(error),
    }
}

/// The members of the query that are ours and not the contract's: tags, and the time to start at. What cannot be read is refused here,
/// not ignored, since no client sends it by habit.
fn extras_of(query: &Query) -> Result<(Tags, Option<Timestamp>), String> {
    let at = match query.get(SCHEDULED_START_TIME) {
        None => None,
        Some(text) => Some(
            date::parse(&text)
                .ok_or_else(|| format!("{SCHEDULED_START_TIME} '{text}' is no date; one is written like 2030-01-31T09:30:00Z"))?,
        ),
    };
    let pair = |text: &str| {
        let (key, value) = text.split_once(':').ok_or_else(|| format!("{TAG} '{text}' has no colon; a tag is written key:value"))?;
        Ok((key.to_owned(), value.to_owned()))
    };
    let pairs: Vec<_> = query.values(TAG).map(pair).collect::<Result<_, String>>()?;
    Ok((tags_of(pairs).map_err(|problem| problem.to_string())?, at))
}

/// How long to wait for the end, if both parameters say so. Refused before anything starts when the two contradict each other.
fn wait_of(asked: &Asked) -> Result<Option<Duration>, String> {
    let (Some(timeout), Some(interval)) = (asked.query.seconds("timeout"), asked.query.seconds("pollingInterval")) else {
        return Ok(None);
    };
    if interval > timeout {
        let (timeout, interval) = (timeout.as_secs_f64(), interval.as_secs_f64());
        return Err(format!("Total timeout {timeout} should be bigger than retry timeout {interval}"));
    }
    Ok(Some(timeout))
}

/// 400 has a body of its own here, with the members that the libraries read.
fn refused(error: EngineError) -> Handled {
    match error {
        EngineError::Invalid(reason) => Ok(answer::bad_argument(&reason)),
        EngineError::UnknownOrchestrator(reason) => Ok(answer::unknown_function(&reason)),
        error => Err(error),
    }
}

async fn started(api: &Api, asked: &Asked, id: &InstanceId, born_at: Option<Timestamp>, wait: Option<Duration>) -> Handled {
    // A wait shows what comes out in the end, which is for those who may see the status.
    let Some(wait) = wait.filter(|_| asked.leave.rights.allow(Verb::Status)) else { return Ok(accepted(asked, id, born_at)) };
    // The engine tells at once when the instance ends, so the polling interval has nothing left to say.
    tokio::select! {
        ended = api.engine.ended(id, Instant::now() + wait) => ended?,
        // The instance goes on after the next start, and the caller knows where to ask for it.
        () = api.stopped() => return Ok(accepted(asked, id, born_at)),
    }
    let Read { value: row, room } = api.engine.row(id, Payloads { output: true, ..Payloads::NONE }).await?;
    if !asked.leave.permit.holds() {
        return Err(EngineError::Denied);
    }
    match row.filter(|row| row.status.is_terminal() && born_at.is_none_or(|born_at| row.born_at == born_at)) {
        None => Ok(accepted(asked, id, born_at)),
        Some(row) if row.status == RuntimeStatus::Completed => {
            Ok(answer::payload(StatusCode::OK, row.output.unwrap_or_else(Payload::null), room).await)
        }
        Some(_) => {
            drop(room);
            status::show(api, asked, id, born_at, Shown::of(&asked.query).with_failure_as_end()).await
        }
    }
}

/// 202 with the addresses to manage the instance.
fn accepted(asked: &Asked, id: &InstanceId, born_at: Option<Timestamp>) -> Answer {
    let links = born_at.map_or_else(|| asked.links.clone(), |born_at| asked.links.for_instance_born_at(born_at));
    let payload = links.management_payload(id.as_str());
    let answer = answer::json(StatusCode::ACCEPTED, &payload);
    let answer = answer::with_header(answer, LOCATION, &payload.status_query_get_uri);
    answer::with_header(answer, RETRY_AFTER, RETRY_AFTER_SECONDS)
}

fn no_such_instance(id: &InstanceId) -> Answer {
    let message = "InstanceId does not match a valid orchestration instance.";
    let reason = format!("there is no orchestration with the instance id '{id}'");
    answer::exception(StatusCode::BAD_REQUEST, &Exception { message, reason: &reason, kind: "System.ArgumentException" })
}

fn still_running(conflict: &EngineError) -> Answer {
    let message = "A non-terminal instance with this instance ID already exists.";
    let kind = "DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException";
    answer::exception(StatusCode::CONFLICT, &Exception { message, reason: &failure_text::of(conflict), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extras(query: &str) -> Result<(Tags, Option<Timestamp>), String> {
        extras_of(&Query::parse(query))
    }

    #[test]
    fn tags_are_split_at_their_first_colon_and_a_time_has_a_zone_or_is_utc() {
        let (tags, at) = extras("tag=team:pay&Tag=url%3Ahttp%3A//a&tag=empty:&scheduledStartTime=2030-01-31T10:00:00%2B01:00").unwrap();
        let expected = [("empty", ""), ("team", "pay"), ("url", "http://a")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(tags, Tags::from(expected));
        assert_eq!(at.unwrap().to_iso_seconds(), "2030-01-31T09:00:00Z");
        assert_eq!(extras("version=1").unwrap(), (Tags::new(), None));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_way_to_write_it() {
        assert!(extras("scheduledStartTime=soon").unwrap_err().contains("2030-01-31T09:30:00Z"));
        assert!(extras("scheduledStartTime=").is_err());
        assert!(extras("tag=team").unwrap_err().contains("key:value"));
        assert!(extras("tag=:x").is_err());
        assert!(extras("tag=a:1&tag=a:2").unwrap_err().contains("twice"));
    }
}
