//! How the body of a request is framed: `Transfer-Encoding` is `chunked`, once, or absent.
//!
//! The parser below looks at the last coding of the last such header alone. A reader in front of the host that knows more codings, or
//! fewer, would see the body end elsewhere (RFC 9112, 6.1 and 11.2).

use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, StatusCode};

use crate::answer::{self, Answer};

/// The answer to a request whose codings this host does not take: 501 for one that it does not know, 400 for `chunked` in another place than
/// the last or more than once, and for a list with empty parts, which some readers skip and others do not.
pub(super) fn refusal(headers: &HeaderMap) -> Option<Answer> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let bad = |text: &str| Some(answer::message(StatusCode::BAD_REQUEST, text));
    let (mut chunked, mut is_empty, mut unknown) = (0, false, None);
    for coding in codings.by_ref().map(<[u8]>::trim_ascii) {
        match coding {
            b"" => is_empty = true,
            coding if coding.eq_ignore_ascii_case(b"chunked") => chunked += 1,
            coding => unknown = unknown.or(Some(coding)),
        }
    }
    if let Some(unknown) = unknown {
        let text = format!("the transfer coding '{}' is not known here; a body is sent as it is, or chunked", unknown.escape_ascii());
        return Some(answer::message(StatusCode::NOT_IMPLEMENTED, &text));
    }
    if chunked > 1 {
        return bad("the transfer coding 'chunked' is named more than once; a body is chunked once");
    }
    if is_empty {
        return bad("the header 'Transfer-Encoding' has an empty part; it is 'chunked', or left out");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(values: &[&str]) -> Option<u16> {
        let headers =
            values.iter().map(|value| (TRANSFER_ENCODING, value.parse().unwrap())).fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        refusal(&headers).map(|answer| answer.status().as_u16())
    }

    #[test]
    fn chunked_is_taken_once_and_in_any_case() {
        for good in [&[][..], &["chunked"], &["Chunked"], &[" \tCHUNKED\t "]] {
            assert_eq!(status(good), None, "{good:?}");
        }
        for repeated in [&["chunked, chunked"][..], &["chunked", "chunked"], &["Chunked,CHUNKED"], &["chunked\t,\tchunked"]] {
            assert_eq!(status(repeated), Some(400), "{repeated:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_implemented() {
        for unknown in [
            &["gzip, chunked"][..],
            &["foo,chunked"],
            &["gzip", "chunked"],
            &["identity, chunked"],
            &["chunked;q=1, chunked"],
            &["chunked chunked"],
            &["gzip;level=\"a,b\", chunked"],
            &["chunked, gzip, chunked"],
        ] {
            assert_eq!(status(unknown), Some(501), "{unknown:?}");
        }
    }

    #[test]
    fn a_list_has_no_empty_parts() {
        for empty in [&[""][..], &[", chunked"], &["chunked,"], &["", "chunked"], &["chunked", " "]] {
            assert_eq!(status(empty), Some(400), "{empty:?}");
        }
    }
}
