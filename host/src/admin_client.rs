//! How the command line talks to a host: one request, one whole answer.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::access::keyring::ADMIN_KEY_FILE;
use crate::access::{Key, private_file};
use crate::address_file;
use crate::cli::HostArgs;
use crate::given_file;
use crate::http::access::KEY_HEADER;

/// The variable with the key to show.
pub const KEY_VARIABLE: &str = "LONGHAUL_KEY";

/// A host, by the address that `--host` names.
pub struct AdminClient {
    /// Name and port.
    pub authority: String,
    key: Option<Key>,
    tls: Option<Tls>,
}

/// How the host proves that it is the one that was meant.
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl AdminClient {
    /// Reads an address such as `http://127.0.0.1:7071`, and finds the key to show there.
    ///
    /// # Errors
    /// When it is no address of the web, or a key or a file of authorities that was named is none.
    pub fn new(args: &HostArgs) -> anyhow::Result<Self> {
        let host = &args.host;
        let uri: Uri = host.parse().map_err(|error| anyhow!("--host {host} is no address: {error}"))?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("--host {host} must begin with http:// or https://"),
        };
        let name = uri.host().with_context(|| format!("--host {host} names no host"))?;
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let tls = is_https.then(|| Tls::new(name, args.ca_file.as_deref())).transpose()?;
        Ok(Self { authority: format!("{name}:{port}"), key: key_for(args, name, port)?, tls })
    }

    /// Sends a request whose address is a path.
    ///
    /// # Errors
    /// When the host cannot be reached, breaks off, or wants another key.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
        let authority = &self.authority;
        let stream = TcpStream::connect(authority)
            .await
            .with_context(|| format!("cannot reach the host at {authority}; is `longhaul serve` running?"))?;
        let mut sender = match &self.tls {
            None => sender_on(stream).await?,
            Some(Tls { connector, name }) => {
                let secure = connector.connect(name.clone(), stream).await;
                sender_on(secure.with_context(|| format!("cannot speak TLS with {authority}"))?).await?
            }
        };
        request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
        if let Some(key) = &self.key {
            let mut value = HeaderValue::from_str(key.reveal())?;
            value.set_sensitive(true);
            request.headers_mut().insert(KEY_HEADER, value);
        }
        let response = sender.send_request(request).await.with_context(|| self.broken_off())?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let what = if self.key.is_some() { "refused the key that it was shown" } else { "asks for a key" };
            bail!(
                "the host at {authority} {what}; it takes a key for admin. On its own machine name its data folder with --data, which has one \
                 in the file {ADMIN_KEY_FILE}; elsewhere use {KEY_VARIABLE} or --key-file"
            );
        }
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    fn broken_off(&self) -> String {
        let hint = if self.tls.is_none() { "; if it has a certificate, name it by https://" } else { "" };
        format!("the host at {} broke off{hint}", self.authority)
    }
}

impl Tls {
    fn new(name: &str, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let config = longhaul_wasm::tls_client_config(ca_file)?;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).with_context(|| format!("'{name}' can be no name in a certificate"))?;
        Ok(Self { connector: TlsConnector::from(config), name })
    }
}

async fn sender_on<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the connection, at the latest with the process.
    tokio::spawn(connection);
    Ok(sender)
}

/// The key to show to the host. That in a data folder is shown only to the host that says that the folder is its own.
fn key_for(args: &HostArgs, name: &str, port: u16) -> anyhow::Result<Option<Key>> {
    let read = |text: &str, from: &str| Key::parse(text.trim()).map(Some).map_err(|problem| anyhow!("{from} has no key: {problem}"));
    if let Some(file) = &args.key_file {
        let text = given_file::read_text(file).with_context(|| format!("cannot read {}", file.display()))?;
        return read(&text, &file.display().to_string());
    }
    if let Ok(text) = std::env::var(KEY_VARIABLE) {
        return read(&text, KEY_VARIABLE);
    }
    let file = args.data.join(ADMIN_KEY_FILE);
    if !is_of(&args.data, name, port) {
        return Ok(None);
    }
    match private_file::read(&file) {
        Ok(Some(text)) => read(&text, &file.display().to_string()),
        // A host that asks for no keys needs none; one that does says so.
        Ok(None) | Err(_) => Ok(None),
    }
}

/// Whether the host at `name` and `port` is the one that runs on the data in `folder`.
fn is_of(folder: &Path, name: &str, port: u16) -> bool {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_here = name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_here && address_file::port_of(folder) == Some(port)
}
