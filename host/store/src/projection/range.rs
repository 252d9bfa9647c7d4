//! Ranges of ids, compared byte by byte as both Rust and SQLite do.

use longhaul_core::InstanceId;

/// Ids from `begin` on, before `end`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IdRange {
    pub begin: String,
    /// Absent: no end.
    pub end: Option<String>,
}

/// The ids that begin with the prefix, after the token, in at most two ranges: entities' ids, which
/// all begin with `@`, are left out unless the prefix asks for them.
pub(crate) fn instance_ranges(prefix: &str, after: Option<&InstanceId>) -> Vec<IdRange> {
    let all = IdRange { begin: prefix.to_owned(), end: end_of(prefix) };
    if !prefix.is_empty() {
        return after_token(vec![all], after);
    }
    let before_entities = IdRange { begin: String::new(), end: Some("@".into()) };
    let behind_entities = IdRange { begin: "A".into(), end: None };
    after_token(vec![before_entities, behind_entities], after)
}

/// The ids of entities, or of those with one name, after the token.
pub(crate) fn entity_ranges(name: Option<&str>, after: Option<&InstanceId>) -> Vec<IdRange> {
    let prefix = name.map_or_else(|| "@".to_owned(), |name| format!("@{name}@"));
    after_token(vec![IdRange { end: end_of(&prefix), begin: prefix }], after)
}

fn after_token(ranges: Vec<IdRange>, after: Option<&InstanceId>) -> Vec<IdRange> {
    let Some(after) = after else { return ranges };
    // The least text greater than `after` is `after` and a zero byte.
    let least = format!("{after}\0");
    let clipped = ranges.into_iter().map(|range| IdRange { begin: range.begin.max(least.clone()), ..range });
    clipped.filter(|range| range.end.as_ref().is_none_or(|end| range.begin < *end)).collect()
}

/// The least text greater than all that begin with `prefix`; `None` if there is none.
fn end_of(prefix: &str) -> Option<String> {
    let mut head = prefix.to_owned();
    while let Some(last) = head.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            head.push(next);
            return Some(head);
        }
    }
    None
}

/// Whether a list of these arguments shows an id, for `tests/fuzz`.
#[cfg(feature = "fuzzing")]
pub mod for_fuzzing {
    use super::{IdRange, InstanceId, entity_ranges, instance_ranges};

    /// Whether the list of instances does.
    pub fn is_in_instance_ranges(prefix: &str, after: Option<&str>, id: &str) -> bool {
        is_in(&instance_ranges(prefix, after.map(InstanceId::trusted).as_ref()), id)
    }

    /// Whether the list of entities does.
    pub fn is_in_entity_ranges(name: Option<&str>, after: Option<&str>, id: &str) -> bool {
        is_in(&entity_ranges(name, after.map(InstanceId::trusted).as_ref()), id)
    }

    fn is_in(ranges: &[IdRange], id: &str) -> bool {
        let covers = |range: &&IdRange| range.begin.as_str() <= id && range.end.as_deref().is_none_or(|end| id < end);
        ranges.iter().filter(covers).count() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_of_its_length() {
        assert_eq!(end_of("ab").as_deref(), Some("ac"));
        assert_eq!(end_of("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(end_of("\u{d7ff}").as_deref(), Some("\u{e000}"), "surrogates are no characters");
        assert_eq!(end_of("\u{10ffff}"), None);
    }

    #[test]
    fn a_token_cuts_the_ranges_before_it() {
        let token = InstanceId::trusted("B");
        assert_eq!(instance_ranges("", Some(&token)), [IdRange { begin: "B\0".into(), end: None }]);
        assert_eq!(instance_ranges("A", Some(&token)), []);
        let token = InstanceId::trusted("0");
        let cut = [IdRange { begin: "0\0".into(), end: Some("@".into()) }, IdRange { begin: "A".into(), end: None }];
        assert_eq!(instance_ranges("", Some(&token)), cut);
    }
}
