//! Calls back.

use std::time::Duration;

use bytes::Bytes;
use http::{Uri, header};
use http_body_util::Full;
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// A host that takes longer is given up on.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Posts the JSON value `true` to this URI after `delay`, once, and prints what came of it.
pub async fn post_true(uri: Uri, delay: Duration) {
    tokio::time::sleep(delay).await;
    match post(&uri).await {
        Ok(status) => println!("called back {uri}: {status}"),
        Err(error) => println!("cannot call back {uri}: {error:#}"),
    }
}

async fn post(uri: &Uri) -> anyhow::Result<http::StatusCode> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let body = Full::new(Bytes::from_static(b"true"));
    let request = Request::post(uri.clone()).header(header::CONTENT_TYPE, "application/json").body(body)?;
    Ok(tokio::time::timeout(TIMEOUT, client.request(request)).await??.status())
}
