//! Beginnings and ends that meet.

use std::rc::Rc;

use e2e::{Host, is_terminal};
use serde_json::{Value, json};

use super::runner::for_each;

/// What is sent to one instance at the same time.
#[derive(Clone, Copy)]
enum Sent {
    Start,
    Event,
    Terminate,
}

use Sent::{Event, Start, Terminate};

const ORDERS: [[Sent; 3]; 6] = [
    [Start, Event, Terminate],
    [Start, Terminate, Event],
    [Event, Start, Terminate],
    [Event, Terminate, Start],
    [Terminate, Start, Event],
    [Terminate, Event, Start],
];

/// Whatever the order, the end agrees with what each sender was told.
pub async fn start_event_and_termination_in_all_orders(host: Rc<Host>) {
    let cases = (0..10).flat_map(|round| ORDERS.iter().enumerate().map(move |(index, order)| (format!("orders-{round}-{index}"), *order)));
    for_each(cases, 6, |(id, order)| send_in_order(host.clone(), id, order)).await;
}

async fn send_in_order(host: Rc<Host>, id: String, order: [Sent; 3]) {
    let send = |what| {
        let (host, id) = (&host, &id);
        async move {
            match what {
                Start => host.post_json(&format!("/orchestrators/Grow/{id}"), &json!({"depth": 0, "width": 0})).await.status,
                Event => host.raise(id, "go", &Value::Null).await.status,
                Terminate => host.post(&format!("/instances/{id}/terminate?reason=enough")).await.status,
            }
        }
    };
    // Polled in this order, so that the requests leave in this order, on a connection each.
    let [first, second, third] = order;
    let (first, second, third) = tokio::join!(send(first), send(second), send(third));
    let answers = [first, second, third];
    let answer = |wanted: fn(&Sent) -> bool| answers[order.iter().position(wanted).expect("each is sent")];
    let (event, termination) = (answer(|sent| matches!(sent, Event)), answer(|sent| matches!(sent, Terminate)));
    assert_eq!(answer(|sent| matches!(sent, Start)), 202);
    assert!(matches!(event, 202 | 404 | 410) && matches!(termination, 202 | 404 | 410), "{event}, {termination}");
    match (event, termination) {
        (404, 404) => {
            let status = host.until_status(&id, "Running").await;
            assert!(!is_terminal(&status), "{status}");
            host.post(&format!("/instances/{id}/terminate")).await.expect_empty(202);
        }
        (202, 404 | 410) => drop(host.until_status(&id, "Completed").await),
        (404 | 410, 202) => assert_eq!(host.until_status(&id, "Terminated").await["output"], "enough"),
        (202, 202) => {
            // Both were accepted. The event may end it first, but only if it came first.
            let end = host.until(&id, "it to end", is_terminal).await;
            assert!(end["runtimeStatus"] == "Terminated" || end["runtimeStatus"] == "Completed", "{end}");
        }
        other => panic!("an end was met that nobody brought about: {other:?}"),
    }
}

pub async fn one_of_forty_concurrent_starts_wins(host: Rc<Host>) {
    for round in 0..3 {
        let id = format!("wanted-{round}");
        let answers = for_each(0..40, 40, |_| {
            let (host, path) = (host.clone(), format!("/orchestrators/Grow/{id}"));
            async move { host.post_json(&path, &json!({"depth": 0, "width": 0})).await.status }
        })
        .await;
        let of_status = |status| answers.iter().filter(|answer| **answer == status).count();
        assert_eq!((of_status(202), of_status(409)), (1, 39), "{answers:?}");
        host.raise(&id, "go", &Value::Null).await.expect_empty(202);
        host.output_of(&id).await;
        let history = host.get(&format!("/instances/{id}?showHistory=true")).await.expect(200).json()["historyEvents"].take();
        let of_type = |wanted: &str| history.as_array().into_iter().flatten().filter(|event| event["EventType"] == wanted).count();
        assert_eq!((of_type("ExecutionStarted"), of_type("ExecutionCompleted")), (1, 1), "{history}");
    }
}
