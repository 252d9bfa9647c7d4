//! Reads the dates that clients send.
//!
//! The contract asks for "any ISO-8601 a general date parser takes", with years of fewer than four digits besides, which date
//! crates refuse; so this is a small parser of our own. A date without a zone is taken as UTC.

use longhaul_core::Timestamp;

/// The time that `text` names, in milliseconds; what lies before 1970 becomes 1970. `None` when it cannot be read.
///
/// Takes `2026-11-22`, `2026-11-22T10:15`, `24:00` for the end of a day, seconds, fractions of any length (cut off after milliseconds), and the zones `Z`,
/// `+01`, `+01:00` and `+0100`. A blank may stand for `T`, and for the `+` of a zone, which is what form-decoding makes of it.
/// ISO 8601's basic form is read as well: `20261122`, `20261122T101507Z`.
pub fn parse(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.trim().as_bytes());
    let days = rest.date()?;
    let mut time_ms = 0;
    let mut zone_minutes = 0;
    if rest.take_any(b"Tt ") {
        time_ms = rest.time_ms()?;
        zone_minutes = rest.zone_minutes()?;
    }
    if !rest.0.is_empty() {
        return None;
    }
    let milliseconds = days * 86_400_000 + time_ms - zone_minutes * 60_000;
    Some(Timestamp(u64::try_from(milliseconds).unwrap_or(0)))
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Days from 1970-01-01 to the date, which may be negative.
    fn date(&mut self) -> Option<i64> {
        let is_basic = self.0.len() >= 8 && self.0.iter().take(8).all(u8::is_ascii_digit);
        let year = self.number(1, 4)?;
        let (month, day) = if is_basic {
            (self.number(2, 2)?, self.number(2, 2)?)
        } else {
            self.take(b'-')?;
            let month = self.number(1, 2)?;
            self.take(b'-')?;
            (month, self.number(1, 2)?)
        };
        let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        is_date.then(|| days_from_civil(year, month, day))
    }

    fn time_ms(&mut self) -> Option<i64> {
        let is_basic = self.0.len() >= 4 && self.0.iter().take(4).all(u8::is_ascii_digit);
        let hour = self.number(1, 2)?;
        if !is_basic {
            self.take(b':')?;
        }
        let minute = self.number(2, 2)?;
        let (mut second, mut milliseconds) = (0, 0);
        let has_seconds = if is_basic { self.0.first().is_some_and(u8::is_ascii_digit) } else { self.take_any(b":") };
        if has_seconds {
            second = self.number(2, 2)?;
            if self.take_any(b".,") {
                milliseconds = self.fraction_ms()?;
            }
        }
        // A leap second counts as the last second of its minute.
        let is_end_of_day = hour == 24 && minute + second + milliseconds == 0;
        let is_time = hour < 24 && minute < 60 && second <= 60;
        (is_time || is_end_of_day).then(|| ((hour * 60 + minute) * 60 + second.min(59)) * 1_000 + milliseconds)
    }

    fn fraction_ms(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let digit = |place: usize| fraction.get(place).map_or(0, |byte| i64::from(byte - b'0'));
        Some(digit(0) * 100 + digit(1) * 10 + digit(2))
    }

    fn zone_minutes(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.take_any(b"Zz") {
            return Some(0);
        }
        let west = self.take_any(b"-");
        if !west && !self.take_any(b"+ ") {
            return None;
        }
        let hours = self.number(2, 2)?;
        self.take_any(b":");
        let minutes = if self.0.is_empty() { 0 } else { self.number(2, 2)? };
        let offset = hours * 60 + minutes;
        (hours <= 14 && minutes < 60).then_some(if west { -offset } else { offset })
    }

    fn number(&mut self, least_digits: usize, most_digits: usize) -> Option<i64> {
        let digits = self.0.iter().take(most_digits).take_while(|byte| byte.is_ascii_digit()).count();
        if digits < least_digits {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0')))
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.take_any(&[byte]).then_some(())
    }

    fn take_any(&mut self, bytes: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if bytes.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the Gregorian date. Years begin in March here, which puts the leap day last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        parse(text).map(Timestamp::to_iso_millis)
    }

    #[test]
    fn dates_are_read_with_and_without_time_and_fraction() {
        assert_eq!(shown("2026-11-22").unwrap(), "2026-11-22T00:00:00.000Z");
        assert_eq!(shown("2026-11-22T10:15").unwrap(), "2026-11-22T10:15:00.000Z");
        assert_eq!(shown("2026-11-22 10:15:07").unwrap(), "2026-11-22T10:15:07.000Z");
        assert_eq!(shown("2024-02-29T23:59:59.987654Z").unwrap(), "2024-02-29T23:59:59.987Z");
        assert_eq!(shown("2024-02-29T24:00:00Z").unwrap(), "2024-03-01T00:00:00.000Z");
        assert_eq!(shown("2024-03-01T00:00:00.5").unwrap(), "2024-03-01T00:00:00.500Z");
    }

    #[test]
    fn the_basic_form_is_read_without_signs_between() {
        assert_eq!(shown("20261122").unwrap(), "2026-11-22T00:00:00.000Z");
        assert_eq!(shown("20261122T1015").unwrap(), "2026-11-22T10:15:00.000Z");
        assert_eq!(shown("20240229T235959.9Z").unwrap(), "2024-02-29T23:59:59.900Z");
        assert_eq!(shown("20240229T240000+0100").unwrap(), "2024-02-29T23:00:00.000Z");
        for text in ["20260230", "202611223", "2026112", "20261122T1", "20261122T10:1507", "20261122T101", "1577836800"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn zones_are_taken_off() {
        for text in ["2026-01-01T01:30:00+01:30", "2026-01-01T01:30:00+0130", "2026-01-01T01:30:00 01:30", "2025-12-31T22:00:00-02"] {
            assert_eq!(shown(text).unwrap(), "2026-01-01T00:00:00.000Z", "{text}");
        }
    }

    #[test]
    fn short_years_and_times_before_1970_become_1970() {
        assert_eq!(parse("1-01-01T00:00:00.000000Z"), Some(Timestamp(0)));
        assert_eq!(parse("0001-01-01T00:00:00"), Some(Timestamp(0)));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Some(Timestamp(0)));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        let texts = [
            "",
            "soon",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-01-01T",
            "2026-01-01T24:01",
            "2026-01-01T24:00:00.001Z",
            "2026-01-01T25:00",
            "2026-01-01T10:00:00.",
            "2026-01-01T10:00 x",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
