//! Activities: their limits and where their requests may go.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use longhaul_wasm::{ActivityComponent, ActivityContext, AllowedHosts, AppEnvironment, GuestError};
use support::{activity, json, runtime};
use tokio::net::TcpListener;

fn context(attempt: u32, timeout: Option<Duration>) -> ActivityContext {
    let instance_id = InstanceId::trusted("test-1");
    ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt, idempotency_key: "key".into(), timeout }
}

async fn run(what: &str, environment: AppEnvironment) -> Result<Result<Payload, Failure>, GuestError> {
    let runtime = runtime();
    activity(&runtime).run(context(1, None), Payload::string(what), Arc::new(environment)).await
}

async fn run_alone(what: &str) -> Result<Result<Payload, Failure>, GuestError> {
    run(what, AppEnvironment::default()).await
}

fn allowing(hosts: &[String]) -> AppEnvironment {
    AppEnvironment { allowed_hosts: AllowedHosts::parse(hosts).unwrap(), ..AppEnvironment::default() }
}

#[tokio::test]
async fn an_activity_knows_its_call_and_the_apps_settings() {
    assert_eq!(run_alone("context").await, Ok(Ok(json(r#"["Test", "test-1", 3, 1]"#))));
    let settings = [("JOB_API".to_owned(), "http://localhost:5000".to_owned())].into();
    let environment = AppEnvironment { settings, ..AppEnvironment::default() };
    assert_eq!(run("settings", environment).await, Ok(Ok(json(r#"["JOB_API=http://localhost:5000"]"#))));
}

#[tokio::test]
async fn a_secret_is_read_like_a_setting_and_kept_out_of_all_that_is_written_down() {
    const SECRET: &str = "never-write-this-down";
    let mut environment = AppEnvironment::default();
    environment.secrets.insert("TOKEN", SECRET);
    let refused = run("settings", environment.clone()).await.unwrap().unwrap_err();
    assert!(refused.error_type == "SecretInOutput" && !format!("{refused:?}").contains(SECRET), "{refused:?}");
    let lines = Arc::new(support::Lines::default());
    let runtime = longhaul_wasm::Runtime::new(longhaul_wasm::Config { log: lines.clone(), ..support::config() }).unwrap();
    let environment = Arc::new(environment);
    let loud_environment = environment.clone();
    let told = activity(&runtime).run(context(1, None), Payload::string("tell TOKEN"), environment).await;
    let told = format!("{:?} {:?}", told.unwrap().unwrap_err(), lines.all());
    let loud = activity(&runtime).run(context(1, None), Payload::string("panic aloud"), loud_environment).await;
    let Err(GuestError::Trap { message, .. }) = loud else { panic!("{loud:?}") };
    assert_eq!(message, "panicked at src/lib.rs:7:8: [secret TOKEN] (wasm trap: wasm `unreachable` instruction executed)");
    for text in ["failed: [secret TOKEN]", "details: [secret TOKEN]", "cause: [secret TOKEN]", "logged: [secret TOKEN]"] {
        assert!(told.contains(text), "{told}");
    }
    assert!(!told.contains(SECRET), "{told}");
}

#[tokio::test]
async fn a_failure_is_the_activitys_own_and_a_trap_is_not() {
    assert_eq!(run_alone("fail").await, Ok(Err(Failure::new("Deliberate", "this activity fails"))));
    assert!(matches!(run_alone("panic").await, Err(GuestError::Trap { .. })));
    assert!(matches!(run_alone("not JSON").await, Err(GuestError::Protocol(_))));
    assert_eq!(run_alone("eat memory").await, Err(GuestError::Memory { limit_bytes: 16 << 20 }));
}

#[tokio::test]
async fn a_spinning_and_a_sleeping_activity_end_at_their_deadline() {
    let runtime = runtime();
    for what in ["spin", "sleep"] {
        let soon = context(1, Some(Duration::from_millis(100)));
        let result = activity(&runtime).run(soon, Payload::string(what), Arc::default()).await;
        assert_eq!(result, Err(GuestError::Deadline { limit_ms: 100 }), "{what}");
    }
}

#[tokio::test]
async fn an_output_beyond_the_bound_is_refused() {
    let mut config = support::config();
    config.limits.max_activity_output_bytes = 5;
    let runtime = longhaul_wasm::Runtime::new(config).unwrap();
    let refused = Err(GuestError::OutputTooLarge { bytes: 6, limit_bytes: 5 });
    assert_eq!(behave(&activity(&runtime)).await, refused, "\"well\" with its quotation marks has six bytes");
}

#[tokio::test]
async fn no_timeout_is_longer_than_the_longest() {
    let mut config = support::config();
    config.limits.max_activity_deadline = Duration::from_millis(100);
    let runtime = longhaul_wasm::Runtime::new(config).unwrap();
    for asked in [None, Some(Duration::from_secs(3_600))] {
        let result = activity(&runtime).run(context(1, asked), Payload::string("sleep"), Arc::default()).await;
        assert_eq!(result, Err(GuestError::Deadline { limit_ms: 100 }), "{asked:?}");
    }
}

/// One worker thread: other futures get on only if the spinning guest gives way.
#[tokio::test]
async fn a_spinning_activity_leaves_the_worker_to_others() {
    let runtime = runtime();
    let component = activity(&runtime);
    let spinning = component.clone();
    let spin = tokio::spawn(async move { spinning.run(context(1, None), Payload::string("spin"), Arc::default()).await });
    tokio::task::yield_now().await;
    assert_eq!(behave(&component).await, Ok(Ok(json("\"well\""))));
    assert!(!spin.is_finished());
    spin.abort();
    assert!(spin.await.unwrap_err().is_cancelled());
}

async fn behave(component: &ActivityComponent) -> Result<Result<Payload, Failure>, GuestError> {
    component.run(context(1, None), Payload::string("behave"), Arc::default()).await
}

#[tokio::test]
async fn more_activities_than_may_run_wait_for_their_turn() {
    let runtime = runtime();
    let component = activity(&runtime);
    let many = (0..40).map(|_| {
        let component = component.clone();
        tokio::spawn(async move { behave(&component).await })
    });
    for one in many.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Ok(Ok(json("\"well\""))));
    }
}

/// A server that answers every request with its path; counts connections.
async fn server(address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let answer = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from(request.uri().path().to_owned()))))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    (address, connections)
}

#[tokio::test]
async fn requests_to_one_host_share_a_connection() {
    let (address, connections) = server("127.0.0.1:0").await;
    let runtime = runtime();
    let component = activity(&runtime);
    let environment = Arc::new(allowing(&[format!("http://{address}")]));
    for _ in 0..5 {
        let get = Payload::string(&format!("get http://{address}/api/Job"));
        assert_eq!(component.run(context(1, None), get, environment.clone()).await, Ok(Ok(json("\"200 /api/Job\""))));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn localhost_is_found_on_either_of_its_addresses() {
    for loopback in ["127.0.0.1:0", "[::1]:0"] {
        let (address, _connections) = server(loopback).await;
        let host = format!("http://localhost:{}", address.port());
        let answer = run(&format!("get {host}/x"), allowing(&[host])).await;
        assert_eq!(answer, Ok(Ok(json("\"200 /x\""))), "{loopback}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_listed_is_never_reached() {
    let (address, connections) = server("127.0.0.1:0").await;
    let error_type = |result: Result<Result<Payload, Failure>, GuestError>| result.unwrap().unwrap_err().error_type;
    assert_eq!(error_type(run_alone(&format!("get http://{address}/")).await), "HttpRequestDenied");
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = format!("http://{refused}");
    assert_eq!(error_type(run(&format!("get {nobody}/"), allowing(&[nobody])).await), "ConnectionRefused");
}
