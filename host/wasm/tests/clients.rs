//! Client functions: requests, answers, and what they ask of the host.

mod support;

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use longhaul_core::{EntityId, Payload};
use longhaul_wasm::{
    AppEnvironment, ClientError, ClientHost, Config, GuestError, HostFuture, InstanceStatus, LogContext, ResponseBody, Runtime,
    StartOptions,
};
use support::{Lines, client, config, hasty, json, runtime};

/// Writes down what it is asked for.
#[derive(Default)]
struct FakeHost(Mutex<Vec<String>>);

impl FakeHost {
    fn note<T: Send + 'static>(&self, what: String, answer: Result<T, ClientError>) -> HostFuture<'_, T> {
        self.0.lock().unwrap().push(what);
        Box::pin(async move { answer })
    }
}

impl ClientHost for FakeHost {
    fn start(&self, name: String, input: Payload, options: StartOptions) -> HostFuture<'_, String> {
        self.note(format!("start {name} {input:?}"), Ok(options.instance_id.unwrap_or_default()))
    }

    fn get_status(&self, instance_id: String) -> HostFuture<'_, InstanceStatus> {
        self.note(format!("status {instance_id}"), Err(ClientError::NotFound("no such instance".into())))
    }

    fn raise_event(&self, instance_id: String, name: String, data: Payload) -> HostFuture<'_, ()> {
        self.note(format!("raise {instance_id} {name} {data:?}"), Ok(()))
    }

    fn terminate(&self, instance_id: String, reason: Option<String>) -> HostFuture<'_, ()> {
        self.note(format!("terminate {instance_id} {reason:?}"), Ok(()))
    }

    fn signal_entity(&self, entity: EntityId, operation: String, input: Payload) -> HostFuture<'_, ()> {
        self.note(format!("signal {entity} {operation} {input:?}"), Ok(()))
    }

    fn read_entity(&self, entity: EntityId) -> HostFuture<'_, Option<Payload>> {
        self.note(format!("read {entity}"), Ok(Some(json("[1]"))))
    }

    fn management_payload(&self, instance_id: String) -> Pin<Box<dyn Future<Output = Payload> + Send + '_>> {
        Box::pin(async move { json(&format!("{{\"id\": \"{instance_id}\"}}")) })
    }
}

async fn call(runtime: &Runtime, path: &str, body: &str, host: Arc<FakeHost>) -> Result<Response<ResponseBody>, GuestError> {
    let request = Request::post(format!("http://localhost/api/{path}")).body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let log = LogContext { function: "Test".into(), instance: None };
    client(runtime).handle(log, request, host, Arc::default()).await
}

async fn answer(path: &str, body: &str, host: Arc<FakeHost>) -> (StatusCode, String) {
    let response = call(&runtime(), path, body, host).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn request_and_answer_pass_through_whole() {
    let long = "0123456789".repeat(20_000);
    assert_eq!(answer("echo", &long, Arc::default()).await, (StatusCode::OK, long));
}

#[tokio::test]
async fn a_status_that_promises_another_answer_is_refused() {
    let refused = call(&runtime(), "switch-protocols", "", Arc::default()).await.err().unwrap();
    assert!(matches!(&refused, GuestError::Protocol(text) if text.contains("status 101")), "{refused}");
}

#[tokio::test]
async fn a_client_function_starts_an_orchestration() {
    let host = Arc::new(FakeHost::default());
    assert_eq!(answer("start", "[1]", host.clone()).await, (StatusCode::ACCEPTED, "{\"id\": \"chosen\"}".into()));
    assert_eq!(*host.0.lock().unwrap(), ["start Misbehaving [1]"]);
}

#[tokio::test]
async fn input_that_is_not_json_never_reaches_the_host() {
    let host = Arc::new(FakeHost::default());
    let (status, text) = answer("start", "{", host.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("Invalid") && text.contains("`input` is not one JSON value"), "{text}");
    assert!(host.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn errors_and_entities_pass_through() {
    let (_, text) = answer("status", "", Arc::default()).await;
    assert!(text.contains("NotFound") && text.contains("no such instance"), "{text}");
    let host = Arc::new(FakeHost::default());
    assert_eq!(answer("entity", "", host.clone()).await.1, "Ok(Some(\"[1]\"))");
    assert_eq!(*host.0.lock().unwrap(), ["signal @counter@1 add 1", "read @counter@1"]);
}

#[tokio::test]
async fn a_client_function_without_an_answer_is_an_error() {
    let runtime = runtime();
    let fail = async |path| call(&runtime, path, "", Arc::default()).await.err().unwrap();
    assert!(matches!(fail("panic").await, GuestError::Trap { .. }));
    assert!(matches!(fail("silent").await, GuestError::Protocol(_)));
    let spin = call(&hasty(), "spin", "", Arc::default()).await.err().unwrap();
    assert_eq!(spin, GuestError::Deadline { limit_ms: 300 });
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_as_broken() {
    let lines = Arc::new(Lines::default());
    let runtime = Runtime::new(Config { log: lines.clone(), ..config() }).unwrap();
    let response = call(&runtime, "panic-in-body", "", Arc::default()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err());
    lines.wait_for("the guest trapped").await;
}

#[tokio::test]
async fn a_client_function_cannot_write_its_secret_into_a_history() {
    let (runtime, host) = (runtime(), Arc::new(FakeHost::default()));
    let mut environment = AppEnvironment::default();
    environment.secrets.insert("TOKEN", "never-write-this-down");
    let request = Request::post("http://localhost/api/start").body(Full::new(Bytes::from("[\"never-write-this-down\"]"))).unwrap();
    let log = LogContext { function: "Test".into(), instance: None };
    let answer = client(&runtime).handle(log, request, host.clone(), Arc::new(environment)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("`input` contains the secret 'TOKEN'") && host.0.lock().unwrap().is_empty(), "{text}");
}
