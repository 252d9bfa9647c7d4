//! When a timer is due. Pure: the time is handed in.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{AmbiguousOffset, TimeZone};
use longhaul_core::Timestamp;

/// Times of day and days, in a time zone.
///
/// A schedule whose hours are `*` goes on through a change of the clock as if nothing had happened: every quarter of an hour stays every quarter of
/// an hour. Any other names times of day, and each of them comes once a day: one that does not exist because the clock goes forward
/// comes at the end of the gap, and one that exists twice because the clock goes back comes the first time.
#[derive(Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
    every_hour: bool,
    text: String,
    zone_name: String,
}

impl Schedule {
    /// Reads a schedule: five fields (minute, hour, day of the month, month, day of the week), or six with the second before them; or
    /// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. `zone` is a name of the IANA database, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn parse(text: &str, zone: &str) -> Result<Self, String> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let form = "it has five fields (minute hour day-of-month month day-of-week), six with seconds first, or is one of @hourly, \
                    @daily, @weekly, @monthly, @yearly";
        let unreadable = |problem: &dyn fmt::Display| format!("schedule '{text}' cannot be read: {problem}; {form}");
        // The parser takes such a field for one that never comes, and looks through thousands of years second by second.
        if text.split(' ').any(|field| field.split(',').all(str::is_empty)) {
            return Err(unreadable(&"a field has no value"));
        }
        let cron = parser.parse(&text).map_err(|error| unreadable(&error))?;
        let found = TimeZone::get(zone);
        let tz =
            found.map_err(|_| format!("time zone '{zone}' is unknown; use a name of the IANA database such as UTC or Europe/Berlin"))?;
        let schedule = Self { every_hour: is_every_hour(&text), cron, zone: tz, text, zone_name: zone.to_owned() };
        // A leap day is the rarest of days, and comes within eight years even around a century.
        match schedule.next(Timestamp(0)) {
            Some(_) => Ok(schedule),
            None => Err(format!("schedule '{}' never comes", schedule.text)),
        }
    }

    /// The schedule as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of its time zone.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The first due time after `after`; `None` if there is none before the calendar ends.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_millisecond(i64::try_from(after.0).ok()?).ok()?;
        let due = if self.every_hour { self.next_by_time(after) } else { self.next_by_clock(after) }?;
        u64::try_from(due.as_millisecond()).ok().map(Timestamp)
    }

    fn next_by_time(&self, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        Some(self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false).ok()?.timestamp())
    }

    /// Walks what clocks show, and finds the moment at which they show it first.
    fn next_by_clock(&self, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut shown = self.zone.to_datetime(after);
        loop {
            shown = self.cron.find_next_occurrence(&shown, false).ok()?;
            let moment = match self.zone.to_ambiguous_timestamp(shown).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok()?,
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok()?,
                // Read with the offset of after the change, a time in the gap lies before the change.
                AmbiguousOffset::Gap { after, .. } => self.zone.following(after.to_timestamp(shown).ok()?).next()?.timestamp(),
            };
            // Clocks that were put back show times again that have come already.
            if moment > after {
                return Some(moment);
            }
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.text, self.zone_name)
    }
}

fn is_every_hour(text: &str) -> bool {
    let fields: Vec<_> = text.split(' ').collect();
    match fields.as_slice() {
        [word] => word.eq_ignore_ascii_case("@hourly"),
        [.., hour, _, _, _] => *hour == "*",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond() as u64)
    }

    /// The next due times after `after`, in UTC.
    fn next(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule, zone).unwrap();
        let times = std::iter::successors(schedule.next(at(after)), |last| schedule.next(*last));
        times.take(count).map(|time| jiff::Timestamp::from_millisecond(time.0 as i64).unwrap().to_string()).collect()
    }

    #[test]
    fn five_fields_six_fields_and_names_are_read() {
        assert_eq!(next("30 2 * * *", "UTC", "2026-01-01T02:30:00Z", 1), ["2026-01-02T02:30:00Z"]);
        assert_eq!(next("*/10 * * * * *", "UTC", "2026-01-01T00:00:05Z", 2), ["2026-01-01T00:00:10Z", "2026-01-01T00:00:20Z"]);
        assert_eq!(next("@daily", "Europe/Berlin", "2026-01-01T00:00:00Z", 1), ["2026-01-01T23:00:00Z"]);
        assert_eq!(next("@hourly", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-01T01:00:00Z"]);
        assert_eq!(next("0 9 * * MON", "UTC", "2026-01-01T00:00:00Z", 1), ["2026-01-05T09:00:00Z"]);
        assert_eq!(next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00:00Z"]);
    }

    #[test]
    fn the_next_time_lies_after_the_given_one_to_the_millisecond() {
        let schedule = Schedule::parse("* * * * * *", "UTC").unwrap();
        assert_eq!(schedule.next(Timestamp(1_000)), Some(Timestamp(2_000)));
        assert_eq!(schedule.next(Timestamp(1_001)), Some(Timestamp(2_000)));
        assert_eq!(schedule.next(Timestamp(1_999)), Some(Timestamp(2_000)));
        let daily = Schedule::parse("0 0 * * *", "UTC").unwrap();
        assert_eq!(daily.next(Timestamp(86_399_999)), Some(Timestamp(86_400_000)));
        assert_eq!(daily.next(Timestamp(u64::MAX)), None);
    }

    #[test]
    fn a_time_that_does_not_exist_comes_once_at_the_end_of_the_gap() {
        // In Berlin the clock goes from 2:00 to 3:00 at 1:00 UTC.
        for times in ["30 2 * * *", "15,30,45 2 * * *", "*/20 2 * * *", "0 0-59 2 * * *", "0 2,3 * * *"] {
            assert_eq!(next(times, "Europe/Berlin", "2026-03-28T23:00:00Z", 1), ["2026-03-29T01:00:00Z"], "{times}");
        }
        let days = next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(days, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
        let next_day = next("15,30,45 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", 1);
        assert_eq!(next_day, ["2026-03-30T00:15:00Z"], "the others of the gap do not come again");
    }

    #[test]
    fn a_time_that_exists_twice_comes_once() {
        // In Berlin the clock goes from 3:00 back to 2:00 at 1:00 UTC.
        let days = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(days, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        let days = next("*/30 2,4 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 5);
        let wanted =
            ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z", "2026-10-25T03:30:00Z", "2026-10-26T01:00:00Z"];
        assert_eq!(days, wanted);
        assert_eq!(next("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1), ["2026-10-26T01:30:00Z"], "asked within the repetition");
    }

    #[test]
    fn a_rhythm_goes_on_through_both_changes() {
        for (before, after) in [("2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"), ("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z")] {
            let times = next("*/30 * * * *", "Europe/Berlin", before, 4);
            assert_eq!(times.last().unwrap(), after, "{times:?}");
        }
        assert_eq!(next("0 * * * *", "America/New_York", "2026-11-01T04:30:00Z", 2), ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_reason() {
        for bad in ["", "* * * *", "61 * * * *", "* * * * * * *", "@fortnightly", "sometimes", "* * 32 * *"] {
            let error = Schedule::parse(bad, "UTC").unwrap_err();
            assert!(error.contains("cannot be read") && error.contains("five fields"), "{bad}: {error}");
        }
        for empty in ["*/20 , * * * *", ", * * * *", "* * * , *", ",,,, * * * * *"] {
            let error = Schedule::parse(empty, "UTC").unwrap_err();
            assert!(error.contains("a field has no value") && error.contains("five fields"), "{empty}: {error}");
        }
        assert!(Schedule::parse("0 0 30 2 *", "UTC").unwrap_err().contains("never comes"));
        let error = Schedule::parse("@daily", "Europe/Atlantis").unwrap_err();
        assert!(error.contains("Europe/Atlantis") && error.contains("IANA"), "{error}");
    }
}
