//! The entity that the measured workloads count with.

use serde::{Deserialize, Serialize};

/// A number that can be added to.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    value: u64,
}

#[longhaul::entity]
impl Counter {
    fn add(&mut self, number: u64) -> Result<u64, &'static str> {
        self.value = self.value.checked_add(number).ok_or("the sum is larger than 64 bits can hold")?;
        Ok(self.value)
    }
}
