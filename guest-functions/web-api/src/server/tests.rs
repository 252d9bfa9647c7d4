use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::oneshot;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

/// Sends one request to a server of its own, then stops the server. Returns the answer's status and text.
async fn send(method: Method, path: &str, body: &str) -> (StatusCode, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}{path}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, Duration::ZERO, async move {
        let _ = stopped.await;
    }));
    let request = Request::builder().method(method).uri(uri).body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let status = response.status();
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    drop((stop, client));
    tokio::time::timeout(DEADLINE, server).await.expect("the server stops in time").unwrap();
    (status, text)
}

#[tokio::test]
async fn a_job_is_accepted_or_fails_as_it_asks() {
    let job = |return_error| format!(r#"{{"returnError": {return_error}, "callbackUri": "http://localhost:7071/cb"}}"#);
    assert_eq!(send(Method::POST, "/api/Job", &job(false)).await.0, StatusCode::OK);
    assert_eq!(send(Method::POST, "/api/job", &job(true)).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason() {
    for (body, reason) in [
        ("", "the body is not a job"),
        ("{}", "missing field `callbackUri`"),
        (r#"{"callbackUri": "/cb"}"#, "is not an absolute http URI"),
        (r#"{"callbackUri": "http://h/cb", "callbackAfterSeconds": 86401}"#, "at most 86400"),
    ] {
        let (status, text) = send(Method::POST, "/api/Job", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(text.contains(reason), "{body} was refused with: {text}");
    }
    let long = format!(r#"{{"callbackUri": "http://h/{}"}}"#, "x".repeat(70_000));
    assert_eq!(send(Method::POST, "/api/Job", &long).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn other_paths_and_methods_are_not_found_or_not_allowed() {
    assert_eq!(send(Method::POST, "/api/Other", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(Method::GET, "/api/Job", "").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_job_can_have_the_system_call_back_by_itself() {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let job = format!(r#"{{"callbackUri": "http://{}/cb?x=1", "callbackAfterSeconds": 0}}"#, receiver.local_addr().unwrap());
    let (seen, mut requests) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let (stream, _) = receiver.accept().await.unwrap();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let seen = seen.clone();
            async move {
                let uri = request.uri().to_string();
                let body = request.into_body().collect().await.unwrap().to_bytes();
                seen.send((uri, body)).await.unwrap();
                Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::new())))
            }
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
    });
    assert_eq!(send(Method::POST, "/api/Job", &job).await.0, StatusCode::OK);
    let called_back = tokio::time::timeout(DEADLINE, requests.recv()).await.expect("it calls back in time");
    assert_eq!(called_back, Some(("/cb?x=1".to_owned(), Bytes::from_static(b"true"))));
}
