//! What a JSON text has that matters beyond its being JSON: how deep it is, and what other readers
//! of JSON would not read.
//!
//! The grammar of JSON allows numbers of any size and halves of surrogate pairs. What they mean is
//! left open (RFC 8259, 6 and 8.2), and readers give up on them: one such value in a list would
//! make the whole list unreadable.

/// What was found in one pass over a JSON text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How many arrays and objects stand around the innermost value, itself counted if it is one.
    pub depth: usize,
    /// The first thing that not every reader of JSON reads, as a sentence says it behind
    /// "contains".
    pub flaw: Option<String>,
}

/// No text that has fewer digits is beyond the largest number, if it has no exponent.
const LONGEST_SAFE_NUMBER: usize = 308;
/// How much of a number is shown.
const SHOWN_BYTES: usize = 40;

/// Whether it is worth a look for a flaw: false only if there is none.
pub(super) fn may_have_flaw(text: &str) -> bool {
    let (mut digits, mut before) = (0_usize, 0_u8);
    for &byte in text.as_bytes() {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if (matches!(byte, b'e' | b'E') && digits > 0) || (byte == b'u' && before == b'\\') {
            return true;
        } else {
            digits = 0;
        }
        if digits > LONGEST_SAFE_NUMBER {
            return true;
        }
        before = byte;
    }
    false
}

/// `text` must be one JSON value.
pub(super) fn look(text: &str) -> Look {
    let (mut look, mut depth, mut at) = (Look::default(), 0_usize, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        at = match byte {
            b'"' => skip_string(text.as_bytes(), at + 1, &mut look.flaw),
            b'-' | b'0'..=b'9' => skip_number(text, at, &mut look.flaw),
            b'[' | b'{' => {
                depth += 1;
                look.depth = look.depth.max(depth);
                at + 1
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ => at + 1,
        };
    }
    look
}

/// The place behind the string whose text begins at `at`.
fn skip_string(bytes: &[u8], mut at: usize, flaw: &mut Option<String>) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at = skip_escape(bytes, at, flaw),
            _ => at += 1,
        }
    }
    at
}

/// The place behind the escape at `at`, or behind both halves of a pair.
fn skip_escape(bytes: &[u8], at: usize, flaw: &mut Option<String>) -> usize {
    let Some(unit) = unit_at(bytes, at) else { return at + 2 };
    let next = at + 6;
    match unit {
        0xd800..=0xdbff if unit_at(bytes, next).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) => next + 6,
        0xd800..=0xdfff => {
            flaw.get_or_insert_with(|| format!("the escape \\u{unit:04x}, which is half of a character without its other half"));
            next
        }
        _ => next,
    }
}

/// The unit of UTF-16 that an escape at `at` writes; `None` if there is another escape or none.
fn unit_at(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The place behind the number at `at`.
fn skip_number(text: &str, at: usize, flaw: &mut Option<String>) -> usize {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = text.as_bytes()[at..].iter().take_while(|byte| is_part(byte)).count();
    let number = &text[at..at + length];
    let may_be_beyond = length > LONGEST_SAFE_NUMBER || number.contains(['e', 'E']);
    if may_be_beyond && number.parse::<f64>().is_ok_and(f64::is_infinite) {
        let shown = if length > SHOWN_BYTES { format!("{}...", &number[..SHOWN_BYTES]) } else { number.to_owned() };
        flaw.get_or_insert_with(|| format!("the number {shown}, which is beyond the range of a 64-bit float (about 1.8e308)"));
    }
    at + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(text: &str) -> Option<String> {
        let _: &serde_json::value::RawValue = serde_json::from_str(text).unwrap();
        look(text).flaw
    }

    #[test]
    fn depth_counts_arrays_and_objects_and_not_what_texts_contain() {
        let depth = |text: &str| look(text).depth;
        assert_eq!((depth("7"), depth("[]"), depth("[[], {\"a\": [1]}]")), (0, 1, 3));
        assert_eq!(depth(r#""[[[""#), 0);
        assert_eq!(depth(r#"["\"[[", "\\", [1]]"#), 2);
    }

    #[test]
    fn a_number_that_no_float_can_hold_is_a_flaw() {
        let long = format!("[1{}]", "0".repeat(309));
        for bad in ["1e400", "-1E+309", "[0, {\"a\": 1.8e308}]", "179769313486231580793e289", &long] {
            assert!(flaw(bad).is_some_and(|text| text.contains("64-bit float")), "{bad}");
        }
        let precise = format!("0.{}", "3".repeat(400));
        for good in ["1.7976931348623157e308", "-1e308", "1e-400", "0e999999", "12345678901234567890", "\"1e400\"", &precise] {
            assert_eq!(flaw(good), None, "{good}");
        }
        assert!(flaw(&long).unwrap().len() < 150, "what is shown is short");
    }

    #[test]
    fn half_of_a_surrogate_pair_is_a_flaw_in_texts_and_names() {
        for bad in [r#""\ud800""#, r#""\uDC00""#, r#"["\uD83D\u0041"]"#, r#"{"\udead": 1}"#, r#""\ud83d\\udE00""#, r#""\ude00\ud83d""#] {
            assert!(flaw(bad).is_some_and(|text| text.contains("other half")), "{bad}");
        }
        for good in [r#""\ud83d\uDE00""#, r#""\\ud800""#, r#""\u00e9\n\uffff""#, "\"\u{1f600}\""] {
            assert_eq!(flaw(good), None, "{good}");
        }
    }
}
