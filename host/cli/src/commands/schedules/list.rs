//! `longhaul timers list`: shows all timers, or the times to come of each.

use http::Method;
use serde_json::Value;

use super::{Client, table};

pub(super) async fn run(client: &Client, next: Option<u32>) -> anyhow::Result<String> {
    let path = next.map_or("/admin/timers".to_owned(), |count| format!("/admin/timers?next={count}"));
    let timers: Vec<Value> = serde_json::from_slice(&client.ask(Method::GET, &path).await?)?;
    Ok(match next {
        _ if timers.is_empty() => "The app has no timers.\n".to_owned(),
        Some(_) => timers.iter().map(times_to_come).collect::<Vec<_>>().join("\n"),
        None => table::of(&timers),
    })
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
}
