//! The address of an entity.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names an entity. Names are the same if they differ only in case; keys must be equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EntityId {
    /// The entity function's name.
    pub name: String,
    /// Which of the entities of that name.
    pub key: String,
}

impl EntityId {
    /// The entity `key` of the entity function `name`.
    pub fn new(name: impl Into<String>, key: impl Into<String>) -> Self {
        Self { name: name.into(), key: key.into() }
    }
}

impl fmt::Display for EntityId {
    /// The instance id by which hosts list the entity: `@name@key`, the name in lower case.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "@{}@{}", self.name.to_lowercase(), self.key)
    }
}
