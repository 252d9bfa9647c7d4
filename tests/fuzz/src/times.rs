//! Dates, lengths of time, schedules.

use longhaul_app::cron::Schedule;
use longhaul_core::Timestamp;
use longhaul_http::date;

use crate::input::{first_line, text};

/// The first millisecond of the year 10000, which the form of a date has no room for.
const YEAR_10000: u64 = 253_402_300_800_000;
/// Where schedules are asked for their next times: 1970, two changes of the clock in Europe, a leap day to come after a century's gap.
const STARTS: [u64; 4] = [0, 1_774_746_000_000, 1_792_890_000_000, 4_000_000_000_000];
/// How many times in a row a schedule is asked for.
const TIMES: usize = 3;

/// A date as clients send it.
///
/// What is read is shown in a form that is read as the same time.
pub fn date(data: &[u8]) {
    let Some(time) = date::parse(&text(data)) else { return };
    if time.0 < YEAR_10000 {
        assert_eq!(date::parse(&time.to_iso_millis()), Some(time));
        assert_eq!(date::parse(&time.to_iso_seconds()), Some(Timestamp(time.0 / 1_000 * 1_000)));
    }
}

/// A length of time as manifests or .NET write it.
pub fn duration(data: &[u8]) {
    let text = text(data);
    for length in [longhaul_app::duration::parse(&text), longhaul_app::duration::parse_time_span(&text)].into_iter().flatten() {
        assert!(!length.is_zero(), "{text:?}");
        let written = format!("{}ms", length.as_millis());
        assert_eq!(longhaul_app::duration::parse(&written), Some(length), "{written}");
    }
}

/// Two lines: a time zone and a schedule.
///
/// What is taken comes again and again, each time later than the last and at a whole second.
pub fn schedule(data: &[u8]) {
    let text = text(data);
    let (zone, text) = first_line(&text);
    let schedule = match Schedule::parse(text, zone) {
        Ok(schedule) => schedule,
        Err(reason) => return assert!(!reason.is_empty()),
    };
    assert_eq!(schedule.zone(), zone);
    let again = Schedule::parse(schedule.text(), zone).expect("a schedule is read as it is shown");
    for start in STARTS {
        let mut last = Timestamp(start);
        for _ in 0..TIMES {
            let Some(next) = schedule.next(last) else { break };
            assert!(next > last && next.0 % 1_000 == 0, "{schedule:?} gives {next:?} after {last:?}");
            assert_eq!(again.next(last), Some(next));
            assert_eq!(schedule.next(Timestamp(next.0 - 1)), Some(next), "nothing lies between");
            last = next;
        }
    }
}
