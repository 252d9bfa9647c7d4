//! Ids are types of their own, so that swapped arguments do not compile.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

/// Longest id of an instance in UTF-16 units.
const MAX_ID_UNITS: usize = 256;
/// The first format of records whose turns refuse dot segments.
pub(crate) const NO_DOT_SEGMENTS: u32 = 2;

/// Names an instance. An entity's instance id is `@name@key`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(Arc<str>);

/// The id breaks a rule; the text says which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(String);

impl InstanceId {
    /// An id that people or guests chose for an orchestration.
    ///
    /// # Errors
    /// [`InvalidId`] unless it has 1 to 256 UTF-16 units, does not begin with `@`, contains none of
    /// `/ \ # ?` nor control characters, and is neither `.` nor `..`.
    pub fn orchestration(text: &str) -> Result<Self, InvalidId> {
        check_segment("instance id", text)?;
        Self::orchestration_with_dots(text)
    }

    /// The same by the rules of a record's `format`.
    pub(crate) fn orchestration_in(text: &str, format: u32) -> Result<Self, InvalidId> {
        if format < NO_DOT_SEGMENTS { Self::orchestration_with_dots(text) } else { Self::orchestration(text) }
    }

    fn orchestration_with_dots(text: &str) -> Result<Self, InvalidId> {
        if text.starts_with('@') {
            return Err(InvalidId(format!("instance id '{text}' begins with '@', which is kept for entities")));
        }
        check_id("instance id", text)?;
        if text.is_empty() {
            return Err(InvalidId("an instance id needs at least one character".into()));
        }
        Ok(Self(text.into()))
    }

    /// An id read back from the store or made by the host: taken as it is.
    pub fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id of an instance whose end is not waited for and that was given none: its first
    /// execution's id, written as a GUID with dashes.
    pub(crate) fn detached(execution: &ExecutionId) -> Self {
        let guid = Uuid::try_parse(execution.as_str()).map(|guid| guid.hyphenated().to_string());
        Self::trusted(guid.unwrap_or_else(|_| execution.as_str().to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entity that this id names, if it begins with `@` and has a second one.
    pub fn entity(&self) -> Option<EntityId> {
        let (name, key) = self.0.strip_prefix('@')?.split_once('@')?;
        Some(EntityId { name: name.into(), key: key.into() })
    }

    /// Whether this id names an entity.
    pub fn is_entity(&self) -> bool {
        self.0.starts_with('@')
    }
}

/// Refuses `.` and `..`, which no address can have as a part of its path: clients remove them
/// before they send the request (RFC 3986, 5.2.4), so that it reaches another resource. Written as
/// `%2E` they are the same (6.2.2.2).
fn check_segment(what: &str, text: &str) -> Result<(), InvalidId> {
    match text {
        "." | ".." => Err(InvalidId(format!(
            "{what} '{text}' cannot stand in an address: clients take '.' and '..' out of a path before they send a request; choose another"
        ))),
        _ => Ok(()),
    }
}

/// Checks the name of an event, which stands in the address that raises it.
///
/// # Errors
/// [`InvalidId`] when it is `.` or `..`.
pub fn check_event_name(name: &str) -> Result<(), InvalidId> {
    check_segment("event name", name)
}

fn check_id(what: &str, text: &str) -> Result<(), InvalidId> {
    if text.encode_utf16().count() > MAX_ID_UNITS {
        return Err(InvalidId(format!("{what} is longer than {MAX_ID_UNITS} characters")));
    }
    match text.chars().find(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control()) {
        None => Ok(()),
        Some(c) => Err(InvalidId(format!(
            "{what} '{}' contains {c:?}; '/', '\\', '#', '?' and control characters are not allowed",
            text.escape_debug()
        ))),
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", &*self.0)
    }
}

/// Names an entity. The name is kept in lower case, the key as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntityId {
    /// The entity's kind, lower case.
    pub name: Arc<str>,
    /// Which one of that kind; may be empty.
    pub key: Arc<str>,
}

impl EntityId {
    /// An id that people or guests chose.
    ///
    /// # Errors
    /// [`InvalidId`] when the name is empty or contains `@`, or when name or key break the rules of
    /// instance ids. A key may be empty.
    pub fn new(name: &str, key: &str) -> Result<Self, InvalidId> {
        check_segment("entity name", name)?;
        check_segment("entity key", key)?;
        Self::stored(name, key)
    }

    /// An id that may be that of an entity in the store, whose key was chosen when `.` and `..`
    /// were not refused.
    ///
    /// # Errors
    /// As [`Self::new`], but for those two.
    pub fn stored(name: &str, key: &str) -> Result<Self, InvalidId> {
        if name.is_empty() || name.contains('@') {
            return Err(InvalidId(format!("entity name '{name}' is empty or contains '@'")));
        }
        // Lower case first: some letters become longer by it.
        let name = name.to_lowercase();
        check_id("entity id", &format!("@{name}@{key}"))?;
        Ok(Self { name: name.into(), key: key.into() })
    }

    /// Whether the id is one that [`Self::new`] would make, for one that a guest put together.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn check(&self) -> Result<(), InvalidId> {
        Self::new(&self.name, &self.key).map(drop)
    }

    /// The same by the rules of a record's `format`.
    pub(crate) fn check_in(&self, format: u32) -> Result<(), InvalidId> {
        if format < NO_DOT_SEGMENTS { Self::stored(&self.name, &self.key).map(drop) } else { self.check() }
    }

    /// `@name@key`.
    pub fn instance_id(&self) -> InstanceId {
        InstanceId(format!("@{}@{}", self.name, self.key).into())
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "@{}@{}", self.name, self.key)
    }
}

/// 32 lower-case hexadecimal digits, new for each execution of an instance, ordered by the time
/// they were made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(Arc<str>);

impl ExecutionId {
    /// An id made by the host or read back from the store: taken as it is.
    pub fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id that follows from `self` and `salt` at `now`: the same on every fold, new for every
    /// salt, and ordered by time so that new rows land together.
    pub fn derive(&self, now: Timestamp, salt: &str) -> Self {
        let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}_{salt}", self.0).as_bytes()).simple().to_string();
        Self(format!("{:012x}{}", now.0 & 0xffff_ffff_ffff, &digest[12..]).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Numbers the tasks of one execution from 0, in the order of the commands that created them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u32);

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Numbers the immutable versions of the app that were deployed to a host, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(pub u64);

impl fmt::Display for DeploymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_keeps_the_rules_of_the_contract() {
        assert!(InstanceId::orchestration("order 7:é").is_ok());
        assert!(InstanceId::orchestration(&"x".repeat(256)).is_ok());
        assert!(["...", ".a", "a..", "%2E", ". "].iter().all(|id| InstanceId::orchestration(id).is_ok()));
        for bad in [".", "..", "", "@a@b", "a/b", "a\\b", "a#b", "a?b", "a\nb", &"x".repeat(257)] {
            assert!(InstanceId::orchestration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_entity_id_splits_at_the_second_at_sign() {
        let id = EntityId::new("Counter", "a@b").unwrap();
        assert_eq!(id.instance_id().as_str(), "@counter@a@b");
        assert_eq!(id.instance_id().entity(), Some(id));
        assert!(EntityId::new("", "a").is_err());
        for dots in [".", ".."] {
            assert!(EntityId::new("Counter", dots).unwrap_err().to_string().contains("entity key"));
            assert!(EntityId::new(dots, "a").unwrap_err().to_string().contains("entity name"));
            assert!(check_event_name(dots).is_err());
            // What has such a key already can be read.
            assert_eq!(EntityId::stored("Counter", dots).unwrap().instance_id().as_str(), format!("@counter@{dots}"));
        }
        assert!(EntityId::new("Counter", "...").is_ok() && check_event_name(".go").is_ok());
        // Both signs and the name count.
        assert!(EntityId::new("n", &"k".repeat(253)).is_ok() && EntityId::new("n", &"k".repeat(254)).is_err());
    }

    #[test]
    fn an_entity_id_that_lower_case_makes_too_long_is_refused() {
        // A capital I with a dot is one unit, and its lower case two.
        let name = "\u{130}".repeat(MAX_ID_UNITS / 2);
        assert!(EntityId::new(&name, "").is_err());
        assert_eq!(EntityId::new(&name[..240], "a").unwrap().check(), Ok(()));
    }

    #[test]
    fn derived_execution_ids_are_stable_distinct_and_ordered_by_time() {
        let root = ExecutionId::trusted("0".repeat(32));
        assert_eq!(root.derive(Timestamp(7), "1"), root.derive(Timestamp(7), "1"));
        assert_ne!(root.derive(Timestamp(7), "1"), root.derive(Timestamp(7), "2"));
        assert!(root.derive(Timestamp(7), "1") < root.derive(Timestamp(8), "1"));
        assert_eq!(root.derive(Timestamp(7), "1").as_str().len(), 32);
    }
}
