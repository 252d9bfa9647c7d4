//! What is to be done with a timer now. Pure: the time is handed in.

use longhaul_core::Timestamp;

use crate::cron::Schedule;
use crate::manifest::Missed;

/// How late a due time may be dealt with as if it were now, milliseconds: a host that is started again at once misses nothing.
pub const GRACE_MS: u64 = 60_000;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time; `None`: nothing ever.
    Wait(Option<Timestamp>),
    /// To start what the timer starts, for this due time and all before it.
    Fire(Timestamp),
    /// To let all due times up to this one pass.
    Pass(Timestamp),
    /// To go on from this time, which is now: the clock was put back, and what was dealt with lies ahead of it.
    GoBack(Timestamp),
}

/// Decides for a timer whose due times up to `handled` are dealt with. Never fires early.
pub fn step(schedule: &Schedule, missed: Missed, handled: Timestamp, now: Timestamp) -> Step {
    // A clock that is set by less is waited for. Due times that come a second time for this find what they started by its key.
    if handled.since(now) > GRACE_MS {
        return Step::GoBack(now);
    }
    let due = match schedule.next(handled) {
        Some(due) if due <= now => due,
        later => return Step::Wait(later),
    };
    let limit = Timestamp(now.0.saturating_sub(GRACE_MS));
    if due >= limit {
        return Step::Fire(due);
    }
    let latest = latest_before(schedule, due, limit);
    match missed {
        Missed::RunOnce => Step::Fire(latest),
        Missed::Skip => Step::Pass(latest),
    }
}

/// The latest due time before `limit`, of which `first` is one. Looks back in steps that double, so that years of seconds cost no walk.
fn latest_before(schedule: &Schedule, first: Timestamp, limit: Timestamp) -> Timestamp {
    let mut window = 1_000;
    let mut latest = first;
    loop {
        let from = Timestamp(limit.0.saturating_sub(window)).max(first);
        while let Some(due) = schedule.next(latest.max(from)).filter(|due| *due < limit) {
            latest = due;
        }
        if latest > from || from == first {
            return latest;
        }
        window *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn daily() -> Schedule {
        Schedule::parse("@daily", "UTC").unwrap()
    }

    #[test]
    fn nothing_fires_early_and_everything_on_time() {
        let step_at = |now| step(&daily(), Missed::Skip, Timestamp(DAY), Timestamp(now));
        assert_eq!(step_at(2 * DAY - 1), Step::Wait(Some(Timestamp(2 * DAY))));
        assert_eq!(step_at(2 * DAY), Step::Fire(Timestamp(2 * DAY)));
        assert_eq!(step_at(2 * DAY + GRACE_MS), Step::Fire(Timestamp(2 * DAY)), "a short pause misses nothing");
        assert_eq!(step_at(2 * DAY + GRACE_MS + 1), Step::Pass(Timestamp(2 * DAY)));
    }

    #[test]
    fn a_clock_that_was_put_back_by_a_little_is_waited_for() {
        let now = Timestamp(5 * DAY - GRACE_MS);
        assert_eq!(step(&daily(), Missed::RunOnce, Timestamp(5 * DAY), now), Step::Wait(Some(Timestamp(6 * DAY))));
    }

    #[test]
    fn a_timer_does_not_stand_still_until_a_clock_that_was_put_right_has_caught_up() {
        let minutes = Schedule::parse("* * * * *", "UTC").unwrap();
        // The clock showed an hour more than it was, and all of that hour is dealt with.
        let (handled, now) = (Timestamp(DAY + 3_600_000), Timestamp(DAY + 10_000));
        assert_eq!(step(&minutes, Missed::RunOnce, handled, now), Step::GoBack(now));
        assert_eq!(step(&minutes, Missed::RunOnce, now, now), Step::Wait(Some(Timestamp(DAY + 60_000))));
        assert_eq!(step(&minutes, Missed::RunOnce, now, Timestamp(DAY + 60_000)), Step::Fire(Timestamp(DAY + 60_000)));
    }

    #[test]
    fn one_start_makes_up_for_all_missed_times_and_stands_for_the_latest() {
        let now = Timestamp(9 * DAY + DAY / 2);
        assert_eq!(step(&daily(), Missed::RunOnce, Timestamp(DAY), now), Step::Fire(Timestamp(9 * DAY)));
        assert_eq!(step(&daily(), Missed::RunOnce, Timestamp(9 * DAY), now), Step::Wait(Some(Timestamp(10 * DAY))));
        assert_eq!(step(&daily(), Missed::Skip, Timestamp(DAY), now), Step::Pass(Timestamp(9 * DAY)));
    }

    #[test]
    fn missed_seconds_of_years_are_found_at_once() {
        let seconds = Schedule::parse("* * * * * *", "UTC").unwrap();
        let now = Timestamp(20_000 * DAY);
        assert_eq!(step(&seconds, Missed::RunOnce, Timestamp(DAY), now), Step::Fire(Timestamp(now.0 - GRACE_MS - 1_000)));
        let first_of_year = Schedule::parse("@yearly", "UTC").unwrap();
        assert_eq!(step(&first_of_year, Missed::RunOnce, Timestamp(0), Timestamp(400 * DAY)), Step::Fire(Timestamp(365 * DAY)));
    }

    #[test]
    fn after_a_pause_of_the_host_every_time_within_the_grace_fires() {
        let seconds = Schedule::parse("* * * * * *", "UTC").unwrap();
        let now = Timestamp(1_003_000);
        assert_eq!(step(&seconds, Missed::Skip, Timestamp(1_000_000), now), Step::Fire(Timestamp(1_001_000)));
        assert_eq!(step(&seconds, Missed::Skip, Timestamp(1_001_000), now), Step::Fire(Timestamp(1_002_000)));
    }
}
