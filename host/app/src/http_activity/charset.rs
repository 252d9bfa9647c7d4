//! From an answer's bytes to its text.

use encoding_rs::{Encoding, UTF_8};

/// The text in the charset that a byte order mark or else `Content-Type` names, in UTF-8 if neither
/// does or the name is unknown. The mark is left out. What is malformed becomes replacement
/// characters: the answer came, and its status says more than its last letter.
pub(super) fn decode(content_type: Option<&str>, body: &[u8]) -> String {
    let encoding = content_type.and_then(label).and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8);
    let (text, _actual, _had_errors) = encoding.decode(body);
    text.into_owned()
}

fn label(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_the_charset_that_its_mark_or_its_label_names() {
        let cases: [(Option<&str>, &[u8], &str); 10] = [
            (None, "Grüße €".as_bytes(), "Grüße €"),
            (None, b"\xef\xbb\xbfmarked", "marked"),
            (Some("text/plain; charset=iso-8859-1"), b"Gr\xfc\xdfe \x80", "Grüße €"),
            (Some("text/plain; Charset=\"UTF-16\"; x=y"), b"a\0\xfc\0", "aü"),
            (Some("text/plain; charset=utf-16be"), b"\0a", "a"),
            (Some("text/plain; charset=iso-8859-1"), b"\xff\xfea\0", "a"),
            (Some("text/plain; charset=shift_jis"), b"\x82\xa0", "あ"),
            (Some("text/plain; charset=nonsense"), "ü".as_bytes(), "ü"),
            (Some("text/plain; charset="), b"a", "a"),
            (Some("text/plain"), b"\xffok", "\u{fffd}ok"),
        ];
        for (content_type, body, text) in cases {
            assert_eq!(decode(content_type, body), text, "{content_type:?}");
        }
    }
}
