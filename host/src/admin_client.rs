//! How the command line talks to a host: one request, one whole answer.

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A host, by the address that `--host` names.
pub struct AdminClient {
    /// Name and port.
    pub authority: String,
}

impl AdminClient {
    /// Reads an address such as `http://127.0.0.1:7071`.
    ///
    /// # Errors
    /// When it is none, or is not plain HTTP.
    pub fn new(host: &str) -> anyhow::Result<Self> {
        let uri: Uri = host.parse().map_err(|error| anyhow!("--host {host} is no address: {error}"))?;
        ensure!(uri.scheme_str() == Some("http"), "--host {host} must begin with http://; for another machine use an SSH tunnel");
        let name = uri.host().with_context(|| format!("--host {host} names no host"))?;
        Ok(Self { authority: format!("{name}:{}", uri.port_u16().unwrap_or(80)) })
    }

    /// Sends a request whose address is a path.
    ///
    /// # Errors
    /// When the host cannot be reached or breaks off.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let authority = &self.authority;
        let stream = TcpStream::connect(authority)
            .await
            .with_context(|| format!("cannot reach the host at {authority}; is `longhaul serve` running?"))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the connection, at the latest with the process.
        tokio::spawn(connection);
        request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
        let response = sender.send_request(request).await.with_context(|| format!("the host at {authority} broke off"))?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
