//! `longhaul timers`: shows and operates the timers of a host.

use std::io::Write;

use anyhow::{Context, bail};
use http::{Method, Request};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::admin_client::AdminClient;
use crate::cli::{TimersArgs, TimersCommand};

/// What is shown of a timer: the column's head and the member of the answer.
const COLUMNS: [(&str, &str); 7] = [
    ("NAME", "name"),
    ("SCHEDULE", "schedule"),
    ("ZONE", "timeZone"),
    ("NEXT DUE", "nextDue"),
    ("LAST DUE", "lastDue"),
    ("LAST INSTANCE", "lastInstance"),
    ("PAUSED", "paused"),
];

/// Asks a host and prints what it says.
///
/// # Errors
/// When the host cannot be reached, is no Longhaul host, or refuses.
pub async fn run(args: TimersArgs) -> anyhow::Result<()> {
    let of = |name: &str, operation| (Method::POST, format!("/admin/timers/{}/{operation}", utf8_percent_encode(name, NON_ALPHANUMERIC)));
    let (method, path) = match args.command.unwrap_or(TimersCommand::List) {
        TimersCommand::List => (Method::GET, args.next.map_or("/admin/timers".to_owned(), |count| format!("/admin/timers?next={count}"))),
        _ if args.next.is_some() => bail!("--next is for the list of timers: longhaul timers --next 10"),
        TimersCommand::Pause { name } => of(&name, "pause"),
        TimersCommand::Resume { name } => of(&name, "resume"),
        TimersCommand::Run { name } => of(&name, "run"),
    };
    let client = AdminClient::new(&args.host)?;
    let (status, body) = client.send(Request::builder().method(method).uri(path).body(Full::default())?).await?;
    let answer: Value = serde_json::from_slice(&body)
        .with_context(|| format!("{} answered with status {status} and something else than a Longhaul host does", client.authority))?;
    if !status.is_success() {
        bail!("the host refused: {}", answer["Message"].as_str().unwrap_or("it does not say why"));
    }
    let timers = match answer {
        Value::Array(timers) => timers,
        one => vec![one],
    };
    let text = match args.next {
        _ if timers.is_empty() => "The app has no timers.\n".to_owned(),
        Some(_) => timers.iter().map(times_to_come).collect::<Vec<_>>().join("\n"),
        None => table(&timers),
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}

fn table(timers: &[Value]) -> String {
    let mut lines = vec![COLUMNS.map(|(head, _)| head.to_owned())];
    lines.extend(timers.iter().map(|timer| COLUMNS.map(|(_, member)| cell(&timer[member]))));
    let widths: Vec<_> =
        (0..COLUMNS.len()).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)).collect();
    let padded = |line: &[String; 7]| {
        let cells: Vec<_> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

/// A timer's head, and a line for each due time to come.
fn times_to_come(timer: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let paused = if timer["paused"] == true { ", paused" } else { "" };
    let mut lines = format!("{}: {} in {}{paused}\n", text(&timer["name"]), text(&timer["schedule"]), text(&timer["timeZone"]));
    for one in timer["upcoming"].as_array().into_iter().flatten() {
        let line = format!("  {}  {}  {}", text(&one["due"]), text(&one["local"]), text(&one["note"]));
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_to_come_stand_below_their_timer_with_what_the_clock_does_to_them() {
        let upcoming = json!([
            {"due": "2026-03-28T01:30:00Z", "local": "Sat 2026-03-28 02:30:00 +01:00", "note": null},
            {"due": "2026-03-29T01:00:00Z", "local": "Sun 2026-03-29 03:00:00 +02:00", "note": "the clock skips 02:30:00"},
        ]);
        let timer = json!({"name": "t", "schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "paused": true, "upcoming": upcoming});
        let wanted = "t: 30 2 * * * in Europe/Berlin, paused\n  2026-03-28T01:30:00Z  Sat 2026-03-28 02:30:00 +01:00\n  \
                      2026-03-29T01:00:00Z  Sun 2026-03-29 03:00:00 +02:00  the clock skips 02:30:00\n";
        assert_eq!(times_to_come(&timer), wanted);
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let timers = [json!({"name": "nightly", "schedule": "0 2 * * *", "timeZone": "UTC", "nextDue": null, "paused": true})];
        let text = table(&timers);
        assert_eq!(text.lines().next().unwrap(), "NAME     SCHEDULE   ZONE  NEXT DUE  LAST DUE  LAST INSTANCE  PAUSED");
        assert_eq!(text.lines().nth(1).unwrap(), "nightly  0 2 * * *  UTC   -         -         -              yes");
    }
}
