//! `POST /api/Job`.

use std::time::Duration;

use bytes::Bytes;
use domain::JobRequest;
use http::{Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};

use crate::callback;

/// A longer body is no job.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Later call-backs than this, a day, are a mistake in the unit.
const MAX_CALLBACK_AFTER_SECONDS: u64 = 24 * 60 * 60;

/// Answers one request.
pub async fn answer<B>(request: Request<B>, delay: Duration) -> Response<Full<Bytes>>
where
    B: hyper::body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if !request.uri().path().eq_ignore_ascii_case("/api/Job") {
        return text(StatusCode::NOT_FOUND, "there is only /api/Job");
    }
    if request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "jobs are sent by POST");
    }
    let body = match Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return text(StatusCode::BAD_REQUEST, &format!("cannot read the body: {error}")),
    };
    match read_job(&body) {
        Ok((job, callback_uri)) => run(&job, callback_uri, delay).await,
        Err(reason) => text(StatusCode::BAD_REQUEST, &reason),
    }
}

fn read_job(body: &[u8]) -> Result<(JobRequest, Uri), String> {
    let job: JobRequest = serde_json::from_slice(body).map_err(|error| format!("the body is not a job: {error}"))?;
    let uri: Uri = job.callback_uri.parse().map_err(|error| format!("callbackUri '{}' is not a URI: {error}", job.callback_uri))?;
    if uri.host().is_none() || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("callbackUri '{uri}' is not an absolute http URI"));
    }
    match job.callback_after_seconds {
        Some(seconds) if seconds > MAX_CALLBACK_AFTER_SECONDS => {
            Err(format!("callbackAfterSeconds is {seconds}, it must be at most {MAX_CALLBACK_AFTER_SECONDS}"))
        }
        Some(_) if uri.scheme_str() == Some("https") => Err("callbackAfterSeconds works with a plain http callbackUri only".to_owned()),
        _ => Ok((job, uri)),
    }
}

async fn run(job: &JobRequest, callback_uri: Uri, delay: Duration) -> Response<Full<Bytes>> {
    println!("job{}: callbackUri {callback_uri}", if job.return_error { " that is to fail" } else { "" });
    if let Some(seconds) = job.callback_after_seconds {
        tokio::spawn(callback::post_true(callback_uri, Duration::from_secs(seconds)));
    }
    tokio::time::sleep(delay).await;
    match job.return_error {
        true => text(StatusCode::INTERNAL_SERVER_ERROR, "an error, as the job asked for"),
        false => text(StatusCode::OK, "job accepted"),
    }
}

fn text(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
