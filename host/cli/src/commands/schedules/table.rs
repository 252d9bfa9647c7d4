//! Timers as a table, a line for each.

use serde_json::Value;

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

/// The table, with its head.
pub(super) fn of(timers: &[Value]) -> String {
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
    fn columns_are_as_wide_as_their_longest_cell() {
        let timers = [json!({"name": "nightly", "schedule": "0 2 * * *", "timeZone": "UTC", "nextDue": null, "paused": true})];
        let text = of(&timers);
        assert_eq!(text.lines().next().unwrap(), "NAME     SCHEDULE   ZONE  NEXT DUE  LAST DUE  LAST INSTANCE  PAUSED");
        assert_eq!(text.lines().nth(1).unwrap(), "nightly  0 2 * * *  UTC   -         -         -              yes");
    }
}
