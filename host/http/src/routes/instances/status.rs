//! Showing one instance.

use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use longhaul_core::{InstanceId, InstanceRow, RuntimeStatus, Timestamp};
use longhaul_store::Payloads;

use crate::answer;
use crate::auth::link::Verb;
use crate::authorize::KEY_PARAMETER;
use crate::azure::history_json::{HistoryOptions, history_json};
use crate::context::Api;
use crate::payload::InstanceStatus;
use crate::query::Query;
use crate::request::Asked;
use crate::routes::Handled;
use longhaul_engine::{EngineError, Read};

/// Seconds that a caller should wait before it asks again for the status of an instance that goes on.
const RETRY_AFTER_SECONDS: &str = "5";

/// What a request for a status wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::routes) struct Shown {
    pub(super) input: bool,
    history: bool,
    history_output: bool,
    failure_is_500: bool,
}

impl Shown {
    pub(in crate::routes) fn of(query: &Query) -> Self {
        Self {
            input: query.bool("showInput").unwrap_or(true),
            history: query.bool("showHistory").unwrap_or(false),
            history_output: query.bool("showHistoryOutput").unwrap_or(false),
            failure_is_500: query.bool("returnInternalServerErrorOnFailure").unwrap_or(false),
        }
    }

    /// The same, where a failure is answered like any other end.
    pub(in crate::routes) fn with_failure_as_end(self) -> Self {
        Self { failure_is_500: false, ..self }
    }

    /// What has to be read for it. An entity's state is shown in the place of an input.
    pub(super) fn payloads(self) -> Payloads {
        Payloads { input: self.input, output: true, state: self.input }
    }
}

/// Shows one instance.
pub(super) async fn status(api: &Api, asked: &Asked) -> Handled {
    let id = InstanceId::trusted(asked.part(0));
    show(api, asked, &id, asked.leave.permit.born_at(), Shown::of(&asked.query)).await
}

/// The status of an instance, of the one alone that was started first at `born_at` if that is given: 404 if there is none, 202 with an address to ask again while it goes on, 200 or 500 once it has ended.
pub(in crate::routes) async fn show(api: &Api, asked: &Asked, id: &InstanceId, born_at: Option<Timestamp>, shown: Shown) -> Handled {
    let (row, room, history) = if shown.history {
        // Both at once would be two rooms, of which each could wait for the other.
        let options = HistoryOptions { show_input: shown.input, show_output: shown.history_output };
        let Read { value: history, mut room } = api.engine.history(id, move |entries| history_json(entries, options)).await?;
        (api.engine.row_beside(id, shown.payloads(), &mut room).await?, room, history)
    } else {
        let Read { value, room } = api.engine.row(id, shown.payloads()).await?;
        (value, room, None)
    };
    let Some(row) = row else { return Ok(answer::empty(StatusCode::NOT_FOUND)) };
    // Also the history is that of this instance then: the id was that one's before and is behind the reading.
    if born_at.is_some_and(|born_at| born_at != row.born_at) {
        return Err(EngineError::Denied);
    }
    let code = status_code(row.status, shown.failure_is_500);
    let address = (code == StatusCode::ACCEPTED).then(|| address_to_ask_again(asked, &row));
    let status = move || {
        let status = InstanceStatus::new(&row, shown.input);
        match history.filter(|_| row.status != RuntimeStatus::Pending) {
            Some(events) => status.with_history(events),
            None => status,
        }
    };
    let answer = answer::json_within(code, status, room).await;
    let Some(address) = address else { return Ok(answer) };
    let answer = answer::with_header(answer, LOCATION, &address);
    Ok(answer::with_header(answer, RETRY_AFTER, RETRY_AFTER_SECONDS))
}

/// The address that was asked, with the token that was shown there, or one of its own in the place of a key: that is not handed on.
fn address_to_ask_again(asked: &Asked, row: &InstanceRow) -> String {
    let address = asked.address();
    let made = || asked.links.credential.code(row.id.as_str(), Verb::Status, Some(row.born_at));
    let Some(code) = asked.leave.token.clone().or_else(made) else { return address };
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{KEY_PARAMETER}={code}")
}

fn status_code(status: RuntimeStatus, failure_is_500: bool) -> StatusCode {
    match status {
        RuntimeStatus::Running | RuntimeStatus::Pending | RuntimeStatus::ContinuedAsNew | RuntimeStatus::Suspended => StatusCode::ACCEPTED,
        RuntimeStatus::Failed if failure_is_500 => StatusCode::INTERNAL_SERVER_ERROR,
        RuntimeStatus::Completed | RuntimeStatus::Failed | RuntimeStatus::Terminated | RuntimeStatus::Canceled => StatusCode::OK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_202_until_the_instance_has_ended() {
        use RuntimeStatus::{Completed, ContinuedAsNew, Failed, Pending, Running, Suspended, Terminated};
        for status in [Running, Pending, ContinuedAsNew, Suspended] {
            assert_eq!(status_code(status, true), StatusCode::ACCEPTED);
        }
        for status in [Completed, Terminated, Failed] {
            assert_eq!(status_code(status, false), StatusCode::OK);
        }
        assert_eq!(status_code(Failed, true), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status_code(Terminated, true), StatusCode::OK);
    }

    #[test]
    fn flags_have_the_defaults_of_the_contract() {
        let default = Shown { input: true, history: false, history_output: false, failure_is_500: false };
        assert_eq!(Shown::of(&Query::parse("showInput=maybe")), default);
        let asked = Query::parse("showInput=False&showHistory=True&showHistoryOutput=true&returnInternalServerErrorOnFailure=TRUE");
        assert_eq!(Shown::of(&asked), Shown { input: false, history: true, history_output: true, failure_is_500: true });
    }
}
