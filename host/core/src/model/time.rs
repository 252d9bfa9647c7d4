//! Time as data: an argument, never a clock.

use serde::{Deserialize, Serialize};

/// A length of time in milliseconds.
pub type DurationMs = u64;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The latest time that can be asked for: the last millisecond of the year 9999, behind which
    /// no reader of dates follows.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// This time and `duration_ms` more, at most [`Timestamp::MAX`].
    pub fn plus(self, duration_ms: DurationMs) -> Self {
        Self(self.0.saturating_add(duration_ms)).min(Self::MAX.max(self))
    }

    /// Milliseconds from `earlier` to this time, 0 if `earlier` is later.
    pub fn since(self, earlier: Self) -> DurationMs {
        self.0.saturating_sub(earlier.0)
    }

    /// `yyyy-MM-ddTHH:mm:ssZ`: whole seconds, the rest is cut off.
    pub fn to_iso_seconds(self) -> String {
        let (date, second_of_day) = self.split();
        format!("{date}T{}Z", clock(second_of_day))
    }

    /// `yyyy-MM-ddTHH:mm:ss.fffZ`: with milliseconds.
    pub fn to_iso_millis(self) -> String {
        let (date, second_of_day) = self.split();
        format!("{date}T{}.{:03}Z", clock(second_of_day), self.0 % 1_000)
    }

    fn split(self) -> (String, u64) {
        let seconds = self.0 / 1_000;
        let (year, month, day) = civil_from_days(seconds / 86_400);
        (format!("{year:04}-{month:02}-{day:02}"), seconds % 86_400)
    }
}

fn clock(second_of_day: u64) -> String {
    format!("{:02}:{:02}:{:02}", second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60)
}

/// The Gregorian date `days` after 1970-01-01. Eras of 400 years begin on a 1 March, which puts the
/// leap day last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_shows_as_iso_8601() {
        assert_eq!(Timestamp(0).to_iso_seconds(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp(951_782_399_999).to_iso_millis(), "2000-02-28T23:59:59.999Z");
        assert_eq!(Timestamp(951_782_400_000).to_iso_seconds(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp(253_402_300_799_000).to_iso_seconds(), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn adding_past_the_end_of_time_stays_there() {
        assert_eq!(Timestamp(5).plus(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.plus(1), Timestamp::MAX);
        assert_eq!(Timestamp(u64::MAX - 1).plus(1), Timestamp(u64::MAX - 1), "what was taken once does not move");
        assert_eq!(Timestamp::MAX.to_iso_millis(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(5).since(Timestamp(9)), 0);
    }
}
