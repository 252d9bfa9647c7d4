//! When a failed call is tried again.

use std::time::Duration;

use crate::timestamp::millis_rounded_up;

/// When and how often the host tries a failed call again.
///
/// The delays are durable, and they cost the orchestrator nothing: it sees the last attempt's
/// failure only.
///
/// ```
/// use longhaul::RetryPolicy;
/// use std::time::Duration;
/// let policy = RetryPolicy::new(5, Duration::from_secs(1)).backoff(2.0).max_interval(Duration::from_secs(30));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Delay before the second attempt, in milliseconds.
    pub first_interval_ms: u64,
    /// The n-th delay is the first one times this to the power of n-1.
    pub backoff_coefficient: f64,
    /// No delay is longer than this many milliseconds.
    pub max_interval_ms: Option<u64>,
    /// No further attempt is scheduled once this many milliseconds have passed since the first.
    pub retry_timeout_ms: Option<u64>,
    /// The share of each delay that is left to chance, from 0.0 to 1.0.
    pub jitter: f64,
    /// Failures of these error types are not tried again.
    pub give_up_on: Vec<String>,
}

impl RetryPolicy {
    /// `max_attempts` attempts in all (at least 1), always `first_interval` apart (at least a
    /// millisecond).
    pub fn new(max_attempts: u32, first_interval: Duration) -> Self {
        Self {
            max_attempts: max_attempts.max(1),
            first_interval_ms: millis_rounded_up(first_interval).max(1),
            backoff_coefficient: 1.0,
            max_interval_ms: None,
            retry_timeout_ms: None,
            jitter: 0.0,
            give_up_on: Vec::new(),
        }
    }

    /// Each delay is `coefficient` times the one before; at least 1.0, the default. With NaN or an
    /// infinity the call fails with `InvalidRetryPolicy`.
    pub fn backoff(mut self, coefficient: f64) -> Self {
        self.backoff_coefficient = if coefficient < 1.0 { 1.0 } else { coefficient };
        self
    }

    /// No delay is longer than this. Default: no bound.
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval_ms = Some(millis_rounded_up(interval).max(1));
        self
    }

    /// No further attempt is scheduled once this much time has passed since the first. Default: no
    /// bound.
    pub fn retry_timeout(mut self, timeout: Duration) -> Self {
        self.retry_timeout_ms = Some(millis_rounded_up(timeout));
        self
    }

    /// The share of each delay that is left to chance, from 0.0 (the default) to 1.0. With NaN the
    /// call fails with `InvalidRetryPolicy`.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share.clamp(0.0, 1.0);
        self
    }

    /// Failures of this error type are not tried again. May be given several times.
    pub fn give_up_on(mut self, error_type: impl Into<String>) -> Self {
        self.give_up_on.push(error_type.into());
        self
    }
}
