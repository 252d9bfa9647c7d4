//! A counter.

use longhaul::MaybeEncoded;
use serde::{Deserialize, Serialize};

/// A number that can be added to. Its state is the number itself.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter(i64);

#[longhaul::entity(export = false)]
impl Counter {
    /// Returns the sum. Takes the number also as the Python client of Azure Durable Functions sends it: as JSON text in a string.
    fn add(&mut self, number: MaybeEncoded<i64>) -> Result<i64, &'static str> {
        self.0 = self.0.checked_add(number.0).ok_or("the sum is larger than 64 bits can hold")?;
        Ok(self.0)
    }

    fn reset(&mut self) {
        self.0 = 0;
    }

    fn get(&self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use longhaul::testing::EntityUnderTest;

    use super::*;

    #[test]
    fn a_counter_adds_up_until_it_is_reset() {
        let mut counter = EntityUnderTest::<Counter>::new("a");
        assert_eq!(counter.call("add", &2), Ok(2));
        assert_eq!(counter.call("add", &"40"), Ok(42));
        assert_eq!(counter.call("reset", &()), Ok(()));
        assert_eq!(counter.call("get", &()), Ok(0));
    }
}
