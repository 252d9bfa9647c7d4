//! The aggregator: many senders signal, one entity keeps what they amount to.

use serde::{Deserialize, Serialize};

/// What all measurements so far amount to.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurements {
    count: u64,
    sum: f64,
    /// Absent before the first measurement.
    min: Option<f64>,
    max: Option<f64>,
}

#[longhaul::entity(export = false)]
impl Measurements {
    fn record(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
    }

    /// The mean value; null before the first measurement.
    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn summary(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use longhaul::testing::EntityUnderTest;

    use super::*;

    #[test]
    fn measurements_add_up_to_their_summary() {
        let mut sensor = EntityUnderTest::<Measurements>::new("cellar");
        assert_eq!(sensor.call("mean", &()), Ok(None::<f64>));
        assert_eq!(sensor.state(), None, "asking does not bring it into being");
        for value in [3.0, -1.5, 4.5] {
            sensor.call::<()>("record", &value).unwrap();
        }
        assert_eq!(sensor.call("mean", &()), Ok(Some(2.0)));
        let summary = Measurements { count: 3, sum: 6.0, min: Some(-1.5), max: Some(4.5) };
        assert_eq!(sensor.call("summary", &()), Ok(summary));
    }
}
