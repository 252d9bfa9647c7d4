//! The small functions of `hello-cities`.

use std::rc::Rc;

use e2e::Host;
use serde_json::{Value, json};

pub async fn sequences(host: Rc<Host>) {
    let hello = host.start_orchestration("HelloSequence", &Value::Null).await;
    let long = host.start_orchestration("LongSequence", &json!(100)).await;
    assert_eq!(host.output_of(&hello).await, json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
    assert_eq!(host.output_of(&long).await, json!(338_350));
}

pub async fn fan_out(host: Rc<Host>) {
    let id = host.start_orchestration("FanOut", &json!(200)).await;
    assert_eq!(host.output_of(&id).await, json!(2_686_700));
}

pub async fn a_call_back_and_a_timeout(host: Rc<Host>) {
    let early = host.start_orchestration("WaitForGo", &json!({"timeoutSeconds": 600})).await;
    let late = host.start_orchestration("WaitForGo", &json!({"timeoutSeconds": 1})).await;
    host.raise(&early, "go", &json!({"n": 1})).await.expect_empty(202);
    assert_eq!(host.output_of(&early).await, json!({"n": 1}));
    let output = host.until_status(&late, "Failed").await["output"].take();
    assert_eq!(output, "Orchestrator function 'WaitForGo' failed: Event go not received in 00:00:01");
}

pub async fn sections(host: Rc<Host>) {
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(host.start_orchestration("CountTogether", &json!({"counter": "c", "times": 4})).await);
    }
    let mut values = Vec::new();
    for id in ids {
        values.push(host.output_of(&id).await.as_u64().expect("a number"));
    }
    values.sort_unstable();
    assert_eq!(values, (1..=8).map(|turn| turn * 4).collect::<Vec<_>>());
    host.until_locked_by("Counter", "c", None).await;
}
