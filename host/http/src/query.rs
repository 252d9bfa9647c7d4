//! Query strings, by the rules of the wire contract: names ignore case, and a value that cannot be read counts as absent.

use std::time::Duration;

use longhaul_core::{RuntimeStatus, Timestamp};
use percent_encoding::percent_decode_str;

use super::azure::status_names;
use super::date;

/// Longest time that a query can ask for; a longer one is cut to this.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;

/// The names and values of one request's query.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string without its `?`.
    pub fn parse(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decode(name.trim()), form_decode(value.trim()))
        });
        Self(pairs.collect())
    }

    /// The value of `name`; a name that is repeated has its values joined by commas.
    pub fn get(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.values(name).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The value of `name`, unless it is blank.
    pub fn non_blank(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.trim().is_empty())
    }

    /// `true` or `false` in any case; anything else counts as absent.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)?.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A decimal number above zero.
    pub fn count(&self, name: &str) -> Option<u32> {
        self.get(name)?.trim().parse().ok().filter(|count| *count > 0)
    }

    /// Decimal seconds, fractions allowed; a negative number counts as absent.
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds: f64 = self.get(name)?.trim().parse().ok()?;
        (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(MAX_SECONDS)))
    }

    /// A date in any common ISO-8601 form.
    pub fn date(&self, name: &str) -> Option<Timestamp> {
        date::parse(&self.get(name)?)
    }

    /// Statuses by exact name or number, separated by commas; unknown ones are dropped.
    pub fn statuses(&self, name: &str) -> Vec<RuntimeStatus> {
        self.values(name).flat_map(|value| value.split(',')).filter_map(|word| status_names::parse(word.trim())).collect()
    }

    /// Each name, as often as it is repeated.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Each value of `name`, as often as it is repeated.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Decodes a form-encoded text: `+` and `%20` are both a blank. What is no UTF-8 is replaced, not refused.
pub fn form_decode(text: &str) -> String {
    let with_blanks = text.replace('+', " ");
    percent_decode_str(&with_blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ignore_case_and_repeated_ones_are_joined() {
        let query = Query::parse("Reason=a%20b&reason=c+d&empty&&x=1");
        assert_eq!(query.get("REASON").unwrap(), "a b,c d");
        assert_eq!(query.get("empty").unwrap(), "");
        assert_eq!(query.get("missing"), None);
        assert_eq!(query.non_blank("empty"), None);
    }

    #[test]
    fn a_bool_is_true_or_false_in_any_case() {
        let query = Query::parse("a=True&b=%20FALSE%20&c=1&d=yes");
        assert_eq!(query.bool("a"), Some(true));
        assert_eq!(query.bool("b"), Some(false));
        assert_eq!((query.bool("c"), query.bool("d"), query.bool("e")), (None, None, None));
    }

    #[test]
    fn numbers_that_cannot_be_read_count_as_absent() {
        let query = Query::parse("top=20&zero=0&word=x&t=2.5&n=-1&inf=inf&nan=NaN");
        assert_eq!(query.count("top"), Some(20));
        assert_eq!((query.count("zero"), query.count("word")), (None, None));
        assert_eq!(query.seconds("t"), Some(Duration::from_millis(2_500)));
        assert_eq!((query.seconds("n"), query.seconds("nan")), (None, None));
        assert_eq!(query.seconds("inf"), Some(Duration::from_secs(365 * 86_400)));
    }

    #[test]
    fn statuses_are_names_or_numbers_and_unknown_ones_are_dropped() {
        let query = Query::parse("runtimeStatus=Completed,running,3&RuntimeStatus=Pending");
        assert_eq!(query.statuses("runtimeStatus"), [RuntimeStatus::Completed, RuntimeStatus::Failed, RuntimeStatus::Pending]);
    }

    #[test]
    fn a_date_with_a_zone_survives_form_decoding() {
        let query = Query::parse("from=2026-11-22T01:00:00+01:00");
        assert_eq!(query.date("from").unwrap().to_iso_seconds(), "2026-11-22T00:00:00Z");
    }
}
