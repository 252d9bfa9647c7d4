//! From bytes to text: the charsets that servers still send.
//!
//! A library for all charsets of the web would be larger than most components, so this knows the
//! ones that need no tables: the labels and their meaning are those of the WHATWG's Encoding
//! Standard, as in the host's own requests.

use std::borrow::Cow;

enum Charset {
    Utf8,
    Windows1252,
    Utf16 { is_big_endian: bool },
}

/// The text of a body, with what is malformed, or of an unknown charset and not ASCII, as
/// replacement characters.
pub(super) fn decode_lossy(content_type: Option<&str>, body: &[u8]) -> String {
    let (charset, body) = find(content_type, body);
    match charset.unwrap_or(Charset::Utf8) {
        Charset::Utf8 => String::from_utf8_lossy(body).into_owned(),
        Charset::Windows1252 => body.iter().map(|byte| windows_1252(*byte)).collect(),
        Charset::Utf16 { is_big_endian } => {
            let mut text: String =
                char::decode_utf16(units(body, is_big_endian)).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            if !body.len().is_multiple_of(2) {
                text.push(char::REPLACEMENT_CHARACTER);
            }
            text
        }
    }
}

/// The text of a body.
///
/// # Errors
/// In words, when the charset is unknown or the bytes are not of it.
pub(super) fn decode(content_type: Option<&str>, body: &[u8]) -> Result<String, String> {
    let (charset, body) = find(content_type, body);
    let known = "UTF-8, UTF-16, ISO-8859-1, windows-1252 and US-ASCII are known";
    match charset.map_err(|label| format!("the answer is in the charset '{label}', and only {known}"))? {
        Charset::Utf8 => match std::str::from_utf8(body) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(format!("the answer is not UTF-8 after its first {} bytes", error.valid_up_to())),
        },
        Charset::Windows1252 => Ok(body.iter().map(|byte| windows_1252(*byte)).collect()),
        Charset::Utf16 { .. } if !body.len().is_multiple_of(2) => Err("the answer is not UTF-16: it ends within a unit".to_owned()),
        Charset::Utf16 { is_big_endian } => char::decode_utf16(units(body, is_big_endian))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the answer is not UTF-16: {error}")),
    }
}

/// The charset and what follows the byte order mark. A mark says more than a label (Encoding
/// Standard, section 6).
fn find<'a>(content_type: Option<&str>, body: &'a [u8]) -> (Result<Charset, String>, &'a [u8]) {
    match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => (Ok(Charset::Utf8), rest),
        [0xfe, 0xff, rest @ ..] => (Ok(Charset::Utf16 { is_big_endian: true }), rest),
        [0xff, 0xfe, rest @ ..] => (Ok(Charset::Utf16 { is_big_endian: false }), rest),
        _ => (content_type.and_then(label).map_or(Ok(Charset::Utf8), |label| of_label(&label)), body),
    }
}

/// The parameter `charset` of a `Content-Type`.
fn label(content_type: &str) -> Option<Cow<'_, str>> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim().eq_ignore_ascii_case("charset").then_some(value.into())
    })
}

fn of_label(label: &str) -> Result<Charset, String> {
    Ok(match label.to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" | "unicode-1-1-utf-8" => Charset::Utf8,
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "l1" | "windows-1252" | "cp1252" | "x-cp1252" | "us-ascii" | "ascii" => {
            Charset::Windows1252
        }
        "utf-16" | "utf-16le" | "ucs-2" | "unicode" => Charset::Utf16 { is_big_endian: false },
        "utf-16be" => Charset::Utf16 { is_big_endian: true },
        _ => return Err(label.to_owned()),
    })
}

/// What is called ISO-8859-1 is windows-1252 on the web: the same but for the 32 control characters
/// from 0x80.
fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..0xa0 => FROM_0X80[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

fn units(body: &[u8], is_big_endian: bool) -> impl Iterator<Item = u16> {
    body.chunks_exact(2).map(move |pair| match is_big_endian {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_in_the_charset_that_its_mark_or_its_label_names() {
        let cases: [(Option<&str>, &[u8], &str); 11] = [
            (None, "Grüße €".as_bytes(), "Grüße €"),
            (Some("text/plain"), b"\xef\xbb\xbfmarked", "marked"),
            (Some("text/plain; charset=iso-8859-1"), b"Gr\xfc\xdfe \x80", "Grüße €"),
            (Some("text/plain;charset=\"Latin1\"; x=y"), b"\xfc", "ü"),
            (Some("text/plain; charset=utf-16"), b"a\0\xfc\0", "aü"),
            (Some("text/plain; Charset=UTF-16BE"), b"\0a\xd8\x3d\xde\0", "a😀"),
            (Some("text/plain; charset=utf-16"), b"\xfe\xff\0a", "a"),
            (Some("text/plain; charset=iso-8859-1"), b"\xef\xbb\xbf\xc3\xbc", "ü"),
            (Some("text/plain; charset=us-ascii"), b"\xff\xfea\0", "a"),
            (Some("text/plain; charset="), b"a", "a"),
            (Some("text/plain; x=\"charset=utf-16\""), b"ab", "ab"),
        ];
        for (content_type, body, text) in cases {
            assert_eq!(decode(content_type, body).as_deref(), Ok(text), "{content_type:?}");
            assert_eq!(decode_lossy(content_type, body), text, "{content_type:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_replaced_or_refused_as_the_caller_likes() {
        let cases: [(&str, &[u8], &str, &str); 5] = [
            ("text/plain", b"ab\xff", "ab\u{fffd}", "not UTF-8 after its first 2 bytes"),
            ("text/plain; charset=utf-16", b"a\0\0", "a\u{fffd}", "ends within a unit"),
            ("text/plain; charset=utf-16", b"\0\xd8a\0", "\u{fffd}a", "unpaired surrogate"),
            ("text/plain; charset=shift_jis", b"a\x82\xa0", "a\u{fffd}\u{fffd}", "'shift_jis'"),
            ("text/plain; charset=nonsense", b"a", "a", "'nonsense'"),
        ];
        for (content_type, body, lossy, reason) in cases {
            assert_eq!(decode_lossy(Some(content_type), body), lossy, "{content_type}");
            let error = decode(Some(content_type), body).unwrap_err();
            assert!(error.contains(reason), "{content_type}: {error}");
        }
    }
}
