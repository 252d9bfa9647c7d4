//! When a timer is due. Pure: the time is handed in.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use longhaul_core::Timestamp;

mod fields;
mod upcoming;

pub use upcoming::Upcoming;

const HOURS_OF_A_DAY: usize = 24;

/// Times of day and days, in a time zone.
///
/// A schedule that names all hours (`*`, `*/1`, `0-23`) goes on through a change of the clock as if nothing had happened: every quarter of
/// an hour stays every quarter of an hour. Any other names times of day, and each of them comes once a day: one that does not exist because the clock goes forward
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
        let text = with_single_blanks(text);
        fields::check(&text).map_err(|problem| unreadable(&text, &problem))?;
        Self::parse_stored(&text, zone)
    }

    /// Reads a schedule that was accepted before, maybe by a version that took more: `1,,2` for `1,2`, and `*/90` for `0`.
    ///
    /// # Errors
    /// A text that says what is wrong.
    pub fn parse_stored(text: &str, zone: &str) -> Result<Self, String> {
        let text = with_single_blanks(text);
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        // The parser takes such a field for one that never comes, and looks through thousands of years second by second.
        if text.split(' ').any(|field| field.split(',').all(str::is_empty)) {
            return Err(unreadable(&text, &"a field has no value"));
        }
        let cron = parser.parse(&text).map_err(|error| unreadable(&text, &error))?;
        let found = TimeZone::get(zone);
        let tz =
            found.map_err(|_| format!("time zone '{zone}' is unknown; use a name of the IANA database such as UTC or Europe/Berlin"))?;
        let every_hour = cron.pattern.hours.values().len() == HOURS_OF_A_DAY;
        let schedule = Self { every_hour, cron, zone: tz, text, zone_name: zone.to_owned() };
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
        let due = if self.every_hour { self.next_by_time(after) } else { self.next_by_clock(after).map(|(due, _)| due) }?;
        u64::try_from(due.as_millisecond()).ok().map(Timestamp)
    }

    fn next_by_time(&self, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        Some(self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false).ok()?.timestamp())
    }

    /// Walks what clocks show, and finds the moment at which they show it first. Returns with it what the schedule names, which clocks never
    /// show if it lies in a gap.
    fn next_by_clock(&self, after: jiff::Timestamp) -> Option<(jiff::Timestamp, DateTime)> {
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
                return Some((moment, shown));
            }
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.text, self.zone_name)
    }
}

fn with_single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unreadable(text: &str, problem: &dyn fmt::Display) -> String {
    let form = "it has five fields (minute hour day-of-month month day-of-week), six with seconds first, or is one of @hourly, \
                @daily, @weekly, @monthly, @yearly";
    format!("schedule '{text}' cannot be read: {problem}; {form}")
}

#[cfg(test)]
mod tests;
