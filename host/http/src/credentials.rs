//! Takes keys and tokens of Longhaul hosts out of the head of a request, wherever they stand and however they are written, so that client
//! functions see none.

use std::ops::Range;

use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use super::authorize::{KEY_HEADER, KEY_PARAMETER};
use super::query::form_decode;
use crate::auth::link;

/// How keys and tokens begin.
const MARKS: [&[u8]; 4] = [b"lhf_", b"lhs_", b"lha_", link::PREFIX.as_bytes()];
/// Hexadecimal digits from which on a text behind such a beginning is one of ours. Keys have 72 and tokens 100; one that was cut still gives
/// away most of it.
const LEAST_DIGITS: usize = 32;

/// Takes credentials out of the headers. A header of our own goes altogether if one of its values has a credential in it; of any other, the
/// text of the credential goes and the rest stays.
pub(super) fn take_out_of_headers(headers: &mut HeaderMap) {
    let is_found = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().starts_with("lh") || !found_in(value.as_bytes()).is_empty();
    if !headers.iter().any(is_found) {
        return;
    }
    let kept = std::mem::take(headers);
    let mut name = None;
    for (next, value) in kept {
        // A header that is repeated has its name with its first value alone.
        name = next.or(name);
        let Some(name) = name.as_ref().filter(|name| found_in(name.as_str().as_bytes()).is_empty()) else { continue };
        let found = found_in(value.as_bytes());
        if found.is_empty() {
            headers.append(name, value);
        } else if name != KEY_HEADER
            && let Ok(rest) = HeaderValue::from_bytes(&without(value.as_bytes(), &found))
        {
            headers.append(name, rest);
        }
    }
}

/// The address without credentials. A member of the query called `code` goes altogether if its value is one; anywhere else the text goes and
/// the rest stays. What else is called `code` belongs to the function.
pub(super) fn taken_out_of(uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query()?.as_str();
    if found_in(target.as_bytes()).is_empty() && !uri.query().is_some_and(|query| query.split('&').any(is_credential)) {
        return None;
    }
    let clean = |text: &str| String::from_utf8(without(text.as_bytes(), &found_in(text.as_bytes()))).unwrap_or_default();
    let members: Vec<_> = uri.query().unwrap_or_default().split('&').filter(|member| !is_credential(member)).map(clean).collect();
    let members: Vec<_> = members.into_iter().filter(|member| !member.is_empty()).collect();
    let path = clean(uri.path());
    let target = if members.is_empty() { path } else { format!("{path}?{}", members.join("&")) };
    let mut parts = uri.clone().into_parts();
    // What is left of an address that was one is one.
    parts.path_and_query = Some(target.parse().unwrap_or(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).ok()
}

/// Whether a member of a query is a key or token for the host, good or not.
fn is_credential(member: &str) -> bool {
    let (name, value) = member.split_once('=').unwrap_or((member, ""));
    let is_begun = || MARKS.iter().any(|mark| form_decode(value).trim().as_bytes().starts_with(mark));
    form_decode(name).trim().eq_ignore_ascii_case(KEY_PARAMETER) && (is_begun() || !found_in(value.as_bytes()).is_empty())
}

/// Where credentials stand in a text, also in one that is percent-encoded, however often.
fn found_in(text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    // Every mark begins with one of these two, and most texts have neither.
    while let Some(next) = text[at..].iter().position(|byte| matches!(byte, b'l' | b'%')) {
        at += next;
        match credential_at(text, at) {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// The end of the credential that begins at `start`, if one does.
fn credential_at(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut mark = [0; 4];
    for byte in &mut mark {
        (*byte, at) = decoded(text, at)?;
    }
    if !MARKS.contains(&mark.as_slice()) {
        return None;
    }
    let mut digits = 0;
    while let Some((_, next)) = decoded(text, at).filter(|(byte, _)| byte.is_ascii_hexdigit()) {
        (digits, at) = (digits + 1, next);
    }
    (digits >= LEAST_DIGITS).then_some(at)
}

/// The character at `at` and where the next one begins: `%6C`, `%256C` and so on are an `l`.
fn decoded(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let pair = |at: usize| Some((digit(at)? << 4 | digit(at + 1)?) as u8);
    let byte = *text.get(at)?;
    if byte != b'%' {
        return Some((byte, at + 1));
    }
    let mut digits = at + 1;
    while pair(digits) == Some(b'%') && pair(digits + 2).is_some() {
        digits += 2;
    }
    Some(pair(digits).map_or((byte, at + 1), |byte| (byte, digits + 2)))
}

fn without(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        kept.extend_from_slice(&text[from..range.start]);
        from = range.end;
    }
    kept.extend_from_slice(&text[from..]);
    kept
}

#[cfg(test)]
mod tests;
