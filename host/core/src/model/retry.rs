//! Retry policies: when the host tries a failed call again.

use serde::{Deserialize, Serialize};

use super::{DurationMs, Failure, Timestamp};

/// When and how often a failed call is tried again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Delay before the second attempt, milliseconds.
    pub first_interval_ms: DurationMs,
    /// The n-th delay is `first_interval_ms * backoff_coefficient^(n-1)`.
    #[serde(with = "any_number")]
    pub backoff_coefficient: f64,
    /// No delay is longer than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_interval_ms: Option<DurationMs>,
    /// No further attempt is scheduled once this much time has passed since the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_timeout_ms: Option<DurationMs>,
    /// From 0.0 to 1.0: the share of each delay that is left to chance.
    #[serde(default, with = "any_number")]
    pub jitter: f64,
    /// Failures of these kinds are not tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub give_up_on: Vec<String>,
}

impl RetryPolicy {
    /// When attempt `attempt` (from 1) that failed at `now` is tried again; `None` when the policy
    /// gives up.
    ///
    /// `chance` from 0.0 to 1.0 decides the part of the delay that jitter leaves open.
    pub fn next_attempt(
        &self,
        attempt: u32,
        first_attempt: Timestamp,
        now: Timestamp,
        failure: &Failure,
        chance: f64,
    ) -> Option<Timestamp> {
        let given_up = failure.non_retriable || attempt >= self.max_attempts || self.give_up_on.contains(&failure.error_type);
        let too_late = self.retry_timeout_ms.is_some_and(|limit| now.since(first_attempt) >= limit);
        if given_up || too_late {
            return None;
        }
        Some(now.plus(self.delay_ms(attempt, chance)))
    }

    fn delay_ms(&self, attempt: u32, chance: f64) -> DurationMs {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.first_interval_ms as f64 * self.backoff_coefficient.powi(exponent);
        let bounded = self.max_interval_ms.map_or(grown, |max| grown.min(max as f64));
        // The cast saturates: a delay beyond the end of time is the end of time.
        (bounded * (1.0 - self.jitter.clamp(0.0, 1.0) * chance)) as DurationMs
    }

    /// What is wrong with the policy's numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        if self.max_attempts == 0 {
            return Some("max-attempts is 0; it counts the first attempt too, so it must be at least 1".into());
        }
        if self.first_interval_ms == 0 {
            return Some("first-interval is 0; it must be at least 1 ms".into());
        }
        if !(self.backoff_coefficient.is_finite() && self.backoff_coefficient >= 1.0) {
            return Some(format!("backoff-coefficient is {}; it must be at least 1.0", self.backoff_coefficient));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Some(format!("jitter is {}; it must be from 0.0 to 1.0", self.jitter));
        }
        None
    }
}

/// A guest may hand over NaN, and a replay must then find what is recorded to be the same.
impl PartialEq for RetryPolicy {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: f64, other: f64| one == other || (one.is_nan() && other.is_nan());
        let Self { max_attempts, first_interval_ms, backoff_coefficient, max_interval_ms, retry_timeout_ms, jitter, give_up_on } = self;
        *max_attempts == other.max_attempts
            && *first_interval_ms == other.first_interval_ms
            && same(*backoff_coefficient, other.backoff_coefficient)
            && *max_interval_ms == other.max_interval_ms
            && *retry_timeout_ms == other.retry_timeout_ms
            && same(*jitter, other.jitter)
            && *give_up_on == other.give_up_on
    }
}

/// A number as JSON; one that JSON does not have as a text. `serde_json` would write `null`, and
/// the record could not be read again.
mod any_number {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.collect_str(number) }
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
        /// As it was written once.
        Null(()),
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(number),
            Written::Text(text) => text.parse().map_err(D::Error::custom),
            Written::Null(()) => Ok(f64::NAN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 4,
            first_interval_ms: 100,
            backoff_coefficient: 2.0,
            max_interval_ms: Some(300),
            retry_timeout_ms: Some(10_000),
            jitter: 0.0,
            give_up_on: vec!["Fatal".into()],
        }
    }

    fn next(policy: &RetryPolicy, attempt: u32, now: u64, failure: &Failure) -> Option<u64> {
        policy.next_attempt(attempt, Timestamp(0), Timestamp(now), failure, 1.0).map(|at| at.0)
    }

    #[test]
    fn delays_grow_up_to_the_longest_and_end_with_the_attempts() {
        let failure = Failure::new("Http", "503");
        let delays: Vec<_> = (1..=4).map(|attempt| next(&policy(), attempt, 0, &failure)).collect();
        assert_eq!(delays, [Some(100), Some(200), Some(300), None]);
    }

    #[test]
    fn some_failures_are_not_tried_again() {
        assert_eq!(next(&policy(), 1, 0, &Failure::new("Fatal", "no")), None);
        let final_one = Failure { non_retriable: true, ..Failure::new("Http", "no") };
        assert_eq!(next(&policy(), 1, 0, &final_one), None);
    }

    #[test]
    fn the_time_limit_is_tested_when_the_next_delay_is_computed() {
        let failure = Failure::new("Http", "503");
        assert_eq!(next(&policy(), 1, 9_999, &failure), Some(10_099));
        assert_eq!(next(&policy(), 1, 10_000, &failure), None);
    }

    #[test]
    fn a_policy_is_read_as_it_was_written_even_with_numbers_that_json_does_not_have() {
        for number in [1.5, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let policy = RetryPolicy { backoff_coefficient: number, jitter: number, ..policy() };
            let text = serde_json::to_string(&policy).unwrap();
            assert_eq!(serde_json::from_str::<RetryPolicy>(&text).unwrap(), policy, "{text}");
            assert_eq!(policy.problem().is_some(), number != 1.0, "{text}");
        }
        let once = r#"{"maxAttempts":2,"firstIntervalMs":1,"backoffCoefficient":null,"jitter":null}"#;
        assert!(serde_json::from_str::<RetryPolicy>(once).unwrap().problem().unwrap().contains("NaN"));
        assert_eq!(serde_json::from_str::<RetryPolicy>(&once.replace("null", "2")).unwrap().backoff_coefficient, 2.0);
    }

    #[test]
    fn a_delay_beyond_the_end_of_time_ends_there() {
        let policy = RetryPolicy { max_attempts: u32::MAX, max_interval_ms: None, retry_timeout_ms: None, ..policy() };
        assert_eq!(next(&policy, u32::MAX - 1, 5, &Failure::new("Http", "503")), Some(Timestamp::MAX.0));
    }

    #[test]
    fn jitter_shortens_a_delay_by_at_most_its_share() {
        let policy = RetryPolicy { jitter: 0.5, ..policy() };
        assert_eq!(next(&policy, 1, 0, &Failure::default()), Some(50));
    }
}
