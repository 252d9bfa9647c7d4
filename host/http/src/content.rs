//! What the body of a request is: its type, its charset, its encoding, and the JSON in it.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use longhaul_core::{Look, Payload};
use longhaul_engine::long_work::by_length;

use super::answer::{self, Answer, with_header};
use super::authorize;
use super::bodies::BodyRoom;
use super::context::Api;
use super::request::{Asked, RequestBody};

/// Some programs write this before a text in UTF-8. It is no part of the text, and a reader may skip it (RFC 8259, 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Names of the charset that bodies have, and of the one that is part of it.
const UTF_8: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];
/// Charsets in which ASCII is the same as in UTF-8. Some clients name one by default, whatever they send.
const OVER_ASCII: [&str; 3] = ["iso-8859-1", "latin1", "windows-1252"];

/// The whole body as text in UTF-8 or what claims to be, without a byte order mark, and its room.
///
/// # Errors
/// The answer to give: 415 when it is compressed or in another charset, else as [`Bodies::collect`](super::bodies::Bodies::collect).
pub(super) async fn read(api: &Api, asked: &Asked, body: RequestBody) -> Result<(Bytes, BodyRoom), Answer> {
    let headers = &asked.head.headers;
    if let Some(refusal) = encoding_refusal(headers) {
        return Err(refusal);
    }
    let (body, room) = authorize::body_of(api, asked, body, api.config.max_body_bytes).await?;
    if let Some(refusal) = charset_refusal(headers, &body) {
        return Err(refusal);
    }
    let is_marked = body.starts_with(BYTE_ORDER_MARK);
    Ok((if is_marked { body.slice(BYTE_ORDER_MARK.len()..) } else { body }, room))
}

/// Refuses a body that is compressed or otherwise encoded: what it would take up is not known before it is decoded.
pub(super) fn encoding_refusal(headers: &HeaderMap) -> Option<Answer> {
    let codings = headers.get_all(CONTENT_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut codings = codings.map(<[u8]>::trim_ascii);
    let coding = codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))?;
    let text = format!("the body has the content encoding '{}'; this host takes none; send it as it is", coding.escape_ascii());
    Some(with_header(answer::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text), ACCEPT_ENCODING, "identity"))
}

fn charset_refusal(headers: &HeaderMap, body: &Bytes) -> Option<Answer> {
    let charset = charset(headers)?;
    let is_one_of = |names: &[&str]| names.iter().any(|name| charset.eq_ignore_ascii_case(name));
    if is_one_of(&UTF_8) || body.is_ascii() && is_one_of(&OVER_ASCII) {
        return None;
    }
    let text = format!("the body is in the charset '{}'; this host reads UTF-8", charset.escape_debug());
    Some(answer::message(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text))
}

/// Whether the headers say that the body is JSON; parameters such as a charset do not matter.
pub fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

/// The content type without its parameters.
pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim())
}

fn charset(headers: &HeaderMap) -> Option<&str> {
    let parameters = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches('"'))
}

/// A body as one JSON value of at most `max_depth` arrays and objects within one another; `null` when there is none. Readers of JSON give
/// up at some depth (128 in Rust, 1,000 in Python), at numbers that no float can hold and at halves of surrogate pairs. One such value
/// would make every list that shows it unreadable to them.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn json_or_null(body: &Bytes, max_depth: usize) -> Result<Payload, String> {
    if body.is_empty() {
        return Ok(Payload::null());
    }
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let payload = Payload::parse(text).map_err(|error| error.to_string())?;
    match payload.look() {
        Look { depth, .. } if depth > max_depth => {
            Err(format!("{depth} arrays and objects within one another; this host takes at most {max_depth}"))
        }
        Look { flaw: Some(flaw), .. } => Err(format!("the value contains {flaw}; not every reader of JSON reads that")),
        Look { flaw: None, .. } => Ok(payload),
    }
}

/// The same of a body that may be long.
///
/// # Errors
/// As [`json_or_null`].
pub async fn json_of(body: Bytes, max_depth: usize) -> Result<Payload, String> {
    by_length(body.len(), move || json_or_null(&body, max_depth)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_body_is_in_utf_8_or_refused() {
        let status = |content_type: &str, body: &'static [u8]| {
            let headers = headers(CONTENT_TYPE, content_type);
            charset_refusal(&headers, &Bytes::from_static(body)).map(|answer| answer.status().as_u16())
        };
        for good in ["application/json", "application/json; charset=\"UTF-8\"", "text/plain;a=b; Charset = utf8", "a/b; charset=us-ascii"] {
            assert_eq!(status(good, b"\xc3\xa9"), None, "{good}");
        }
        for bad in
            ["application/json; charset=utf-16", "application/json;charset=UTF-16LE", "text/plain; charset=", "a/b;charset=iso-8859-1"]
        {
            assert_eq!(status(bad, b"\xc3\xa9"), Some(415), "{bad}");
        }
        assert_eq!(status("text/plain; charset=ISO-8859-1", b"{}"), None, "ASCII is the same in both");
    }

    #[test]
    fn a_body_has_no_encoding_but_identity() {
        let refused = |value: &str| encoding_refusal(&headers(CONTENT_ENCODING, value));
        for good in ["identity", "Identity", "", "identity, identity"] {
            assert!(refused(good).is_none(), "{good}");
        }
        for bad in ["gzip", "identity, gzip", "x"] {
            let answer = refused(bad).unwrap();
            assert_eq!((answer.status().as_u16(), answer.headers()[ACCEPT_ENCODING].to_str().unwrap()), (415, "identity"), "{bad}");
        }
    }

    #[test]
    fn a_json_content_type_may_have_parameters_and_any_case() {
        let is = |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(is("application/json") && is("Application/JSON; charset=utf-8"));
        assert!(!is("text/json") && !is("application/jsonl"));
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn a_body_is_one_json_value_or_nothing() {
        assert!(json_or_null(&Bytes::new(), 100).unwrap().is_null());
        assert_eq!(json_or_null(&Bytes::from(" \"{}\" "), 100).unwrap().as_str(), "\"{}\"");
        for bad in [&b"{"[..], b"{} {}", b" ", b"\xff"] {
            assert!(json_or_null(&Bytes::copy_from_slice(bad), 100).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_body_that_not_every_reader_of_json_reads_is_refused_with_what_is_wrong() {
        let problem = |text: &str| json_or_null(&Bytes::copy_from_slice(text.as_bytes()), 100).unwrap_err();
        assert!(problem("{\"a\": 1e400}").contains("1e400"));
        assert!(problem(r#""\ud800""#).contains(r"\ud800"));
    }

    #[test]
    fn a_body_that_readers_of_json_would_give_up_on_is_refused() {
        let nested = |depth: usize| json_or_null(&Bytes::from(format!("{}{}", "[".repeat(depth), "]".repeat(depth))), 100);
        assert!(nested(100).is_ok());
        assert!(nested(101).unwrap_err().contains("at most 100"));
    }
}
