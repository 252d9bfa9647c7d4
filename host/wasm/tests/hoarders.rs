//! Guests that have the host hold, or compute, more than it should.

mod support;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use longhaul_wasm::{ActivityContext, ClientError, ClientHost, GuestError, HostFuture, InstanceStatus, LogContext, Runtime, StartOptions};
use support::{activity, client, config, json};

fn roomy() -> Arc<Runtime> {
    let mut config = config();
    config.limits.activity_memory_bytes = 256 << 20;
    Runtime::new(config).unwrap()
}

async fn run(what: &str) -> Result<Result<Payload, Failure>, GuestError> {
    let instance_id = InstanceId::trusted("test-1");
    let context =
        ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout: None };
    activity(&roomy()).run(context, Payload::string(what), Arc::default()).await
}

#[tokio::test]
async fn an_activity_that_keeps_too_much_in_the_host_is_stopped_and_the_reason_has_a_name() {
    for what in ["keep-fields", "keep-empty-fields", "keep-copied-fields", "keep-requests", "keep-options"] {
        assert_eq!(run(what).await, Err(GuestError::Resources), "{what}");
    }
    for what in ["keep-pollables", "keep-streams", "keep-bodies", "endless-fields", "many-values"] {
        assert_eq!(run(what).await, Err(GuestError::Resources), "{what}");
    }
}

#[tokio::test]
async fn what_an_activity_lets_go_does_not_count() {
    assert_eq!(run("let-fields-go").await, Ok(Ok(json("200"))));
}

#[tokio::test]
async fn what_is_held_counts_against_the_guests_memory() {
    let mut config = config();
    config.limits.activity_memory_bytes = 8 << 20;
    let context = ActivityContext {
        name: "Test".into(),
        instance_id: InstanceId::trusted("test-1"),
        task: TaskId(3),
        attempt: 1,
        idempotency_key: "key".into(),
        timeout: None,
    };
    let ended = activity(&Runtime::new(config).unwrap()).run(context, Payload::string("keep-fields"), Arc::default()).await;
    assert_eq!(ended, Err(GuestError::Memory { limit_bytes: 8 << 20 }));
}

#[tokio::test]
async fn a_long_method_is_refused() {
    assert_eq!(run("long-method").await, Ok(Ok(json("10"))));
}

#[tokio::test]
async fn a_call_that_would_compute_for_long_is_refused() {
    for (what, said) in [("much-chance", "67108864"), ("poll-one-often", "pollables")] {
        let ended = run(what).await;
        let is_refused = matches!(&ended, Err(GuestError::Trap { message, .. }) if message.contains(said))
            || what == "poll-one-often" && ended == Err(GuestError::Resources);
        assert!(is_refused, "{what}: {ended:?}");
    }
    assert_eq!(run("some-chance").await, Ok(Ok(json(&(100 << 16).to_string()))));
    assert_eq!(run("hand over too much").await, Err(GuestError::Handover));
    assert_eq!(run("one long line").await, Ok(Ok(json("\"said\""))));
}

/// No client function here asks it for anything.
struct NoHost;

impl ClientHost for NoHost {
    fn start(&self, _: String, _: Payload, _: StartOptions) -> HostFuture<'_, String> {
        nothing()
    }

    fn get_status(&self, _: String) -> HostFuture<'_, InstanceStatus> {
        nothing()
    }

    fn raise_event(&self, _: String, _: String, _: Payload) -> HostFuture<'_, ()> {
        nothing()
    }

    fn terminate(&self, _: String, _: Option<String>) -> HostFuture<'_, ()> {
        nothing()
    }

    fn signal_entity(&self, _: longhaul_core::EntityId, _: String, _: Payload) -> HostFuture<'_, ()> {
        nothing()
    }

    fn read_entity(&self, _: longhaul_core::EntityId) -> HostFuture<'_, Option<Payload>> {
        nothing()
    }

    fn management_payload(&self, _: String) -> std::pin::Pin<Box<dyn Future<Output = Payload> + Send + '_>> {
        Box::pin(async { Payload::null() })
    }
}

fn nothing<T: Send + 'static>() -> HostFuture<'static, T> {
    Box::pin(async { Err(ClientError::Unavailable("there is nothing".into())) })
}

#[tokio::test]
async fn a_client_function_is_held_to_the_same() {
    let runtime = roomy();
    for what in ["keep-fields", "keep-pollables", "keep-bodies"] {
        let request = Request::get(format!("http://localhost/api/{what}")).body(Full::new(Bytes::new())).unwrap();
        let log = LogContext { function: "Test".into(), instance: None };
        let ended = client(&runtime).handle(log, request, Arc::new(NoHost), Arc::default()).await;
        assert_eq!(ended.err(), Some(GuestError::Resources), "{what}");
    }
}
