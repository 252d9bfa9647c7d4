//! Points in time.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MS_PER_SECOND: u64 = 1_000;
const MS_PER_DAY: u64 = 86_400_000;
/// Days from the first of March of the year 0 to the begin of 1970.
const DAYS_BEFORE_1970: u64 = 719_468;

/// A point in time with the precision of a millisecond, from 1970 to the end of the year 9999.
///
/// It shows and serializes in UTC, such as `2026-11-22T18:30:00.250Z`, and is read in every form of
/// RFC 3339, with any offset. A later time, which [`from_millis`](Self::from_millis) can make, does
/// not serialize: no reader takes a year of five digits.
///
/// ```
/// use longhaul::Timestamp;
/// let time: Timestamp = "2026-11-22T19:30:00.25+01:00".parse().unwrap();
/// assert_eq!(time.to_string(), "2026-11-22T18:30:00.250Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest time that can be written and read: the last millisecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// The time that many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time that passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This time and `duration` more, a part of a millisecond rounded up; `None` if that is after
    /// [`Timestamp::MAX`].
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(millis_rounded_up(duration)).map(Self).filter(|time| *time <= Self::MAX)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Rounds a part of a millisecond up, so that a timer is never early. Stops at
    /// [`Timestamp::MAX`]; see [`checked_add`](Timestamp::checked_add).
    fn add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(self.max(Self::MAX))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// Stops at 1970.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_rounded_up(duration)))
    }
}

/// A duration as whole milliseconds; a part of one counts as one.
pub(crate) fn millis_rounded_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A duration as `hh:mm:ss`, or with days as `d.hh:mm:ss`; parts of a second are left out.
pub(crate) fn hours_minutes_seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86_400 {
        0 => clock,
        days => format!("{days}.{clock}"),
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0 / MS_PER_DAY);
        let ms = self.0 % MS_PER_DAY;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / MS_PER_SECOND % 60);
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % MS_PER_SECOND)
    }
}

/// A text that is not a time in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimestampError(String);

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "'{}' is not a time of the years 1970 to 9999 such as 2026-11-22T18:30:00Z or 2026-11-22T19:30:00.5+01:00", self.0)
    }
}

impl std::error::Error for ParseTimestampError {}

impl std::str::FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads RFC 3339: `yyyy-mm-ddThh:mm:ss`, any number of decimals (cut to milliseconds), then
    /// `Z` or an offset such as `+01:00`.
    ///
    /// `t` and `z` are read, too, and a blank in the place of `T`. A leap second, `23:59:60` in UTC
    /// on the last day of a month, is the same as the second behind it, since this count of
    /// milliseconds has none. There is no hour 24.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseTimestampError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (local, ahead_ms) = split_offset(text)?;
    let (whole, decimals) = local.split_once('.').unwrap_or((local, "0"));
    let (date, clock) = whole.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_leap_second = second == 60;
    // Between the years 1 and 9999, so that a time that is not yet 1970 in UTC only lies there once
    // the offset is taken away.
    let local_ms = local_millis([year, month, day], [hour, minute, second - u64::from(is_leap_second)])?;
    if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms: i64 = format!("{decimals:0<3}")[..3].parse().ok()?;
    let whole_ms = local_ms - ahead_ms + if is_leap_second { 1_000 } else { 0 };
    let time = u64::try_from(whole_ms + ms).ok().map(Timestamp).filter(|time| *time <= Timestamp::MAX)?;
    // A leap second is the last of a month in UTC: the second behind it begins the next.
    let ends_a_month = || civil_from_days(time.0 / MS_PER_DAY).2 == 1 && time.0 % MS_PER_DAY < MS_PER_SECOND;
    (!is_leap_second || ends_a_month()).then_some(time)
}

/// Takes `Z` or an offset from the end of a time. Returns the rest, and how many milliseconds its
/// clock is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
    let (sign, clock) = offset.split_at_checked(1)?;
    let [hours, minutes] = numbers(clock, ':', [2, 2])?;
    if hours >= 24 || minutes >= 60 {
        return None;
    }
    let ahead_ms = i64::try_from((hours * 60 + minutes) * 60 * MS_PER_SECOND).ok()?;
    match sign {
        "+" => Some((local, ahead_ms)),
        "-" => Some((local, -ahead_ms)),
        _ => None,
    }
}

/// A date and a time of day, counted from the begin of 1970 on the same clock.
fn local_millis([year, month, day]: [u64; 3], [hour, minute, second]: [u64; 3]) -> Option<i64> {
    let in_range = (1..=9999).contains(&year) && (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    if !in_range || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    let days = days_from_year_0(year, month, day).checked_signed_diff(DAYS_BEFORE_1970)?;
    Some(days * i64::try_from(MS_PER_DAY).ok()? + i64::try_from(seconds * MS_PER_SECOND).ok()?)
}

fn numbers<const COUNT: usize>(text: &str, separator: char, widths: [usize; COUNT]) -> Option<[u64; COUNT]> {
    let mut parts = text.split(separator);
    let mut found = [0; COUNT];
    for (number, width) in found.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date that many days after 1970-01-01. Counts in years that begin in March, so that the leap
/// day comes last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// From the first of March of the year 0 on.
fn days_from_year_0(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let march_month = (month + 9) % 12;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * march_month + 2) / 5 + day - 1;
    era * 146_097 + day_of_era
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if *self > Self::MAX {
            let text = format!("the time {} ms after 1970 is after the year 9999, the last that can be read", self.0);
            return Err(serde::ser::Error::custom(text));
        }
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_written_and_read_back() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_372_200_250, "2026-11-22T18:30:00.250Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp(ms)));
        }
    }

    #[test]
    fn a_text_that_is_not_a_utc_time_is_refused() {
        for text in [
            "",
            "Z",
            "2026-02-30T00:00:00Z",
            "2026-11-22T18:30:00",
            "2026-11-22T18:30:00+01",
            "2026-11-22T18:30:00+0100",
            "2026-11-22T18:30:00+24:00",
            "2026-11-22T18:30:00+01:60",
            "2026-11-22T18:30:00 +01:00",
            "2026-11-22T18:30Z",
            "2026-11-22T18:30:00.Z",
            "2026-11-22T18:30:00,5Z",
            "2026-11-22T24:00:00Z",
            "1969-01-01T00:00:00Z",
            "1970-01-01T00:59:59+01:00",
            "9999-12-31T23:00:00-01:00",
            "10000-01-01T00:00:00Z",
            "2026-1-1T0:0:0Z",
            "2016-12-30T23:59:60Z",
            "2016-12-31T22:59:60Z",
            "2016-12-31T23:59:60+01:00",
            "2016-12-31T23:59:61Z",
            "9999-12-31T23:59:60Z",
            "2026-11-22T18:30:00\u{661}Z",
            "2026-11-22T18:30:0é",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text} was read");
        }
    }

    #[test]
    fn every_form_of_rfc_3339_is_read() {
        for (text, same) in [
            ("2026-11-22t18:30:00z", "2026-11-22T18:30:00.000Z"),
            ("2026-11-22 18:30:00Z", "2026-11-22T18:30:00.000Z"),
            ("2026-11-22T18:30:00.5+00:00", "2026-11-22T18:30:00.500Z"),
            ("2026-11-22T18:30:00.123456789-00:00", "2026-11-22T18:30:00.123Z"),
            ("2026-11-22T00:30:00+05:45", "2026-11-21T18:45:00.000Z"),
            ("2025-12-31T23:59:59.999-23:59", "2026-01-01T23:58:59.999Z"),
            ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
            ("2017-01-01T05:29:60.5+05:30", "2017-01-01T00:00:00.500Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), same, "{text}");
        }
    }

    #[test]
    fn a_time_after_the_year_9999_is_not_written() {
        let end = "9999-12-31T23:59:59.999Z";
        assert_eq!(serde_json::to_string(&Timestamp::MAX).unwrap(), format!("\"{end}\""));
        assert_eq!(end.parse(), Ok(Timestamp::MAX));
        let error = serde_json::to_string(&Timestamp(Timestamp::MAX.0 + 1)).unwrap_err().to_string();
        assert!(error.contains("after the year 9999"), "{error}");
        assert_eq!(Timestamp(5) + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp(5).checked_add(Duration::MAX), None);
        assert_eq!(Timestamp::MAX.checked_add(Duration::ZERO), Some(Timestamp::MAX));
        assert_eq!(Timestamp::MAX.checked_add(Duration::from_nanos(1)), None);
        assert_eq!(Timestamp(5) - Duration::MAX, Timestamp(0));
    }

    #[test]
    fn a_part_of_a_millisecond_makes_a_timer_later_never_earlier() {
        assert_eq!(Timestamp(5) + Duration::from_nanos(1), Timestamp(6));
    }

    #[test]
    fn a_duration_above_a_day_shows_its_days() {
        assert_eq!(hours_minutes_seconds(Duration::from_secs(60)), "00:01:00");
        assert_eq!(hours_minutes_seconds(Duration::from_secs(90_061)), "1.01:01:01");
    }
}
