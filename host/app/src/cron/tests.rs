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
    let wanted = ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z", "2026-10-25T03:30:00Z", "2026-10-26T01:00:00Z"];
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
        assert!(error.contains("a value is missing") && error.contains("five fields"), "{empty}: {error}");
    }
    assert!(Schedule::parse("0 0 30 2 *", "UTC").unwrap_err().contains("never comes"));
    let error = Schedule::parse("@daily", "Europe/Atlantis").unwrap_err();
    assert!(error.contains("Europe/Atlantis") && error.contains("IANA"), "{error}");
}

#[test]
fn hours_that_name_all_hours_are_a_rhythm_however_they_are_written() {
    for hours in ["*", "*/1", "0-23", "0-23/1", "0-11,12-23"] {
        let times = next(&format!("30 {hours} * * *"), "Europe/Berlin", "2026-10-25T00:00:00Z", 3);
        assert_eq!(times, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"], "{hours}");
    }
    let times = next("30 0-22 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 2);
    assert_eq!(times, ["2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z"], "these are times of day");
}

/// What `docs/guide/timers.md` says of each form.
#[test]
fn each_form_of_a_field_means_what_the_guide_says() {
    let year = |schedule: &str, count| next(schedule, "UTC", "2026-01-01T00:00:00Z", count);
    let days = |schedule: &str, count| year(schedule, count).iter().map(|time| time[5..10].to_owned()).collect::<Vec<_>>();
    // Either day, unless the day of the week begins with '+'.
    assert_eq!(days("0 0 13 * FRI", 4), ["01-02", "01-09", "01-13", "01-16"]);
    assert_eq!(days("0 0 13 * +FRI", 2), ["02-13", "03-13"]);
    assert_eq!(days("0 0 */10 * MON", 4), ["01-05", "01-11", "01-12", "01-19"], "a step is no '*'");
    assert_eq!(days("0 0 ? * MON", 2), ["01-05", "01-12"]);
    assert_eq!(days("0 0 13 * ?", 2), ["01-13", "02-13"]);
    // Names in any case, and both numbers of Sunday.
    for sunday in ["0", "7", "sun", "Sun", "SUN"] {
        assert_eq!(days(&format!("0 0 * * {sunday}"), 1), ["01-04"], "{sunday}");
    }
    assert_eq!(days("0 0 * * fri-SUN", 4), ["01-02", "01-03", "01-04", "01-09"]);
    assert_eq!(days("0 0 1 feb,Apr *", 2), ["02-01", "04-01"]);
    // The last day, working days, weeks of the month.
    assert_eq!(days("0 0 L * *", 2), ["01-31", "02-28"]);
    assert_eq!(days("0 0 LW * *", 2), ["01-30", "02-27"]);
    assert_eq!(days("0 0 1W * *", 3), ["02-02", "03-02", "04-01"]);
    assert_eq!(days("0 0 * * 5L", 2), ["01-30", "02-27"]);
    assert_eq!(days("0 0 * * FRI#2", 2), ["01-09", "02-13"]);
    // Steps count within their range.
    assert_eq!(year("10-40/20 3 * * *", 2), ["2026-01-01T03:10:00Z", "2026-01-01T03:30:00Z"]);
    assert_eq!(year("*/59 3 * * *", 2), ["2026-01-01T03:00:00Z", "2026-01-01T03:59:00Z"]);
    assert_eq!(days("0 0 31 * *", 3), ["01-31", "03-31", "05-31"], "a month without that day is left out");
}

#[test]
fn what_a_field_cannot_mean_is_refused_and_what_would_be_right_is_said() {
    for (schedule, why) in [
        ("0 0 * * monday", "the day of the week 'monday': 'monday' is none of 0 to 7, or SUN to SAT"),
        ("0 0 1 january *", "the month 'january': 'january' is none of 1 to 12, or JAN to DEC"),
        ("FRI * * * *", "the minute 'FRI': 'FRI' is none of 0 to 59"),
        ("0 JAN * * *", "the hour 'JAN'"),
        ("0 0 * * MON1", "'MON1' is none of"),
        ("0 0 * * MONTUE", "'MONTUE' is none of"),
        ("*/90 * * * *", "a step of 90 leads out of the range at once; the longest here is 59"),
        ("*/60 * * * *", "the longest here is 59"),
        ("0 */24 * * *", "the longest here is 23"),
        ("0 0 * * */7", "the longest here is 6"),
        ("10-20/15 * * * *", "the longest here is 10"),
        ("*/0 * * * *", "a step of 0"),
        ("*/99999 * * * *", "is no number"),
        ("*/ * * * *", "the step '' is no number"),
        ("5/10 * * * *", "write 5-59/10"),
        ("/10 * * * *", "a step needs a range"),
        ("1, * * * *", "the minute '1,': a value is missing"),
        (",1 * * * *", "a value is missing"),
        ("1,,2 * * * *", "a value is missing"),
        ("*,5 * * * *", "'*' is every value already"),
        ("0 0 * * MON,*", "'*' is every value already"),
        ("0 22-2 * * *", "the range goes backwards; write 22-23,0-2"),
        ("0 0 * * SAT-MON", "write 6,0-1"),
        ("0 24 * * *", "'24' is none of 0 to 23"),
        ("0 0 0 * *", "'0' is none of 1 to 31"),
        ("0 0 * 13 *", "'13' is none of 1 to 12"),
        ("-5 * * * *", "'' is none of"),
        ("1-2-3 * * * *", "'2-3' is none of"),
        ("+5 * * * *", "'+5' is none of"),
        ("? * * * *", "'?' is none of"),
        ("L * * * *", "'L' is none of"),
        ("0 0 * * L", "the last Friday of the month is 5L"),
        ("0 0 * * 5#6", "'#6' is none of the 1 to 5 weeks"),
        ("0 0 * * 5#", "'#' is none of"),
        ("0 0 L-3 * *", "'L' is none of 1 to 31"),
        ("0 0 W * *", "is none of 1 to 31"),
        ("0 0 * * 1W", "is none of 0 to 7"),
        ("0 0 ?,1 * *", "'?' is none of"),
        ("* * * * * * 2026", "it has 7 fields"),
        ("@midnight", "no such word"),
        ("0 0 ١ * *", "is none of 1 to 31"),
    ] {
        let error = Schedule::parse(schedule, "UTC").unwrap_err();
        assert!(error.contains(why) && error.contains("five fields"), "{schedule}: {error}");
    }
    for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30 feb +MON"] {
        assert!(Schedule::parse(never, "UTC").unwrap_err().contains("never comes"), "{never}");
    }
}

#[test]
fn a_schedule_that_was_taken_before_means_what_it_meant() {
    for (stored, same) in [("1,,2 * * * *", "1,2 * * * *"), ("1, * * * *", "1 * * * *"), ("*/90 * * * *", "0 * * * *")] {
        let (stored, same) = (Schedule::parse_stored(stored, "UTC").unwrap(), Schedule::parse(same, "UTC").unwrap());
        let start = at("2026-01-01T00:00:00Z");
        assert_eq!(stored.upcoming(start, 5), same.upcoming(start, 5));
    }
    assert!(Schedule::parse_stored(", * * * *", "UTC").is_err(), "no version took that");
}

#[test]
fn what_is_to_come_shows_what_clocks_show_and_where_they_change() {
    let shown = |schedule: &str, zone: &str, after: &str, count| {
        let upcoming = Schedule::parse(schedule, zone).unwrap().upcoming(at(after), count);
        upcoming.into_iter().map(|one| format!("{} {}", one.local, one.note.unwrap_or_default())).collect::<Vec<_>>()
    };
    let spring = shown("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
    assert_eq!(spring[0], "Sat 2026-03-28 02:30:00 +01:00 ");
    assert_eq!(spring[1], "Sun 2026-03-29 03:00:00 +02:00 the clock skips 02:30:00: this is the end of the gap");
    assert_eq!(spring[2], "Mon 2026-03-30 02:30:00 +02:00 ");
    let autumn = shown("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(autumn[0], "Sun 2026-10-25 02:30:00 +02:00 the clock shows this time twice: the first; it does not come the second");
    assert_eq!(autumn[1], "Mon 2026-10-26 02:30:00 +01:00 ");
    let rhythm = shown("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3);
    assert_eq!(rhythm[0], "Sun 2026-10-25 02:30:00 +02:00 the clock shows this time twice: the first");
    assert_eq!(rhythm[1], "Sun 2026-10-25 02:30:00 +01:00 the clock shows this time twice: the second");
    assert_eq!(rhythm[2], "Sun 2026-10-25 03:30:00 +01:00 ");
    assert_eq!(shown("0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", 1), ["Sun 2026-03-29 03:00:00 +02:00 "]);
    // A whole day that a zone skipped: Samoa had no 30 December 2011.
    let samoa = shown("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3);
    assert_eq!(samoa[1], "Sat 2011-12-31 00:00:00 +14:00 the clock skips 12:00:00: this is the end of the gap");
    assert_eq!(samoa[2], "Sat 2011-12-31 12:00:00 +14:00 ");
}
