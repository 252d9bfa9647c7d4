//! A timer of the app, and what it must have started in the end.

use std::path::Path;

use anyhow::Context;
use sqlx::Connection;

use crate::database::open;

/// What the manifest says of it. Two starts may overlap: none is left out for another one's sake.
pub const TIMER: &str = r#"
[[timer]]
name = "tick"
schedule = "* * * * * *"
orchestrator = "Interpreter"
overlap = "allow"
input-json = '{"ledger": "", "steps": [{"do": "timer", "ms": 5}]}'
"#;

/// One row for each instance: when it was due and when it was started, in seconds, and how it ended.
const STARTED: &str = "
SELECT unixepoch(substr(instance, 6, 4) || '-' || substr(instance, 10, 2) || '-' || substr(instance, 12, 2) || ' '
    || substr(instance, 15, 2) || ':' || substr(instance, 17, 2) || ':' || substr(instance, 19, 2)),
    created_at / 1000, status, coalesce(output, '')
FROM v_instances
WHERE instance LIKE 'tick-%'
ORDER BY 1";

/// Whether the timer started this instance.
pub fn is_one(instance: &str) -> bool {
    instance.starts_with("tick-")
}

/// What is wrong with them in the database of a host that has stopped.
///
/// # Errors
/// When it cannot be read.
pub async fn violations(database: &Path) -> anyhow::Result<Vec<String>> {
    let mut connection = open(database).await?;
    let started: Vec<(Option<i64>, i64, String, String)> =
        sqlx::query_as(STARTED).fetch_all(&mut connection).await.context("cannot read what the timer started")?;
    connection.close().await?;
    Ok(wrong(&started))
}

fn wrong(started: &[(Option<i64>, i64, String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = None;
    for (due, created, status, output) in started {
        let Some(due) = due else {
            found.push(format!("an instance of the timer has an id without a time: created at {created}"));
            continue;
        };
        if before.is_some_and(|before| due - before != 1) {
            found.push(format!("the timer started for second {due}, and before that for {before:?}"));
        }
        if created < due {
            found.push(format!("what was due at second {due} was started at {created}"));
        }
        let ended = !matches!(status.as_str(), "Pending" | "Running");
        if ended && (status != "Completed" || output != "[null]") {
            found.push(format!("what was due at second {due} ended as {status} with {output}"));
        }
        before = Some(*due);
    }
    if started.is_empty() {
        found.push("the timer started nothing".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(due: i64, created: i64, status: &str) -> (Option<i64>, i64, String, String) {
        (Some(due), created, status.to_owned(), "[null]".to_owned())
    }

    #[test]
    fn a_second_left_out_or_done_twice_and_a_start_too_early_are_found() {
        let sound = [tick(5, 5, "Completed"), tick(6, 9, "Completed"), tick(7, 9, "Running")];
        assert!(wrong(&sound).is_empty());
        assert_eq!(wrong(&[tick(5, 5, "Completed"), tick(7, 7, "Completed")]).len(), 1);
        assert_eq!(wrong(&[tick(5, 5, "Completed"), tick(5, 5, "Completed")]).len(), 1);
        assert_eq!(wrong(&[tick(5, 4, "Completed")]).len(), 1);
        assert_eq!(wrong(&[tick(5, 5, "Failed")]).len(), 1);
        assert_eq!(wrong(&[]).len(), 1);
    }
}
