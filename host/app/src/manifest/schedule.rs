//! The rules for `[[timer]]`.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use longhaul_core::Payload;
use serde::Deserialize;
use toml::Spanned;

use super::check::Checker;
use super::{FunctionEntry, Kind, ManifestError};
use crate::cron::Schedule;

/// Most timers in an app.
const MAX_TIMERS: usize = 1_000;
/// Longest name of a timer, characters: instance ids are made of it.
const MAX_NAME_CHARS: usize = 64;

/// An orchestration that the host starts by itself.
#[derive(Clone, Debug)]
pub struct ScheduleEntry {
    /// Its name, unique in the app ignoring case.
    pub name: Arc<str>,
    /// When it is due.
    pub schedule: Schedule,
    /// What it starts.
    pub orchestrator: Arc<str>,
    /// The input of what it starts.
    pub input: Payload,
    /// What happens when it is due while what it started last still runs.
    pub overlap: Overlap,
    /// What happens with times that passed while the host was down.
    pub missed: Missed,
    /// Whether it is paused until somebody resumes it.
    pub paused: bool,
}

/// What happens when a timer is due while what it started last still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Nothing is started for that time.
    #[default]
    Skip,
    /// Both run.
    Allow,
    /// What runs is terminated first, with its children.
    TerminateRunning,
}

/// What happens with times that passed while the host was down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// One start makes up for all of them.
    #[default]
    RunOnce,
    /// Nothing.
    Skip,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ScheduleTable {
    name: Spanned<String>,
    schedule: Spanned<String>,
    time_zone: Option<Spanned<String>>,
    orchestrator: Spanned<String>,
    input: Option<Spanned<toml::Value>>,
    input_json: Option<Spanned<String>>,
    #[serde(default)]
    overlap: Overlap,
    #[serde(default)]
    missed: Missed,
    #[serde(default)]
    paused: bool,
}

impl Checker<'_> {
    pub(super) fn timers(&self, tables: Vec<ScheduleTable>, functions: &[FunctionEntry]) -> Result<Vec<ScheduleEntry>, ManifestError> {
        if tables.len() > MAX_TIMERS {
            let message = format!("the app has {} timers; the most is {MAX_TIMERS}", tables.len());
            return Err(ManifestError { line: None, message });
        }
        let mut names = HashSet::new();
        let mut timers = Vec::with_capacity(tables.len());
        for table in tables {
            let name = self.name("timer name", &table.name)?;
            if name.len() > MAX_NAME_CHARS {
                return Err(self.error(&table.name, format!("timer name '{name}' is longer than {MAX_NAME_CHARS} characters")));
            }
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(self.error(&table.name, format!("a second timer is named '{name}'; names are compared ignoring case")));
            }
            timers.push(self.timer(name, table, functions)?);
        }
        Ok(timers)
    }

    fn timer(&self, name: String, table: ScheduleTable, functions: &[FunctionEntry]) -> Result<ScheduleEntry, ManifestError> {
        let zone = table.time_zone.as_ref().map_or("UTC", |zone| zone.get_ref());
        let problem = |problem: String| {
            let at = table.time_zone.as_ref().filter(|_| problem.starts_with("time zone")).unwrap_or(&table.schedule);
            self.error(at, format!("timer '{name}': {problem}"))
        };
        let schedule = match Schedule::parse(table.schedule.get_ref(), zone) {
            Ok(schedule) => schedule,
            Err(refused) => {
                self.refuse_anew(problem(refused))?;
                Schedule::parse_stored(table.schedule.get_ref(), zone).map_err(problem)?
            }
        };
        let wanted = table.orchestrator.get_ref();
        let orchestrators = || functions.iter().filter(|function| function.kind == Kind::Orchestrator);
        let Some(orchestrator) = orchestrators().find(|function| function.name.eq_ignore_ascii_case(wanted)) else {
            let known: Vec<_> = orchestrators().map(|function| &*function.name).collect();
            let message = format!("timer '{name}' starts '{wanted}', which is no orchestrator of the app; it has: {}", known.join(", "));
            return Err(self.error(&table.orchestrator, message));
        };
        let input = self.input(&name, table.input, table.input_json.as_ref())?;
        let ScheduleTable { overlap, missed, paused, .. } = table;
        Ok(ScheduleEntry { name: name.into(), schedule, orchestrator: orchestrator.name.clone(), input, overlap, missed, paused })
    }

    fn input(&self, name: &str, value: Option<Spanned<toml::Value>>, text: Option<&Spanned<String>>) -> Result<Payload, ManifestError> {
        match (value, text) {
            (None, None) => Ok(Payload::null()),
            (Some(_), Some(text)) => Err(self.error(text, format!("timer '{name}' has both 'input' and 'input-json'; it may have one"))),
            (None, Some(text)) => {
                let problem =
                    |error: &dyn fmt::Display| self.error(text, format!("timer '{name}': 'input-json' is not one JSON value: {error}"));
                let payload = Payload::parse(text.get_ref()).map_err(|error| problem(&error))?;
                // Not only well formed: 1e400, half of a surrogate pair or a thousand arrays in one another is no value to most readers.
                if let Err(error) = serde_json::from_str::<serde_json::Value>(text.get_ref()) {
                    self.refuse_anew(problem(&error))?;
                }
                Ok(payload)
            }
            (Some(value), None) => {
                let problem =
                    |error: &dyn fmt::Display| self.error(&value, format!("timer '{name}': 'input' cannot be written as JSON: {error}"));
                if let Some(number) = find_not_finite(value.get_ref()) {
                    self.refuse_anew(problem(&format_args!("JSON has no number {number}")))?;
                }
                Payload::of(&json(value.get_ref().clone())).map_err(|error| problem(&error))
            }
        }
    }
}

/// A number in the value that JSON does not have.
fn find_not_finite(value: &toml::Value) -> Option<f64> {
    match value {
        toml::Value::Float(number) => Some(*number).filter(|number| !number.is_finite()),
        toml::Value::Array(values) => values.iter().find_map(find_not_finite),
        toml::Value::Table(table) => table.values().find_map(find_not_finite),
        toml::Value::String(_) | toml::Value::Integer(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => None,
    }
}

/// A value as JSON. Dates become texts. A number that JSON does not have, which only a stored manifest may say, becomes null.
fn json(value: toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect::<serde_json::Map<_, _>>().into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Manifest, Missed, Overlap};

    fn parse(timer: &str) -> Result<Manifest, String> {
        Manifest::parse(&text_with(timer)).map_err(|error| error.to_string())
    }

    fn text_with(timer: &str) -> String {
        format!(
            "[app]\nname = \"a\"\n[[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"m.wasm\"\n\
             [[function]]\nname = \"Step\"\nkind = \"activity\"\ncomponent = \"m.wasm\"\n{timer}"
        )
    }

    #[test]
    fn a_timer_needs_a_name_a_schedule_and_an_orchestrator() {
        let manifest = parse("[[timer]]\nname = \"t\"\nschedule = \"@daily\"\norchestrator = \"main\"").unwrap();
        let timer = &manifest.timers[0];
        assert_eq!((&*timer.name, &*timer.orchestrator, timer.schedule.zone()), ("t", "Main", "UTC"));
        assert_eq!((timer.overlap, timer.missed, timer.paused), (Overlap::Skip, Missed::RunOnce, false));
        assert!(timer.input.is_null());
    }

    #[test]
    fn an_input_is_any_value_or_a_json_text() {
        let input = |line: &str| {
            let timer = format!("[[timer]]\nname = \"t\"\nschedule = \"@daily\"\norchestrator = \"Main\"\n{line}");
            parse(&timer).map(|manifest| manifest.timers[0].input.as_str().to_owned())
        };
        assert_eq!(input("input = \"{}\"").unwrap(), "\"{}\"");
        assert_eq!(
            input("input = { days = 30, on = 2026-01-02, all = [true, 1.5] }").unwrap(),
            r#"{"all":[true,1.5],"days":30,"on":"2026-01-02"}"#
        );
        assert_eq!(input(r#"input-json = '{"a": [null]}'"#).unwrap(), r#"{"a": [null]}"#);
        for (line, what) in [
            ("input = nan", "JSON has no number NaN"),
            ("input = { a = [1.0, -inf] }", "JSON has no number -inf"),
            ("input-json = '[1e400]'", "number out of range"),
            ("input-json = '\"\\ud800\"'", "hex escape"),
            (&format!("input-json = '{}{}'", "[".repeat(200), "]".repeat(200)), "recursion limit"),
        ] {
            let error = input(line).unwrap_err();
            assert!(error.contains("line 15") && error.contains("timer 't'") && error.contains(what), "{line}: {error}");
        }
        assert!(input("input-json = \"{\"").unwrap_err().contains("not one JSON value"));
        assert!(input("input = 1\ninput-json = \"1\"").unwrap_err().contains("both"));
    }

    #[test]
    fn what_an_earlier_version_took_still_loads_and_is_not_taken_anew() {
        for (line, input, schedule) in [
            ("schedule = \"@daily\"\ninput = { a = nan }", r#"{"a":null}"#, "@daily"),
            ("schedule = \"@daily\"\ninput-json = '1e400'", "1e400", "@daily"),
            ("schedule = \"1,,2 * * * *\"", "null", "1,,2 * * * *"),
            ("schedule = \"*/90 * * * *\"", "null", "*/90 * * * *"),
        ] {
            let timer = format!("[[timer]]\nname = \"t\"\norchestrator = \"Main\"\n{line}");
            assert!(parse(&timer).is_err(), "{line}");
            let manifest = Manifest::parse_stored(&text_with(&timer)).unwrap();
            assert_eq!((manifest.timers[0].input.as_str(), manifest.timers[0].schedule.text()), (input, schedule));
        }
        let never = "[[timer]]\nname = \"t\"\norchestrator = \"Main\"\nschedule = \"61 * * * *\"";
        assert!(Manifest::parse_stored(&text_with(never)).unwrap_err().to_string().contains("61"));
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_line() {
        let timer = |name: &str, schedule: &str, more: &str| {
            parse(&format!("[[timer]]\nname = \"{name}\"\nschedule = \"{schedule}\"\n{more}")).unwrap_err()
        };
        let main = "orchestrator = \"Main\"";
        for (error, line, text) in [
            (timer("t", "61 * * * *", main), 13, "timer 't': schedule '61 * * * *' cannot be read"),
            (timer("t", "0 0 30 2 *", main), 13, "never comes"),
            (timer("t", "@daily", &format!("{main}\ntime-zone = \"Mars/Base\"")), 15, "time zone 'Mars/Base' is unknown"),
            (timer("t", "@daily", "orchestrator = \"Step\""), 14, "starts 'Step', which is no orchestrator of the app; it has: Main"),
            (timer("two words", "@daily", main), 12, "is not a name"),
            (timer(&"x".repeat(65), "@daily", main), 12, "longer than 64"),
            (timer("t", "@daily", &format!("{main}\noverlap = \"queue\"")), 15, "terminate-running"),
        ] {
            assert!(error.contains(&format!("line {line}")) && error.contains(text), "{text}: {error}");
        }
        let twice = "[[timer]]\nname = \"t\"\nschedule = \"@daily\"\norchestrator = \"Main\"\n";
        assert!(parse(&format!("{twice}{}", twice.replace("\"t\"", "\"T\""))).unwrap_err().contains("a second timer is named 'T'"));
    }
}
