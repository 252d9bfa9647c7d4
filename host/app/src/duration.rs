//! Lengths of time as people write them: `30s` in manifests, `00:00:30` in what clients of Durable Functions send.

use std::time::Duration;

/// Reads a whole number with its unit: `500ms`, `30s`, `5m`, `2h`. `None` for anything else, zero included.
pub fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let ms_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(ms_per_unit).map(Duration::from_millis)
}

/// Reads `hh:mm:ss`, with days and decimals as `d.hh:mm:ss.fff` if need be: how .NET writes a time span. `None` for anything
/// else, zero included.
pub fn parse_time_span(text: &str) -> Option<Duration> {
    let (days_and_hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = days_and_hours.split_once('.').unwrap_or(("0", days_and_hours));
    let (seconds, decimals) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let [days, hours, minutes, seconds] =
        [(days, u64::MAX), (hours, 24), (minutes, 60), (seconds, 60)].map(|(text, below)| number(text, below));
    let whole =
        ((days?.checked_mul(24)?.checked_add(hours?)?).checked_mul(60)?.checked_add(minutes?)?).checked_mul(60)?.checked_add(seconds?)?;
    number(decimals, u64::MAX)?;
    let ms: u64 = format!("{decimals:0<3}").get(..3)?.parse().ok()?;
    let span = Duration::from_millis(whole.checked_mul(1_000)?.checked_add(ms)?);
    (!span.is_zero()).then_some(span)
}

fn number(text: &str, below: u64) -> Option<u64> {
    // `parse` alone would take a sign.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number < below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_needs_its_unit() {
        let ms = |text| parse(text).map(|duration| duration.as_millis());
        assert_eq!([ms("500ms"), ms("30s"), ms("5m"), ms("2h")], [Some(500), Some(30_000), Some(300_000), Some(7_200_000)]);
        for bad in ["", "30", "s", "1.5h", "-3s", "+3s", "0s", "3 s", "3S", "99999999999999999999s", "9999999999999999999h"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_time_span_is_written_as_in_dotnet() {
        let ms = |text| parse_time_span(text).map(|duration| duration.as_millis());
        assert_eq!([ms("00:00:30"), ms("01:02:03.5"), ms("1.00:00:00")], [Some(30_000), Some(3_723_500), Some(86_400_000)]);
        assert_eq!(ms("00:00:00.0010000"), Some(1));
        for bad in ["", "30", "00:30", "00:60:00", "24:00:00", "00:00:00", "-00:00:01", "00:00:+1", "aa:00:00", "00:00:01.", "é:00:01"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }
}
