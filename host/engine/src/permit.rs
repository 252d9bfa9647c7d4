//! Leave to act, looked at again at the moment of the act.
//!
//! Between the head of a request and what it does to an instance there may be a body of a minute, a
//! wait for another request with the same key, or for an instance that makes room. Meanwhile a key
//! can be revoked, and the id can become another instance's.

use std::fmt;
use std::sync::Arc;

use longhaul_core::Timestamp;

/// Leave to act, which may end before the act. Cheap to clone.
#[derive(Clone, Default)]
pub struct Permit {
    holds: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    born_at: Option<Timestamp>,
}

impl Permit {
    /// Leave that lasts as long as `holds` says so.
    pub fn while_it(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { holds: Some(Arc::new(holds)), born_at: None }
    }

    /// The same for the instance alone that was started first at `born_at`, and for no other one of
    /// its id.
    pub fn for_instance_born_at(self, born_at: Timestamp) -> Self {
        Self { born_at: Some(born_at), ..self }
    }

    /// The same for no instance at all: there was none when leave was given.
    pub fn for_no_instance(self) -> Self {
        self.for_instance_born_at(Timestamp(u64::MAX))
    }

    /// The same for any instance of the id.
    pub fn for_any_instance(self) -> Self {
        Self { born_at: None, ..self }
    }

    /// Whether leave lasts still.
    pub fn holds(&self) -> bool {
        self.holds.as_ref().is_none_or(|holds| holds())
    }

    /// The birth of the instance that it is for, if it is for one alone.
    pub fn born_at(&self) -> Option<Timestamp> {
        self.born_at
    }

    /// Whether it is for the instance that was started first at `born_at`.
    pub fn is_for(&self, born_at: Timestamp) -> bool {
        self.born_at.is_none_or(|own| own == born_at)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").field("ends", &self.holds.is_some()).field("born_at", &self.born_at).finish()
    }
}
