//! Dates in HTTP headers.

use crate::Timestamp;
use crate::timestamp::of_utc;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads all three forms that a receiver must take: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = text.split([' ', ',', '-', ':']).filter(|part| !part.is_empty()).collect();
    let (year, month, day, clock) = match parts[..] {
        [_, day, month, year, hour, minute, second, "GMT"] => (year, month, day, [hour, minute, second]),
        [_, month, day, hour, minute, second, year] => (year, month, day, [hour, minute, second]),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| month.eq_ignore_ascii_case(name))? + 1;
    let [hour, minute, second] = clock.map(|part| part.parse::<u64>().ok());
    of_utc([full_year(year)?, u64::try_from(month).ok()?, day.parse().ok()?], [hour?, minute?, second?])
}

/// Two digits are a year of this century up to 69, else of the last.
fn full_year(text: &str) -> Option<u64> {
    let year: u64 = text.parse().ok()?;
    Some(match (text.len(), year) {
        (2, 0..70) => 2_000 + year,
        (2, _) => 1_900 + year,
        _ => year,
    })
}
