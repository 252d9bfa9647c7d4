//! How a target takes its input apart.

use std::borrow::Cow;

/// The input as text; what is no UTF-8 is replaced.
pub fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The first line, and what follows it; nothing if there is no line feed.
pub fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}
