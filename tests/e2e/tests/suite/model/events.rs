//! Events: none lost, none doubled, each sender's in order.

use std::cell::Cell;
use std::rc::Rc;

use e2e::Host;
use serde_json::{Value, json};

use super::runner::for_each;

pub async fn a_thousand_fast_senders_lose_nothing_to_continue_as_new(host: Rc<Host>) {
    let id = host.start_orchestration("Collect", &json!({"want": 1_000, "perExecution": 7})).await;
    for_each(0..1_000, 50, |number| {
        let (host, id) = (host.clone(), id.clone());
        async move { host.raise(&id, "number", &json!(number)).await.expect_empty(202) }
    })
    .await;
    let mut seen = numbers(&host.output_of(&id).await);
    seen.sort_unstable();
    assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
}

pub async fn an_event_before_the_first_turn_is_kept(host: Rc<Host>) {
    for round in 0..20 {
        let id = format!("pushed-{round}");
        host.start_and_wait("Push", &json!(id)).await;
        assert_eq!(host.output_of(&id).await, json!([7]));
    }
}

pub async fn suspending_and_resuming_loses_no_event(host: Rc<Host>) {
    in_order_while_suspended_and_resumed(host, 1_000).await;
}

pub async fn continue_as_new_and_suspension_together_lose_no_event(host: Rc<Host>) {
    in_order_while_suspended_and_resumed(host, 3).await;
}

/// One sender's events must come in order while someone else suspends and resumes as fast as the host can answer.
async fn in_order_while_suspended_and_resumed(host: Rc<Host>, per_execution: u64) {
    const EVENTS: u64 = 150;
    // One more is wanted than is sent, so that the instance is there until the last resumption.
    let id = host.start_orchestration("Collect", &json!({"want": EVENTS + 1, "perExecution": per_execution})).await;
    let all_sent = Cell::new(false);
    let send = async {
        for number in 0..EVENTS {
            host.raise(&id, "number", &json!(number)).await.expect_empty(202);
        }
        all_sent.set(true);
    };
    let toggle = async {
        while !all_sent.get() {
            host.post(&format!("/instances/{id}/suspend")).await.expect_empty(202);
            host.post(&format!("/instances/{id}/resume")).await.expect_empty(202);
        }
    };
    tokio::join!(send, toggle);
    host.raise(&id, "number", &json!(EVENTS)).await.expect_empty(202);
    assert_eq!(numbers(&host.output_of(&id).await), (0..=EVENTS).collect::<Vec<_>>());
}

pub async fn an_arriving_event_never_fires_a_timer(host: Rc<Host>) {
    const DAYS_100_MS: u64 = 100 * 24 * 60 * 60 * 1_000;
    let id = host.start_orchestration("Patient", &json!({"timerMs": DAYS_100_MS, "ticks": 40})).await;
    for_each(0..40, 10, |_| {
        let (host, id) = (host.clone(), id.clone());
        async move { host.raise(&id, "tick", &Value::Null).await.expect_empty(202) }
    })
    .await;
    assert_eq!(host.output_of(&id).await, "40 and the timer did not fire");
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().map(|number| number.as_u64().expect("a number")).collect()
}
