//! Showing and listing instances.

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use longhaul_core::{InstanceId, InstanceRow, RuntimeStatus, Timestamp};
use longhaul_engine::budget::Room;
use longhaul_engine::{EngineError, HistoryOptions, Read};
use longhaul_store::{InstanceQuery, Payloads};
use serde::Serialize;

use super::access::KEY_PARAMETER;
use super::answer::{self, Answer, CONTINUATION_TOKEN};
use super::links::escape;
use super::payload::InstanceStatus;
use super::query::{Query, form_decode};
use super::request::Asked;
use super::{Api, Handled};
use crate::access::link::Verb;

/// Rows in a page when the request does not say.
const DEFAULT_PAGE_ROWS: u32 = 100;
/// Most rows in a page; a request for more gets this many.
const MAX_PAGE_ROWS: u32 = 1_000;
/// What every continuation token begins with. Its colon is escaped in an id.
const TOKEN_MARK: &str = "after:";
/// How much of a token that cannot be read is shown.
const SHOWN_TOKEN_CHARS: usize = 80;
/// Seconds that a caller should wait before it asks again for the status of an instance that goes on.
const RETRY_AFTER_SECONDS: &str = "5";

/// What a request for a status wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) input: bool,
    pub(super) history: bool,
    pub(super) history_output: bool,
    pub(super) failure_is_500: bool,
}

impl Shown {
    pub(super) fn of(query: &Query) -> Self {
        Self {
            input: query.bool("showInput").unwrap_or(true),
            history: query.bool("showHistory").unwrap_or(false),
            history_output: query.bool("showHistoryOutput").unwrap_or(false),
            failure_is_500: query.bool("returnInternalServerErrorOnFailure").unwrap_or(false),
        }
    }

    /// What has to be read for it. An entity's state is shown in the place of an input.
    fn payloads(self) -> Payloads {
        Payloads { input: self.input, output: true, state: self.input }
    }
}

/// Shows one instance.
pub(super) async fn status(api: &Api, asked: &Asked) -> Handled {
    let id = InstanceId::trusted(asked.part(0));
    show(api, asked, &id, asked.leave.permit.born_at(), Shown::of(&asked.query)).await
}

/// The status of an instance, of the one alone that was started first at `born_at` if that is given: 404 if there is none, 202 with an address to ask again while it goes on, 200 or 500 once it has ended.
pub(super) async fn show(api: &Api, asked: &Asked, id: &InstanceId, born_at: Option<Timestamp>, shown: Shown) -> Handled {
    let (row, room, history) = if shown.history {
        // Both at once would be two rooms, of which each could wait for the other.
        let options = HistoryOptions { show_input: shown.input, show_output: shown.history_output };
        let Read { value: history, mut room } = api.engine.history(id, options).await?;
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
    let mut status = InstanceStatus::new(&row, shown.input);
    if let Some(events) = history.filter(|_| row.status != RuntimeStatus::Pending) {
        status = status.with_history(events);
    }
    let code = status_code(row.status, shown.failure_is_500);
    let answer = answer::json_within(code, &status, room);
    if code != StatusCode::ACCEPTED {
        return Ok(answer);
    }
    let answer = answer::with_header(answer, LOCATION, &address_to_ask_again(asked, &row));
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

/// A page of instances.
pub(super) async fn list(api: &Api, asked: &Asked) -> Handled {
    let shown = Shown::of(&asked.query);
    let (after, limit, payloads) = (token(asked), page_rows(&asked.query), shown.payloads());
    let found = api.engine.list(InstanceQuery { after, limit, payloads, ..filter(&asked.query) }).await?;
    let rows: Vec<_> = found.value.rows.iter().map(|row| InstanceStatus::new(row, shown.input)).collect();
    Ok(page(&rows, found.value.next.as_ref(), found.room))
}

/// A page of a list, with the token of the next one; the header is empty on the last page, never absent.
pub(super) fn page<T: Serialize>(rows: &[T], next: Option<&InstanceId>, room: Option<Room>) -> Answer {
    let token = next.map(|id| token_of(id.as_str())).unwrap_or_default();
    answer::with_header(answer::json_within(StatusCode::OK, rows, room), CONTINUATION_TOKEN, &token)
}

/// The token of the page that begins behind `id`: escaped, because a header takes less than an id may contain.
pub(super) fn token_of(id: &str) -> String {
    format!("{TOKEN_MARK}{}", escape(id))
}

/// The token of a request that removes: one that no answer can have carried is refused, for it would skip what sorts before it.
pub(super) fn strict_token(headers: &HeaderMap) -> Result<Option<InstanceId>, String> {
    let Some(value) = headers.get(CONTINUATION_TOKEN) else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim);
    if text == Some("") {
        return Ok(None);
    }
    let id = text.and_then(read_token).filter(|id| text == Some(token_of(id.as_str()).as_str()));
    let shown: String = String::from_utf8_lossy(value.as_bytes()).chars().take(SHOWN_TOKEN_CHARS).collect();
    id.map(Some)
        .ok_or_else(|| format!("{CONTINUATION_TOKEN} is {shown:?}, which is no token of an answer; leave it out to begin at the front"))
}

/// Where the page before this one ended, if the request says so.
pub(super) fn token(asked: &Asked) -> Option<InstanceId> {
    read_token(asked.head.headers.get(CONTINUATION_TOKEN)?.to_str().ok()?)
}

/// The inverse of [`token_of`]; `None` for a blank.
pub(super) fn read_token(text: &str) -> Option<InstanceId> {
    let text = text.trim();
    // Lists also take tokens of versions that had no mark.
    let text = text.strip_prefix(TOKEN_MARK).unwrap_or(text);
    (!text.is_empty()).then(|| InstanceId::trusted(form_decode(text)))
}

/// How many rows the request asks for.
pub(super) fn page_rows(query: &Query) -> u32 {
    query.count("top").unwrap_or(DEFAULT_PAGE_ROWS).min(MAX_PAGE_ROWS)
}

fn filter(query: &Query) -> InstanceQuery {
    InstanceQuery {
        created_from: query.date("createdTimeFrom"),
        created_to: query.date("createdTimeTo"),
        statuses: query.statuses("runtimeStatus"),
        id_prefix: query.get("instanceIdPrefix").unwrap_or_default(),
        after: None,
        limit: MAX_PAGE_ROWS,
        payloads: Payloads::NONE,
        max_bytes: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::answer::tests::body_of;

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

    #[tokio::test]
    async fn a_page_always_has_a_token_header_even_for_ids_that_no_header_can_carry() {
        let last = page(&[1, 2], None, None);
        assert_eq!(last.headers()[CONTINUATION_TOKEN], "");
        assert_eq!(body_of(last).await, "[1,2]");
        let more = page::<u8>(&[], Some(&InstanceId::trusted("é +%")), None);
        let token = more.headers()[CONTINUATION_TOKEN].to_str().unwrap();
        assert_eq!(read_token(token).unwrap().as_str(), "é +%");
        assert_eq!(read_token("%C3%A9").unwrap().as_str(), "é", "a token of an older version");
    }

    #[test]
    fn a_purge_refuses_a_token_that_no_answer_carried() {
        let read = |bytes: &[u8]| strict_token(&HeaderMap::from_iter([(CONTINUATION_TOKEN, bytes.try_into().unwrap())]));
        for bad in [&b"garbage"[..], b"\xff", b"after:", b"after:a b", b"after:%zz"] {
            assert!(read(bad).is_err_and(|problem| problem.contains("x-ms-continuation-token")), "{bad:?}");
        }
        assert_eq!((read(b" "), strict_token(&HeaderMap::new())), (Ok(None), Ok(None)));
        assert_eq!(read(token_of("a:b é").as_bytes()), Ok(Some(InstanceId::trusted("a:b é"))));
    }

    #[test]
    fn a_page_has_100_rows_and_at_most_1000() {
        let rows = |query| page_rows(&Query::parse(query));
        assert_eq!((rows(""), rows("top=7"), rows("top=0"), rows("top=x"), rows("top=99999")), (100, 7, 100, 100, 1_000));
    }
}
