//! A counter.

use serde::{Deserialize, Serialize};

/// A number that can be added to.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    value: i64,
}

#[longhaul::entity(export = false)]
impl Counter {
    fn add(&mut self, number: i64) -> Result<i64, &'static str> {
        self.value = self.value.checked_add(number).ok_or("the sum is larger than 64 bits can hold")?;
        Ok(self.value)
    }

    fn reset(&mut self) {
        self.value = 0;
    }

    fn get(&self) -> i64 {
        self.value
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
        assert_eq!(counter.call("add", &40), Ok(42));
        assert_eq!(counter.call("reset", &()), Ok(()));
        assert_eq!(counter.call("get", &()), Ok(0));
    }
}
