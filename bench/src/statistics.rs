//! What a series of measurements says.

use std::time::Duration;

/// How long each of a number of things took, and all of them together.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Each thing's time, shortest first.
    sorted: Vec<Duration>,
    /// From the first to the last, which is less than the sum where things overlapped.
    pub elapsed: Duration,
}

impl Sample {
    /// A series that took `elapsed` as a whole.
    pub fn new(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        times.sort_unstable();
        Self { sorted: times, elapsed }
    }

    /// A series of things done one after the other.
    pub fn sequence(times: Vec<Duration>) -> Self {
        let elapsed = times.iter().sum();
        Self::new(times, elapsed)
    }

    /// Several series as one, as if each had followed the other.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut times, mut elapsed) = (Vec::new(), Duration::ZERO);
        for part in parts {
            times.extend_from_slice(&part.sorted);
            elapsed += part.elapsed;
        }
        Self::new(times, elapsed)
    }

    /// Each thing's time, shortest first.
    pub fn times(&self) -> &[Duration] {
        &self.sorted
    }

    /// How many things were done.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Things per second.
    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that `percent` of the things did not exceed; zero if there are none.
    pub fn percentile(&self, percent: u32) -> Duration {
        let rank = (self.count() * percent as usize).div_ceil(100);
        self.sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The whole time divided by the number of things.
    pub fn each(&self) -> Duration {
        self.elapsed / u32::try_from(self.count().max(1)).unwrap_or(u32::MAX)
    }

    /// The time in the middle.
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let sample = Sample::sequence((1..=100).rev().map(Duration::from_millis).collect());
        assert_eq!(sample.median(), Duration::from_millis(50));
        assert_eq!(sample.percentile(99), Duration::from_millis(99));
        assert_eq!(sample.percentile(100), Duration::from_millis(100));
        assert_eq!(Sample::sequence(vec![Duration::from_millis(7)]).percentile(99), Duration::from_millis(7));
    }

    #[test]
    fn joined_series_count_their_times_one_after_the_other() {
        let part = |ms| Sample::sequence(vec![Duration::from_millis(ms); 2]);
        let joined = Sample::joined([&part(30), &part(10)]);
        assert_eq!((joined.count(), joined.elapsed), (4, Duration::from_millis(80)));
        assert_eq!(joined.percentile(1), Duration::from_millis(10));
    }

    #[test]
    fn the_rate_counts_what_overlapped_once() {
        let sample = Sample::new(vec![Duration::from_secs(1); 8], Duration::from_secs(2));
        assert!((sample.per_second() - 4.0).abs() < 1e-9);
    }
}
