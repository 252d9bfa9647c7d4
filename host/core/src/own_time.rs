//! The time of one instance, beside the machine's clock.
//!
//! An instance's time never goes backwards. A clock does: when it was an hour ahead and is put
//! right, an instance that had a turn meanwhile is an hour ahead of it. Its waits must not last an
//! hour longer for that, so from then on it keeps its distance to the clock as long as it waits for
//! something, and no longer than that: what it waits for comes when as much time has passed as it
//! meant to wait.
//!
//! Records hold an instance's times as it sees them, except one: `wake_at` is by the clock, since
//! that is what alarms go by. The distance is the difference between the two, so that it outlives
//! the process.

use crate::model::Timestamp;

/// How far a clock may go backwards before sleeping instances are told, milliseconds. Less than
/// that they wait out.
const CORRECTION_MS: u64 = 1_000;

/// An instance's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnTime {
    /// That of its latest turn or batch.
    now: Timestamp,
    /// By how much that was later than the clock.
    ahead_ms: u64,
}

impl OwnTime {
    /// As after a record: it was closed at `now`, and what comes at `own` by the instance's time
    /// comes at `recorded` by the clock.
    pub(crate) fn recorded(now: Timestamp, own: Option<Timestamp>, recorded: Option<Timestamp>) -> Self {
        let ahead_ms = own.zip(recorded).map_or(0, |(own, recorded)| own.since(recorded));
        Self { now, ahead_ms }
    }

    /// The time of the latest turn or batch.
    pub(crate) fn now(self) -> Timestamp {
        self.now
    }

    /// The time of a turn at `clock` for an instance that next waits for `wake`, by its own time.
    pub(crate) fn at(self, clock: Timestamp, wake: Option<Timestamp>) -> Timestamp {
        // No further than to what it waits for: a clock that is put forward again makes up for the
        // distance.
        let kept = wake.map_or(clock, |wake| Timestamp(clock.0.saturating_add(self.ahead_ms)).min(wake));
        clock.max(self.now).max(kept)
    }

    /// Goes on to a turn at `clock`.
    pub(crate) fn advance(&mut self, clock: Timestamp, wake: Option<Timestamp>) {
        let now = self.at(clock, wake);
        *self = Self { now, ahead_ms: now.since(clock) };
    }

    /// Goes on to a turn that is read back: its time is recorded.
    pub(crate) fn go_to(&mut self, now: Timestamp) {
        *self = Self { now: now.max(self.now), ahead_ms: 0 };
    }

    /// When the clock shows what the instance's time will be `own`.
    pub(crate) fn by_clock(self, own: Timestamp) -> Timestamp {
        Timestamp(own.0.saturating_sub(self.ahead_ms))
    }

    /// What the instance's time will be when the clock shows `at`.
    pub(crate) fn by_own(self, at: Timestamp) -> Timestamp {
        at.plus(self.ahead_ms)
    }

    /// Whether the clock has been put back since the latest turn: what the instance waits for would
    /// come too late.
    pub(crate) fn is_left_ahead(self, clock: Timestamp) -> bool {
        self.now.since(Timestamp(clock.0.saturating_add(self.ahead_ms))) > CORRECTION_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(ms: u64) -> Timestamp {
        Timestamp(10 * HOUR + ms)
    }

    #[test]
    fn a_clock_that_goes_on_is_what_it_is_by() {
        let mut time = OwnTime::default();
        time.advance(at(0), None);
        assert_eq!(time.at(at(500), Some(at(90))), at(500));
        assert_eq!(time.by_clock(at(90)), at(90));
        assert!(!time.is_left_ahead(at(0)));
    }

    #[test]
    fn a_wait_lasts_as_long_as_it_was_meant_to_after_the_clock_was_put_back() {
        let mut time = OwnTime::default();
        // The clock is an hour ahead, and the instance begins to wait for 5 s; then it is put
        // right.
        time.advance(at(HOUR), None);
        let wake = at(HOUR + 5_000);
        assert!(time.is_left_ahead(at(1_000)) && !time.is_left_ahead(at(HOUR - 1_000)));
        time.advance(at(1_000), Some(wake));
        assert_eq!(time.now(), at(HOUR), "it does not go backwards");
        assert_eq!(time.by_clock(wake), at(6_000));
        assert_eq!(time.at(at(4_000), Some(wake)), at(HOUR + 3_000), "its time goes on meanwhile");
        assert_eq!(time.at(at(6_000), Some(wake)), wake);
        assert!(!time.is_left_ahead(at(2_000)), "it was told");
    }

    #[test]
    fn a_clock_that_is_put_forward_again_makes_up_for_the_distance() {
        let mut time = OwnTime::default();
        // The clock falls an hour behind and is put right later.
        time.advance(at(HOUR), None);
        let wake = at(HOUR + 60_000);
        time.advance(at(0), Some(wake));
        time.advance(at(HOUR + 70_000), Some(wake));
        assert_eq!(time, OwnTime { now: at(HOUR + 70_000), ahead_ms: 0 });
    }

    #[test]
    fn the_distance_is_read_back_from_what_was_recorded() {
        let mut time = OwnTime::default();
        time.advance(at(HOUR), None);
        time.advance(at(0), Some(at(2 * HOUR)));
        let own = Some(at(2 * HOUR));
        assert_eq!(OwnTime::recorded(time.now(), own, own.map(|own| time.by_clock(own))), time);
        assert_eq!(OwnTime::recorded(at(0), own, own), OwnTime { now: at(0), ahead_ms: 0 }, "a record of a version that knew no distance");
    }
}
