//! When the tables are brought up to date: in runs, each up to the record that was the newest when
//! the run began, in steps short enough that no commit waits long behind one.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes of pending records at which a run begins early.
const EARLY_BYTES: usize = 16 << 20;
/// Appends wait for the projection once this many times as much is pending as begins it early.
const HARD_LIMIT_FACTOR: usize = 4;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What the tables do not show yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    /// Pending records.
    pub records: usize,
    /// Bytes of their texts.
    pub bytes: usize,
    /// Position of the oldest one.
    pub oldest: Option<i64>,
    /// Whether records behind a base wait to be dropped.
    pub garbage: bool,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0 && !self.garbage
    }

    /// Whether the tables show everything up to a position.
    pub(crate) fn is_behind(&self, position: i64) -> bool {
        self.oldest.is_none_or(|oldest| oldest > position)
    }
}

/// What the next step of a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Brings rows up to date.
    Project,
    /// Drops records behind a base.
    Trim,
    /// Nothing is left.
    End,
}

/// The rhythm of the runs.
#[derive(Debug)]
pub(crate) struct Cadence {
    every: Duration,
    early_records: usize,
    /// When the next run begins.
    next_run: Instant,
    /// The run that is under way ends once all records up to this position are projected.
    goal: Option<i64>,
    /// Delay before the next attempt after a failure.
    retry: Duration,
}

impl Cadence {
    /// A run every so often while something is pending, and early once so many records are.
    pub(crate) fn new(every: Duration, early_records: usize, now: Instant) -> Self {
        Self { every, early_records: early_records.max(1), next_run: now, goal: None, retry: FIRST_RETRY }
    }

    /// Whether a run is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.goal.is_some()
    }

    /// When the next run begins, unless one is under way.
    pub(crate) fn next_run(&self) -> Instant {
        self.next_run
    }

    /// A first record is pending.
    pub(crate) fn begin_waiting(&mut self, now: Instant) {
        if self.retry == FIRST_RETRY {
            self.next_run = now + self.every;
        }
    }

    /// Begins a run up to `position` now, in place of one that is under way.
    pub(crate) fn run_to(&mut self, position: i64) {
        self.goal = Some(position);
    }

    /// Begins a run, or lengthens the one that is under way, if it is time for that. `last` is the
    /// newest record.
    pub(crate) fn begin_run_if_due(&mut self, backlog: Backlog, last: i64, now: Instant) {
        let is_time = now >= self.next_run;
        let backing_off = self.retry > FIRST_RETRY && !is_time;
        let many = backlog.records >= self.early_records || backlog.bytes >= EARLY_BYTES;
        if is_time && !backlog.is_empty() || many && !backing_off {
            self.goal = self.goal.max(Some(last));
        }
    }

    /// Whether so much is pending that appends must wait. Not while the projection fails: appends
    /// fail by themselves then, or succeed.
    pub(crate) fn is_overloaded(&self, backlog: Backlog) -> bool {
        let too_many = backlog.records > self.early_records.saturating_mul(HARD_LIMIT_FACTOR);
        self.is_running() && (too_many || backlog.bytes > EARLY_BYTES * HARD_LIMIT_FACTOR)
    }

    /// The next step of the run that is under way, if there is one.
    pub(crate) fn next_step(&self, backlog: Backlog) -> Option<Step> {
        let goal = self.goal?;
        Some(match backlog.is_behind(goal) {
            false => Step::Project,
            true if backlog.garbage => Step::Trim,
            true => Step::End,
        })
    }

    /// A step succeeded and left `backlog`.
    pub(crate) fn step_done(&mut self, backlog: Backlog, now: Instant) {
        self.retry = FIRST_RETRY;
        if self.goal.is_some_and(|goal| backlog.is_behind(goal)) && !backlog.garbage {
            self.goal = None;
            self.next_run = now + self.every;
        }
    }

    /// A step failed, which ends the run. Returns the delay before the next attempt.
    pub(crate) fn step_failed(&mut self, now: Instant) -> Duration {
        let delay = self.retry;
        self.goal = None;
        self.next_run = now + delay;
        self.retry = (delay * 2).min(LONGEST_RETRY);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(1);

    fn pending(records: usize, oldest: Option<i64>) -> Backlog {
        Backlog { records, bytes: records, oldest, garbage: false }
    }

    #[test]
    fn a_run_begins_when_it_is_time_or_when_much_is_pending() {
        let begin = Instant::now();
        let mut cadence = Cadence::new(EVERY, 10, begin);
        cadence.begin_waiting(begin);
        cadence.begin_run_if_due(pending(9, Some(1)), 9, begin);
        assert!(!cadence.is_running());
        cadence.begin_run_if_due(pending(10, Some(1)), 10, begin);
        assert_eq!(cadence.next_step(pending(10, Some(1))), Some(Step::Project));
        cadence.step_done(pending(0, None), begin);
        assert!(!cadence.is_running());
        cadence.begin_run_if_due(pending(1, Some(11)), 11, begin + EVERY);
        assert!(cadence.is_running());
    }

    #[test]
    fn a_run_ends_at_the_record_that_was_the_newest_and_drops_what_is_left() {
        let now = Instant::now();
        let mut cadence = Cadence::new(EVERY, 10, now);
        cadence.run_to(5);
        let left = Backlog { garbage: true, ..pending(2, Some(6)) };
        assert_eq!(cadence.next_step(left), Some(Step::Trim));
        cadence.step_done(left, now);
        assert!(cadence.is_running());
        cadence.step_done(pending(2, Some(6)), now);
        assert_eq!(cadence.next_step(pending(2, Some(6))), None);
    }

    #[test]
    fn failures_are_tried_again_later_and_later_and_hold_up_no_append() {
        let now = Instant::now();
        let mut cadence = Cadence::new(EVERY, 1, now);
        cadence.run_to(5);
        assert!(cadence.is_overloaded(pending(5, Some(1))));
        let delays: Vec<_> = (0..7).map(|_| cadence.step_failed(now).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 30, 30]);
        assert!(!cadence.is_overloaded(pending(5, Some(1))));
        cadence.begin_run_if_due(pending(5, Some(1)), 5, now + Duration::from_secs(29));
        assert!(!cadence.is_running(), "what is pending early does not cut a delay short");
        cadence.begin_run_if_due(pending(5, Some(1)), 5, now + Duration::from_secs(30));
        assert!(cadence.is_running());
    }
}
