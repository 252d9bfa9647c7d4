//! Fifty kills while two hundred instances run.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use http::Method;
use serde_json::{Value, json};

const KILLS: u32 = 50;
/// Of each of the five kinds.
const INSTANCES: u32 = 40;
const TIMES: u32 = 3;
/// Longest time for a request to be answered by one host or the next.
const LIMIT: Duration = Duration::from_secs(120);
/// Chooses the moments of the kills. A failing run is not exactly repeatable, but its pattern of kills is.
const SEED: u64 = 20_261_122;

/// What clients were told, and what they sent in vain.
#[derive(Default)]
struct Signals {
    acknowledged: u64,
    sent: u64,
}

#[tokio::test]
async fn fifty_kills_lose_nothing_that_was_acknowledged() {
    storm(Vec::new(), 300).await;
}

#[tokio::test]
async fn nor_do_they_when_every_turn_begins_with_a_replay() {
    // The cost of replays grows with the square of the length.
    storm(vec!["--evict-after-every-turn"], 60).await;
}

/// `length` is the number of activities of one long sequence, which should last longer than from one kill to the next.
async fn storm(arguments: Vec<&'static str>, length: u64) {
    let app = Apps::hello_cities();
    // With the default for `max-host-deaths`: nothing here is under way for long enough to be charged.
    let host = Host::start(HostOptions { app: Some(&app), arguments }).await;
    let kills = Cell::new(0);
    let (signals, interrupted) = tokio::join!(run_clients(&host, &kills, length), kill_again_and_again(&host, &kills));
    assert!(interrupted >= KILLS * 8 / 10, "only {interrupted} of {KILLS} kills met running instances");
    for number in 0..INSTANCES {
        assert_eq!(host.output_of(&format!("hello-{number}")).await, json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
        assert_eq!(host.output_of(&format!("long-{number}")).await, json!(length * (length + 1) * (2 * length + 1) / 6));
        assert_eq!(host.output_of(&format!("fan-{number}")).await, json!(2_870));
        assert_eq!(host.output_of(&format!("go-{number}")).await, json!(number));
    }
    let mut counted = BTreeSet::new();
    for number in 0..INSTANCES {
        counted.insert(host.output_of(&format!("count-{number}")).await.as_u64().expect("a number"));
    }
    let expected: BTreeSet<u64> = (1..=INSTANCES).map(|turn| u64::from(turn * TIMES)).collect();
    assert_eq!(counted, expected, "sections overlapped, or one ran twice");
    host.until_locked_by("Counter", "shared", None).await;
    host.until_entity("Counter", "shared", |state| state["value"] == INSTANCES * TIMES).await;
    let value = host.entity("Counter", "signals").await.expect("it was signalled")["value"].as_u64().expect("a number");
    assert!((signals.acknowledged..=signals.sent).contains(&value), "{value} of {} to {}", signals.acknowledged, signals.sent);
    let listed = host.get("/instances?top=1000").await.expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(5 * INSTANCES as usize), "the same ids, and no others");
}

/// Kills and starts, and returns how many of the kills met instances that were running.
async fn kill_again_and_again(host: &Host, kills: &Cell<u32>) -> u32 {
    let (mut random, mut interrupted) = (SEED, 0);
    while kills.get() < KILLS {
        // The moment of the kill is the subject of the test, so this is a chosen moment and not a wait for something.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((random >> 33) % 120)).await;
        host.crash().await;
        kills.set(kills.get() + 1);
        let running = host.get("/instances?runtimeStatus=Running&top=1").await.expect(200).json();
        interrupted += u32::from(running != json!([]));
    }
    interrupted
}

/// Starts everything, a few instances after each kill.
async fn run_clients(host: &Host, kills: &Cell<u32>, length: u64) -> Signals {
    let mut signals = Signals::default();
    for number in 0..INSTANCES {
        let is_due = || std::future::ready(if kills.get() >= number { Ok(()) } else { Err(format!("{}", kills.get())) });
        eventually(format!("kill {number}"), LIMIT, is_due).await;
        tokio::join!(
            start(host, "HelloSequence", format!("hello-{number}"), Value::Null),
            start(host, "LongSequence", format!("long-{number}"), json!(length)),
            start(host, "FanOut", format!("fan-{number}"), json!(20)),
            start(host, "CountTogether", format!("count-{number}"), json!({"counter": "shared", "times": TIMES})),
            start_and_raise(host, number),
            signal(host, &mut signals),
        );
    }
    signals
}

/// Starts an instance: a conflict says that an earlier try arrived and only its answer was lost, and so does an end.
async fn start(host: &Host, name: &str, id: String, input: Value) {
    let known = host.management_uri(&format!("/instances/{id}"));
    let uri = host.management_uri(&format!("/orchestrators/{name}/{id}"));
    eventually(format!("the start of {id}"), LIMIT, || async {
        // Looked at first, because a start would begin an instance anew that has ended already.
        match host.http().try_send(Method::GET, &known).await {
            Ok(answer) if matches!(answer.status, 200 | 202) => return Ok(()),
            Ok(answer) if answer.status == 404 => {}
            other => return Err(format!("{other:?}")),
        }
        match host.http().try_send_json(Method::POST, &uri, &input).await {
            Ok(answer) if matches!(answer.status, 202 | 409) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// Raises the event of the instance that was started before this one, so that each waits through a kill.
async fn start_and_raise(host: &Host, number: u32) {
    start(host, "WaitForGo", format!("go-{number}"), json!({})).await;
    if number > 0 {
        raise(host, number - 1).await;
    }
    if number == INSTANCES - 1 {
        raise(host, number).await;
    }
}

async fn raise(host: &Host, number: u32) {
    let id = format!("go-{number}");
    let uri = host.management_uri(&format!("/instances/{id}/raiseEvent/go"));
    eventually(format!("the event of {id}"), LIMIT, || async {
        match host.http().try_send_json(Method::POST, &uri, &json!(number)).await {
            // Gone: an earlier try arrived and ended the wait.
            Ok(answer) if matches!(answer.status, 202 | 410) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

async fn signal(host: &Host, signals: &mut Signals) {
    let uri = host.management_uri("/entities/Counter/signals?op=Add");
    let sent = Cell::new(0);
    eventually("the signal", LIMIT, || async {
        sent.set(sent.get() + 1);
        match host.http().try_send_json(Method::POST, &uri, &json!(1)).await {
            Ok(answer) if answer.status == 202 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    signals.acknowledged += 1;
    signals.sent += sent.get();
}
