//! What the fields of a schedule may say.
//!
//! The parser behind takes more than it should: it replaces names wherever they stand (`MON1` is 11 to it), skips what is empty in a list, and
//! steps out of a range at once without a word. So each field is looked at before, and what is wrong with it is said here.

/// A field: its name, its least and greatest value, and the names of values in three letters.
struct Field {
    name: &'static str,
    least: u16,
    greatest: u16,
    /// From `least` on.
    names: &'static [&'static str],
    specials: Specials,
}

#[derive(Clone, Copy, PartialEq)]
enum Specials {
    None,
    /// `?`, `L`, `LW`, `15W`.
    DaysOfMonth,
    /// `?`, `5L`, `5#2`, and `+` before the field.
    DaysOfWeek,
}

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

const FIELDS: [Field; 6] = [
    Field { name: "second", least: 0, greatest: 59, names: &[], specials: Specials::None },
    Field { name: "minute", least: 0, greatest: 59, names: &[], specials: Specials::None },
    Field { name: "hour", least: 0, greatest: 23, names: &[], specials: Specials::None },
    Field { name: "day of the month", least: 1, greatest: 31, names: &[], specials: Specials::DaysOfMonth },
    Field { name: "month", least: 1, greatest: 12, names: &MONTHS, specials: Specials::None },
    Field { name: "day of the week", least: 0, greatest: 7, names: &DAYS, specials: Specials::DaysOfWeek },
];

const NICKNAMES: [&str; 6] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"];

/// Checks a schedule whose fields have one blank between them.
pub(super) fn check(text: &str) -> Result<(), String> {
    if NICKNAMES.iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    if text.contains('@') {
        return Err("there is no such word with '@'".into());
    }
    let fields: Vec<_> = text.split(' ').collect();
    let kinds = match fields.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        _ if text.is_empty() => return Err("it is empty".into()),
        count => return Err(format!("it has {count} field{}", if count == 1 { "" } else { "s" })),
    };
    kinds.iter().zip(fields).try_for_each(|(kind, field)| kind.check(field))
}

impl Field {
    fn check(&self, field: &str) -> Result<(), String> {
        let rest = field.strip_prefix('+').filter(|_| self.specials == Specials::DaysOfWeek).unwrap_or(field);
        if rest == "?" && self.specials != Specials::None {
            return Ok(());
        }
        let is_alone = !rest.contains(',');
        rest.split(',')
            .try_for_each(|item| self.check_item(item, is_alone))
            .map_err(|problem| format!("the {} '{field}': {problem}", self.name))
    }

    fn check_item(&self, item: &str, is_alone: bool) -> Result<(), String> {
        if item.is_empty() {
            return Err("a value is missing".into());
        }
        let (values, step) = match item.split_once('/') {
            Some((values, step)) => (values, Some(step)),
            None => (item, None),
        };
        let (first, last) = match values.split_once('-') {
            _ if item == "*" && !is_alone => return Err("'*' is every value already; leave the rest of the list out".into()),
            _ if values == "*" => (self.least, self.greatest_but_sunday()),
            Some((first, last)) => self.range(first, last)?,
            None if step.is_some() => {
                return Err(format!("a step needs a range; write {values}-{}/{}", self.greatest_but_sunday(), step.unwrap_or_default()));
            }
            None => return self.check_single(values),
        };
        step.map_or(Ok(()), |step| check_step(step, last - first))
    }

    /// Sunday has two numbers, but a week seven days.
    fn greatest_but_sunday(&self) -> u16 {
        if self.specials == Specials::DaysOfWeek { 6 } else { self.greatest }
    }

    fn range(&self, first: &str, last: &str) -> Result<(u16, u16), String> {
        let is_named_sunday = self.specials == Specials::DaysOfWeek && last.eq_ignore_ascii_case("SUN");
        let (first, last) = (self.value(first)?, if is_named_sunday { 7 } else { self.value(last)? });
        if first > last {
            let span = |from: u16, to: u16| if from == to { from.to_string() } else { format!("{from}-{to}") };
            let (upper, lower) = (span(first, self.greatest_but_sunday()), span(self.least, last));
            return Err(format!("the range goes backwards; write {upper},{lower}"));
        }
        Ok((first, last))
    }

    fn check_single(&self, value: &str) -> Result<(), String> {
        let upper = value.to_ascii_uppercase();
        match self.specials {
            Specials::DaysOfMonth if matches!(&*upper, "L" | "LW") => Ok(()),
            Specials::DaysOfMonth => self.value(upper.strip_suffix('W').unwrap_or(value)).map(drop),
            Specials::DaysOfWeek if upper == "L" => Err("'L' needs a day before it; the last Friday of the month is 5L".into()),
            Specials::DaysOfWeek => match upper.split_once('#') {
                Some((day, "1" | "2" | "3" | "4" | "5")) => self.value(day).map(drop),
                Some((_, nth)) => Err(format!("'#{nth}' is none of the 1 to 5 weeks; the second Friday of the month is 5#2")),
                None => self.value(upper.strip_suffix('L').unwrap_or(value)).map(drop),
            },
            Specials::None => self.value(value).map(drop),
        }
    }

    fn value(&self, text: &str) -> Result<u16, String> {
        if let Some(index) = self.names.iter().position(|name| text.eq_ignore_ascii_case(name)) {
            return Ok(self.least + u16::try_from(index).unwrap_or(0));
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_number && (self.least..=self.greatest).contains(number));
        number.ok_or_else(|| {
            let names = match self.names {
                [first, .., last] => format!(", or {first} to {last}"),
                _ => String::new(),
            };
            format!("'{text}' is none of {} to {}{names}", self.least, self.greatest)
        })
    }
}

fn check_step(step: &str, longest: u16) -> Result<(), String> {
    match step.parse::<u16>().ok().filter(|_| step.bytes().all(|byte| byte.is_ascii_digit())) {
        None => Err(format!("the step '{step}' is no number")),
        Some(0) => Err("a step of 0 never comes to the next value".into()),
        Some(number) if number > longest => {
            Err(format!("a step of {number} leads out of the range at once; the longest here is {longest}"))
        }
        Some(_) => Ok(()),
    }
}
