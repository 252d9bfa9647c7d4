//! Timers: orchestrations that the host starts by itself.

use std::time::Duration;

use e2e::{AppFolder, Apps, Host, eventually, longhaul_command};
use http::Method;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);
const EVERY_SECOND: &str = "* * * * * *";
/// Never within the life of a test.
const RARELY: &str = "0 0 29 2 *";

/// The app with a timer `t`.
fn app_with(schedule: &str, orchestrator: &str, more: &str) -> AppFolder {
    Apps::hello_cities().with_manifest(|manifest| {
        format!("{manifest}\n[[timer]]\nname = \"t\"\nschedule = \"{schedule}\"\norchestrator = \"{orchestrator}\"\n{more}\n")
    })
}

async fn timers(host: &Host) -> Value {
    host.http().send(Method::GET, &host.uri("/admin/timers")).await.expect(200).json()
}

/// The instances that timers started, oldest first.
async fn started(host: &Host) -> Vec<Value> {
    let list = host.get("/instances?instanceIdPrefix=t-&top=1000").await.expect(200).json();
    list.as_array().expect("a list").clone()
}

async fn until_started(host: &Host, count: usize) -> Vec<Value> {
    eventually(format!("{count} instances"), LIMIT, || async {
        let found = started(host).await;
        if found.len() >= count { Ok(found) } else { Err(format!("{found:?}")) }
    })
    .await
}

/// Seconds since the epoch of the due time that an instance's id names.
fn due_of(instance: &Value) -> i64 {
    let id = instance["instanceId"].as_str().expect("an id");
    let digits: Vec<i64> = id.strip_prefix("t-").expect("the timer's").split(['T', 'Z']).filter_map(|part| part.parse().ok()).collect();
    let (date, time) = (digits[0], digits[1]);
    // Within a month's days, which is all that a test can meet.
    (date % 100) * 86_400 + time / 10_000 * 3_600 + time / 100 % 100 * 60 + time % 100
}

/// Without the instances' ids no due time could be told from another: each has one, and none is missing between the first and the last.
fn assert_each_second_once(found: &[Value]) {
    let dues: Vec<_> = found.iter().map(due_of).collect();
    assert!(dues.windows(2).all(|pair| pair[1] - pair[0] == 1 || pair[1] < pair[0]), "{dues:?}");
}

fn timers_command(host: &Host, arguments: &[&str]) -> Result<String, String> {
    let output = longhaul_command()
        .args(["timers", "--host", host.address(), "--data"])
        .arg(host.data())
        .args(arguments)
        .output()
        .expect("the program can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[tokio::test]
async fn every_due_time_starts_one_instance_with_the_timers_input() {
    let host = Host::with_app(&app_with(EVERY_SECOND, "LongSequence", "input = 2\noverlap = \"allow\"")).await;
    let found = until_started(&host, 4).await;
    assert_each_second_once(&found);
    for instance in &found {
        assert_eq!((&instance["name"], &instance["input"]), (&json!("LongSequence"), &json!(2)));
        let created = instance["createdTime"].as_str().expect("a time").replace(['-', ':'], "");
        assert!(*created >= instance["instanceId"].as_str().unwrap()[2..], "none is early: {instance}");
    }
    host.output_of(found[0]["instanceId"].as_str().unwrap()).await;
    let shown = timers(&host).await;
    assert_eq!((&shown[0]["name"], &shown[0]["timeZone"], &shown[0]["paused"]), (&json!("t"), &json!("UTC"), &json!(false)));
    assert!(shown[0]["nextDue"].as_str() > shown[0]["lastDue"].as_str(), "{shown}");
}

#[tokio::test]
async fn no_due_time_is_lost_or_doubled_by_a_host_that_is_killed() {
    let host = Host::with_app(&app_with(EVERY_SECOND, "LongSequence", "input = 1\noverlap = \"allow\"")).await;
    for round in 1..=3 {
        until_started(&host, round * 2).await;
        host.crash().await;
    }
    assert_each_second_once(&until_started(&host, 9).await);
    // The same app again: its timer goes on.
    host.deploy(&app_with(EVERY_SECOND, "LongSequence", "input = 3\noverlap = \"allow\"")).unwrap();
    let before = started(&host).await.len();
    let found = until_started(&host, before + 2).await;
    assert_each_second_once(&found);
    assert_eq!(found.last().unwrap()["input"], 3);
}

#[tokio::test]
async fn what_still_runs_keeps_the_next_from_starting() {
    let host = Host::with_app(&app_with(EVERY_SECOND, "WaitForGo", "input = {}")).await;
    let first = until_started(&host, 1).await;
    let id = first[0]["instanceId"].as_str().unwrap();
    eventually("a time to be left out", LIMIT, || async {
        let log = host.log();
        if log.contains("this time is left out") { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(started(&host).await.len(), 1);
    host.raise(id, "go", &json!(1)).await.expect_empty(202);
    until_started(&host, 2).await;
}

#[tokio::test]
async fn what_still_runs_is_terminated_first_where_the_timer_says_so() {
    let host = Host::with_app(&app_with(EVERY_SECOND, "WaitForGo", "input = {}\noverlap = \"terminate-running\"")).await;
    let found = until_started(&host, 3).await;
    for instance in &found[..found.len() - 1] {
        assert_eq!((&instance["runtimeStatus"], &instance["output"]), (&json!("Terminated"), &json!("timer 't' is due again")));
    }
}

#[tokio::test]
async fn the_times_to_come_are_shown_in_utc_and_as_clocks_show_them() {
    let host = Host::with_app(&app_with("30 2 * * *", "LongSequence", "time-zone = \"Asia/Kolkata\"\npaused = true\ninput = 1")).await;
    let text = eventually("the timer", LIMIT, || async {
        let text = timers_command(&host, &["--next", "3"]).unwrap();
        if text.contains("paused") { Ok(text) } else { Err(text) }
    })
    .await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "t: 30 2 * * * in Asia/Kolkata, paused"));
    assert!(lines[1..].iter().all(|line| line.contains("T21:00:00Z") && line.ends_with(" 02:30:00 +05:30")), "{text}");
    for wrong in [["--next", "0", "list"], ["--next", "101", "list"], ["--next", "3", "bogus"]] {
        assert!(timers_command(&host, &wrong).is_err(), "{wrong:?}");
    }
    assert!(timers_command(&host, &["--next", "3", "pause", "t"]).unwrap_err().contains("--next is for the list"));
}

#[tokio::test]
async fn a_paused_timer_starts_nothing_until_it_is_resumed() {
    let host = Host::with_app(&app_with(EVERY_SECOND, "LongSequence", "input = 1\npaused = true")).await;
    let shown = eventually("the timer", LIMIT, || async {
        let shown = timers(&host).await;
        if shown[0]["paused"] == true { Ok(shown) } else { Err(shown.to_string()) }
    })
    .await;
    assert_eq!((&shown[0]["nextDue"], &shown[0]["lastInstance"]), (&Value::Null, &Value::Null));
    assert!(timers_command(&host, &["resume", "T"]).unwrap().contains("no"));
    until_started(&host, 1).await;
    timers_command(&host, &["pause", "t"]).unwrap();
    let count = started(&host).await.len();
    host.crash().await;
    // By hand it runs all the same, and what was paused by hand stays so.
    let listed = eventually("the timer after the crash", LIMIT, || async { timers_command(&host, &["run", "t"]) }).await;
    assert!(listed.contains("yes"), "{listed}");
    assert_eq!(started(&host).await.len(), count + 1);
    assert!(timers_command(&host, &["list"]).unwrap().contains("LAST INSTANCE"));
    let unknown = timers_command(&host, &["pause", "nobody"]).unwrap_err();
    assert!(unknown.contains("no timer 'nobody'; it has: t"), "{unknown}");
}

#[tokio::test]
async fn manifests_with_timers_that_cannot_work_are_refused_at_deploy() {
    let host = Host::with_app(&app_with(RARELY, "LongSequence", "")).await;
    for (app, problem) in [
        (app_with("61 * * * *", "LongSequence", ""), "cannot be read"),
        (app_with(RARELY, "LongSequence", "time-zone = \"Mars/Base\""), "time zone 'Mars/Base' is unknown"),
        (app_with(RARELY, "Nobody", ""), "'Nobody', which is no orchestrator of the app"),
    ] {
        let error = host.deploy(&app).unwrap_err();
        assert!(error.contains(problem) && error.contains("line"), "{error}");
    }
    let next = eventually("the timer", LIMIT, || async {
        let shown = timers(&host).await;
        shown[0]["nextDue"].as_str().map(str::to_owned).ok_or_else(|| shown.to_string())
    })
    .await;
    assert!(next.ends_with("-02-29T00:00:00Z"), "{next}");
    host.http().administer(&host, "/admin/timers/t/explode", None, "").await.expect_empty(404);
}
