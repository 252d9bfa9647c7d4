//! Tags: short texts that people give an instance at its start, to find it again.

use std::collections::BTreeMap;

/// By key, in the order of the keys.
pub type Tags = BTreeMap<String, String>;

/// Most tags of one instance.
pub const MAX_TAGS: usize = 32;

/// Longest key of a tag in characters; the shortest has one.
pub const MAX_TAG_KEY_CHARS: usize = 64;

/// Longest value of a tag in characters; it may be empty.
pub const MAX_TAG_VALUE_CHARS: usize = 256;

/// The tags break a rule; the text says which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTags(String);

/// Makes tags of the pairs that someone gave.
///
/// # Errors
/// [`InvalidTags`] when a key is given twice, or when [`check_tags`] fails.
pub fn tags_of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Tags, InvalidTags> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        if tags.contains_key(&key) {
            return Err(InvalidTags(format!("the tag '{}' is given twice", key.escape_debug())));
        }
        tags.insert(key, value);
    }
    check_tags(&tags)?;
    Ok(tags)
}

/// Whether an instance may have these tags.
///
/// # Errors
/// [`InvalidTags`] unless there are at most [`MAX_TAGS`], each key has 1 to [`MAX_TAG_KEY_CHARS`]
/// characters and each value at most [`MAX_TAG_VALUE_CHARS`].
pub fn check_tags(tags: &Tags) -> Result<(), InvalidTags> {
    if tags.len() > MAX_TAGS {
        return Err(InvalidTags(format!("there are {} tags; an instance may have {MAX_TAGS}", tags.len())));
    }
    for (key, value) in tags {
        if key.is_empty() {
            return Err(InvalidTags("a tag has an empty key; a key needs at least one character".into()));
        }
        let (key_chars, value_chars) = (key.chars().count(), value.chars().count());
        if key_chars > MAX_TAG_KEY_CHARS {
            let start: String = key.chars().take(MAX_TAG_KEY_CHARS).collect();
            let text =
                format!("the key of the tag '{}…' has {key_chars} characters; it may have {MAX_TAG_KEY_CHARS}", start.escape_debug());
            return Err(InvalidTags(text));
        }
        if value_chars > MAX_TAG_VALUE_CHARS {
            let key = key.escape_debug();
            return Err(InvalidTags(format!(
                "the value of the tag '{key}' has {value_chars} characters; it may have {MAX_TAG_VALUE_CHARS}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, value: &str) -> Result<Tags, InvalidTags> {
        tags_of([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn tags_keep_their_limits() {
        assert!(one(&"é".repeat(64), &"é".repeat(256)).is_ok());
        assert!(one("region", "").is_ok());
        for (key, value) in [("", "x"), (&*"k".repeat(65), "x"), ("k", &*"v".repeat(257))] {
            assert!(one(key, value).is_err(), "{} {}", key.len(), value.len());
        }
        let many = |count: usize| tags_of((0..count).map(|number| (number.to_string(), String::new())));
        assert!(many(32).is_ok());
        assert_eq!(many(33).unwrap_err().to_string(), "there are 33 tags; an instance may have 32");
    }

    #[test]
    fn a_tag_given_twice_is_refused() {
        let pair = || ("region".to_owned(), "eu".to_owned());
        assert_eq!(tags_of([pair(), pair()]).unwrap_err().to_string(), "the tag 'region' is given twice");
    }
}
