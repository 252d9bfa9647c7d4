//! Pages of lists, and the tokens by which the next one is asked for.

use http::{HeaderMap, StatusCode};
use longhaul_core::InstanceId;
use serde::Serialize;

use super::answer::{self, Answer, CONTINUATION_TOKEN};
use super::links::escape;
use super::query::{Query, form_decode};
use super::request::Asked;
use longhaul_engine::budget::Room;

/// Rows in a page when the request does not say.
const DEFAULT_PAGE_ROWS: u32 = 100;
/// Most rows in a page; a request for more gets this many.
pub(super) const MAX_PAGE_ROWS: u32 = 1_000;
/// What every continuation token begins with. Its colon is escaped in an id.
const TOKEN_MARK: &str = "after:";
/// How much of a token that cannot be read is shown.
const SHOWN_TOKEN_CHARS: usize = 80;

/// A page of a list, with the token of the next one; the header is empty on the last page, never absent.
pub(super) async fn page<T: Serialize>(
    rows: impl FnOnce() -> Vec<T> + Send + 'static,
    next: Option<&InstanceId>,
    room: Option<Room>,
) -> Answer {
    let token = next.map(|id| token_of(id.as_str())).unwrap_or_default();
    answer::with_header(answer::json_within(StatusCode::OK, rows, room).await, CONTINUATION_TOKEN, &token)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::tests::body_of;

    #[tokio::test]
    async fn a_page_always_has_a_token_header_even_for_ids_that_no_header_can_carry() {
        let last = page(|| vec![1, 2], None, None).await;
        assert_eq!(last.headers()[CONTINUATION_TOKEN], "");
        assert_eq!(body_of(last).await, "[1,2]");
        let more = page(Vec::<u8>::new, Some(&InstanceId::trusted("é +%")), None).await;
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
