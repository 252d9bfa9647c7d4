//! Lines in the log for failures of entities' operations, few enough that a flood of them does not
//! fill it.

use std::sync::{Mutex, PoisonError};

use longhaul_core::{EntityId, Failure, Timestamp};

/// How long lines are counted, milliseconds.
const PERIOD_MS: u64 = 10_000;
/// Most lines in that time, for all entities together.
const MAX_LINES: u32 = 20;
/// How much is shown of a name and of a failure.
const MAX_NAME_BYTES: usize = 256;
const MAX_TEXT_BYTES: usize = 1_024;

/// Counts lines.
#[derive(Debug, Default)]
pub(crate) struct FailureLog(Mutex<Period>);

#[derive(Debug, Default)]
struct Period {
    begun: Timestamp,
    lines: u32,
    left_out: u64,
}

/// What may be written of a failure.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    /// And that so many were left out before.
    Line(u64),
    /// And that what follows is left out.
    LastLine,
}

impl FailureLog {
    /// Writes that a signal failed: there is no caller to be told.
    pub(crate) fn signal_failed(&self, now: Timestamp, entity: &EntityId, operation: &str, failure: &Failure) {
        self.write(now, entity, operation, "a signal failed", &format!("{}: {}", failure.error_type, failure.message));
    }

    /// Writes that a call of the guest failed without a result.
    pub(crate) fn operation_stopped(&self, now: Timestamp, entity: &EntityId, operation: &str, error: &dyn std::fmt::Display) {
        self.write(now, entity, operation, "an operation came to nothing", &error.to_string());
    }

    fn write(&self, now: Timestamp, entity: &EntityId, operation: &str, what: &str, failure: &str) {
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).admit(now);
        let entity = entity.instance_id();
        let (operation, failure) = (cut(operation, MAX_NAME_BYTES), cut(failure, MAX_TEXT_BYTES));
        match written {
            Written::Nothing => {}
            Written::Line(0) => tracing::warn!(instance = %entity, operation, "{what}: {failure}"),
            Written::Line(left_out) => {
                tracing::warn!(left_out, "failures of operations were left out of the log");
                tracing::warn!(instance = %entity, operation, "{what}: {failure}");
            }
            Written::LastLine => {
                tracing::warn!(instance = %entity, operation, "{what}: {failure}");
                let seconds = PERIOD_MS / 1_000;
                tracing::warn!("{MAX_LINES} failures of operations within {seconds} s: more of them in this time are left out of the log");
            }
        }
    }
}

impl Period {
    fn admit(&mut self, now: Timestamp) -> Written {
        // A clock that was put back begins a new period, too.
        if now < self.begun || now.since(self.begun) >= PERIOD_MS {
            *self = Self { begun: now, lines: 0, left_out: self.left_out };
        }
        if self.lines >= MAX_LINES {
            self.left_out += 1;
            return Written::Nothing;
        }
        self.lines += 1;
        match std::mem::take(&mut self.left_out) {
            0 if self.lines == MAX_LINES => Written::LastLine,
            left_out => Written::Line(left_out),
        }
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_thinned_out_and_what_was_left_out_is_counted() {
        let mut period = Period::default();
        let mut admit = |now| period.admit(Timestamp(now));
        let first: Vec<_> = (0..50).map(|_| admit(100_000)).collect();
        assert!(first[..19].iter().all(|written| *written == Written::Line(0)));
        assert_eq!(first[19], Written::LastLine);
        assert!(first[20..].iter().all(|written| *written == Written::Nothing));
        assert_eq!(admit(109_999), Written::Nothing);
        assert_eq!(admit(110_000), Written::Line(31));
        assert_eq!(admit(110_001), Written::Line(0));
        assert_eq!(admit(50), Written::Line(0), "the clock was put back");
    }
}
