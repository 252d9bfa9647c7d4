//! Removing instances.

use std::time::Duration;

use http::StatusCode;
use longhaul_core::InstanceId;
use longhaul_store::InstanceQuery;
use serde::Serialize;
use tokio::time::Instant;

use super::purge_filter;
use crate::answer::{self, Answer, CONTINUATION_TOKEN};
use crate::context::Api;
use crate::pages::{strict_token, token_of};
use crate::request::Asked;
use crate::routes::Handled;
use longhaul_engine::clock;
use longhaul_engine::{Engine, EngineError};

/// Instances that one step of a purge by filter looks at. A step is at least one transaction, between which others commit.
const STEP_INSTANCES: u32 = 256;
/// How long one request removes before it answers with what it has done and a token to go on with: well below the time limits of usual clients and
/// proxies.
const REQUEST_LIMIT: Duration = Duration::from_secs(20);
/// Most instances that an answer names which were to be removed and were not.
const MAX_NAMED: usize = 100;

/// What was removed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Purged {
    instances_deleted: u32,
    /// False if the request's time was over before the filter's instances were: the answer's token goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_complete: Option<bool>,
    /// Ended instances that were at work for too long to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instances_at_work: Vec<InstanceId>,
}

/// Removes one instance that has ended, or an entity.
pub(super) async fn purge(api: &Api, asked: &Asked) -> Handled {
    let id = InstanceId::trusted(asked.part(0));
    let purged = |instances_deleted| answer::json(StatusCode::OK, &Purged { instances_deleted, ..Purged::default() });
    match api.engine.under(asked.leave.permit.clone()).purge(&id).await {
        Ok(0) | Err(EngineError::NotFound(_)) if !id.is_entity() => Ok(answer::empty(StatusCode::NOT_FOUND)),
        Ok(instances_deleted) => Ok(purged(instances_deleted)),
        Err(EngineError::NotFound(_)) => Ok(purged(0)),
        Err(EngineError::WrongState(reason)) => Ok(answer::text(StatusCode::PRECONDITION_FAILED, &reason)),
        Err(error) => Err(error),
    }
}

/// Removes the ended orchestrations that a filter covers, never entities.
pub(super) async fn purge_many(api: &Api, asked: &Asked) -> Handled {
    let filter = purge_filter::read(&asked.query, clock::now(), STEP_INSTANCES);
    let query = match filter.and_then(|query| Ok(InstanceQuery { after: strict_token(&asked.head.headers)?, ..query })) {
        Ok(query) => query,
        Err(problem) => return Ok(answer::text(StatusCode::BAD_REQUEST, &problem)),
    };
    let (purged, next) = purge_until(&api.engine.under(asked.leave.permit.clone()), query, Instant::now() + REQUEST_LIMIT).await?;
    Ok(answer_many(purged, next.as_ref()))
}

/// Removes step by step. Returns what was removed, and where to go on if the time was over before.
async fn purge_until(engine: &Engine, mut query: InstanceQuery, deadline: Instant) -> Result<(Purged, Option<InstanceId>), EngineError> {
    let mut purged = Purged::default();
    // No status left means that nothing the request names has ended; an empty filter would mean the opposite to the store.
    while !query.statuses.is_empty() {
        let found = engine.list(query.clone()).await?.value;
        let ids: Vec<_> = found.rows.into_iter().map(|row| row.id).filter(|id| !id.is_entity()).collect();
        if !ids.is_empty() {
            let step = engine.purge_ended(ids).await?;
            purged.instances_deleted += step.removed;
            let room = MAX_NAMED - purged.instances_at_work.len();
            purged.instances_at_work.extend(step.at_work.into_iter().take(room));
        }
        let Some(next) = found.next else { break };
        if Instant::now() >= deadline {
            purged.is_complete = Some(false);
            return Ok((purged, Some(next)));
        }
        query.after = Some(next);
    }
    Ok((purged, None))
}

/// The token's header is empty once the filter covers nothing more, never absent.
fn answer_many(purged: Purged, next: Option<&InstanceId>) -> Answer {
    if purged.instances_deleted == 0 && purged.instances_at_work.is_empty() && next.is_none() {
        return answer::empty(StatusCode::NOT_FOUND);
    }
    let token = next.map(|id| token_of(id.as_str())).unwrap_or_default();
    answer::with_header(answer::json(StatusCode::OK, &purged), CONTINUATION_TOKEN, &token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::body_of;

    #[tokio::test]
    async fn an_answer_has_the_members_of_the_contract_and_others_only_where_they_say_something() {
        let done = answer_many(Purged { instances_deleted: 7, ..Purged::default() }, None);
        assert_eq!((done.status(), &done.headers()[CONTINUATION_TOKEN]), (StatusCode::OK, &"".parse().unwrap()));
        assert_eq!(body_of(done).await, r#"{"instancesDeleted":7}"#);
        assert_eq!(answer_many(Purged::default(), None).status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn an_answer_says_what_is_left_even_if_nothing_was_removed_yet() {
        let purged = Purged { is_complete: Some(false), instances_at_work: vec![InstanceId::trusted("b")], ..Purged::default() };
        let left = answer_many(purged, Some(&InstanceId::trusted("a b")));
        assert_eq!((left.status(), &left.headers()[CONTINUATION_TOKEN]), (StatusCode::OK, &token_of("a b").parse().unwrap()));
        assert_eq!(body_of(left).await, r#"{"instancesDeleted":0,"isComplete":false,"instancesAtWork":["b"]}"#);
    }
}
