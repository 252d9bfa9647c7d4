//! The patterns of `docs/guide/patterns.md`, as the guide shows them.

use std::rc::Rc;
use std::time::Duration;

use e2e::{Host, eventually, text};
use http::Method;
use serde_json::{Value, json};

pub async fn chaining(host: Rc<Host>) {
    let order = json!({"item": "lamp", "quantity": 4, "unitPriceCents": 1250});
    assert_eq!(host.start_and_wait("Invoice", &order).await, "Please pay 59.50.");
    let too_dear = json!({"item": "moon", "quantity": u64::MAX, "unitPriceCents": 2});
    let id = host.start_orchestration("Invoice", &too_dear).await;
    let output = text(&host.until_status(&id, "Failed").await, "output");
    assert!(
        output.starts_with("Orchestrator function 'Invoice' failed: Activity function 'PriceOrder' failed: nobody can pay"),
        "{output}"
    );
}

pub async fn fan_out_and_fan_in(host: Rc<Host>) {
    let texts = vec!["to be or not to be"; 50];
    for name in ["WordCount", "GentleWordCount"] {
        assert_eq!(host.start_and_wait(name, &json!(texts)).await, 300, "{name}");
    }
}

/// Follows the work as any poller does that knows nothing but 202, `Location` and `Retry-After`.
pub async fn async_http_api(host: Rc<Host>) {
    let work = json!({"steps": 5, "pauseMs": 50});
    let started = host.http().send_json(Method::POST, &host.uri("/api/work"), &work).await.expect(202);
    assert_eq!(started.header("retry-after"), "10");
    let location = started.header("location").to_owned();
    assert_eq!(location, text(&started.json(), "statusQueryGetUri"));
    let seen = std::cell::RefCell::new(Vec::new());
    let done = eventually("the work to be done", Duration::from_secs(30), || async {
        let answer = host.http().send(Method::GET, &location).await;
        let progress = answer.json()["customStatus"]["done"].as_u64();
        seen.borrow_mut().extend(progress);
        match answer.status {
            200 => Ok(answer.json()),
            202 => Err(answer.text()),
            other => panic!("the poller is told {other}: {}", answer.text()),
        }
    })
    .await;
    assert_eq!((&done["output"], &done["customStatus"]), (&json!(5), &json!({"done": 5, "of": 5})));
    assert!(seen.borrow().is_sorted(), "the progress went backwards: {seen:?}");
}

pub async fn monitor(host: Rc<Host>) {
    let watch = |counter: &str, until: &str| json!({"counter": counter, "atLeast": 3, "pollMs": 20, "until": until});
    let reached = host.start_orchestration("WatchCounter", &watch("watched", "2999-01-01T00:00:00Z")).await;
    for _ in 0..3 {
        host.signal("Counter", "watched", "add", &json!(1)).await;
    }
    assert_eq!(host.output_of(&reached).await, 3);
    assert_eq!(host.start_and_wait("WatchCounter", &watch("not watched", "2020-01-01T00:00:00Z")).await, Value::Null);
}

pub async fn human_interaction(host: Rc<Host>) {
    for (answer, output) in [(true, "approved"), (false, "rejected")] {
        let id = host.start_orchestration("Approval", &json!({"what": "a chair", "timeoutSeconds": 3600})).await;
        host.raise(&id, "Approval", &json!(answer)).await.expect_empty(202);
        assert_eq!(host.output_of(&id).await, output);
        host.raise(&id, "Approval", &json!(answer)).await.expect_empty(410);
    }
    assert_eq!(host.start_and_wait("Approval", &json!({"what": "a castle", "timeoutSeconds": 0})).await, "escalated");
}

pub async fn aggregator(host: Rc<Host>) {
    for value in [3.0, -1.5, 4.5] {
        host.signal("Measurements", "cellar", "record", &json!(value)).await;
    }
    let summary = host.until_entity("Measurements", "cellar", |state| state["count"] == 3).await;
    assert_eq!(summary, json!({"count": 3, "sum": 6.0, "min": -1.5, "max": 4.5}));
    // The second makes the sum infinite, which JSON does not have: that operation fails, and the third finds the state of the first.
    for value in [1e308, 1e308, -1e308] {
        host.signal("Measurements", "attic", "record", &json!(value)).await;
    }
    let summary = host.until_entity("Measurements", "attic", |state| state["min"] == -1e308).await;
    assert_eq!(summary, json!({"count": 2, "sum": 0.0, "min": -1e308, "max": 1e308}));
}

pub async fn saga(host: Rc<Host>) {
    let booked = host.start_and_wait("BookTrip", &json!({"traveller": "ann"})).await;
    assert_eq!(booked, json!(["flight-ann", "hotel-ann", "car-ann"]));
    let id = host.start_orchestration("BookTrip", &json!({"traveller": "bob", "soldOut": "car"})).await;
    let output = text(&host.until_status(&id, "Failed").await, "output");
    assert!(output.ends_with("no car is left; what was booked before is cancelled"), "{output}");
    let log = host.log();
    let cancelled: Vec<_> = log.lines().filter_map(|line| line.split_once("cancelled ")?.1.split_whitespace().next()).collect();
    assert_eq!(cancelled, ["hotel-bob", "flight-bob"], "{log}");
}

pub async fn eternal(host: Rc<Host>) {
    assert_eq!(host.start_and_wait("EternalCounter", &json!({"pauseMs": 1, "last": 10})).await, 10);
    let id = host.start_orchestration("EternalCounter", &json!({"pauseMs": 1})).await;
    host.until(&id, "ten rounds", |status| status["customStatus"].as_u64() >= Some(10)).await;
    host.post(&format!("/instances/{id}/terminate?reason=enough")).await.expect_empty(202);
    assert_eq!(host.until_status(&id, "Terminated").await["output"], "enough");
}

pub async fn sub_orchestrations(host: Rc<Host>) {
    assert_eq!(host.start_and_wait("Tree", &json!({"depth": 3, "width": 3})).await, 1 + 3 + 9 + 27);
}

pub async fn clean_up(host: Rc<Host>) {
    host.signal("Sessions", "web", "open", &json!({"name": "short", "lastsMs": 1})).await;
    host.signal("Sessions", "web", "open", &json!({"name": "long", "lastsMs": 3_600_000})).await;
    let id = host.start_orchestration("CleanUp", &json!({"sessions": "web", "everyMs": 50})).await;
    host.until(&id, "the short session to be swept", |status| status["customStatus"] == 1).await;
    let left = host.entity("Sessions", "web").await.expect("it was opened");
    assert_eq!(left.as_object().map(|left| left.keys().collect::<Vec<_>>()), Some(vec![&"long".to_owned()]));
    // It goes on for what expires later.
    host.signal("Sessions", "web", "open", &json!({"name": "second", "lastsMs": 1})).await;
    host.until(&id, "the second session to be swept", |status| status["customStatus"] == 2).await;
    host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
    host.until_status(&id, "Terminated").await;
}

pub async fn first_steps(host: Rc<Host>) {
    assert_eq!(host.start_and_wait("HelloCities", &Value::Null).await, json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
    let waits = host.start_orchestration("WaitForGo", &Value::Null).await;
    host.raise(&waits, "go", &json!({"who": "Ann"})).await.expect_empty(202);
    assert_eq!(host.output_of(&waits).await, json!({"who": "Ann"}));
    let fails = host.start_orchestration("AlwaysFails", &Value::Null).await;
    let output = host.until_status(&fails, "Failed").await["output"].take();
    assert_eq!(output, "Orchestrator function 'AlwaysFails' failed: Activity function 'Fail' failed: this activity always fails");
    host.signal("Counter", "steps", "add", &json!(5)).await;
    host.signal("Counter", "steps", "reset", &Value::Null).await;
    host.signal("Counter", "steps", "get", &Value::Null).await;
    // The number as the Python client sends it.
    host.signal("Counter", "steps", "add", &json!("2")).await;
    host.until_entity("Counter", "steps", |state| *state == 2).await;
}
