//! How the command line talks to a host: one request, one whole answer.

mod tls;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http::header::HOST;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::settings::ServeOptions;
use longhaul_http::auth::Key;
use tls::Tls;

use longhaul_app::files::{given, private};
use longhaul_http::auth::keyring::ADMIN_KEY_FILE;
use longhaul_http::auth::proof::Challenge;
use longhaul_http::authorize::KEY_HEADER;

/// The variable with the key to show.
pub const KEY_VARIABLE: &str = "LONGHAUL_KEY";
/// Longest answer to a challenge, bytes.
const MAX_PROOF_BYTES: usize = 4_096;

/// Which host a command talks to, and how it is let in.
#[derive(Clone, Debug, Args)]
pub struct HostArgs {
    /// Where the host is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7071", global = true)]
    pub host: String,
    /// File in PEM with certificate authorities of your own, which a host with an https address may have its certificate from besides the
    /// system's
    #[arg(long, value_name = "FILE", env = "LONGHAUL_CA_FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// File with the key to show to the host. Without one, the variable LONGHAUL_KEY is used, or the key that the host keeps in its data
    /// folder if --data names the folder of the host that is asked
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The data folder of a host on this machine
    #[arg(long, value_name = "DIR", default_value_os_t = ServeOptions::default().data(), env = "LONGHAUL_DATA", global = true)]
    pub data: PathBuf,
}

/// A host, by the address that `--host` names.
pub struct Client {
    /// Name and port.
    pub authority: String,
    key: KeyToShow,
    tls: Option<Tls>,
}

/// The key to show to a host, and on what condition.
enum KeyToShow {
    None,
    /// The operator has named it for this host.
    Given(Key),
    /// It is that of a data folder, for the host that proves to run on it.
    OfFolder(Key, PathBuf),
}

impl Client {
    /// Reads an address such as `http://127.0.0.1:7071`, and finds the key to show there.
    ///
    /// # Errors
    /// When it is no address of the web, or a key or a file of authorities that was named is none.
    pub fn new(args: &HostArgs) -> anyhow::Result<Self> {
        let host = &args.host;
        let uri: Uri = host.parse().map_err(|error| anyhow!("--host {host} is not a valid URL, such as http://127.0.0.1:7071: {error}"))?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => bail!("--host {host} must begin with http:// or https://"),
        };
        let name = uri.host().with_context(|| format!("--host {host} names no host"))?;
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let tls = is_https.then(|| Tls::new(name, args.ca_file.as_deref())).transpose()?;
        Ok(Self { authority: format!("{name}:{port}"), key: key_for(args, name)?, tls })
    }

    /// Sends a request without a body, and returns the body of an answer that says yes.
    ///
    /// # Errors
    /// As for [`Client::send`], and when the host refuses or the answer is not JSON.
    pub async fn ask(&self, method: Method, path: &str) -> anyhow::Result<Bytes> {
        let (status, body) = self.send(Request::builder().method(method).uri(path).body(Full::default())?).await?;
        if status == StatusCode::NO_CONTENT {
            return Ok(body);
        }
        let answer: serde_json::Value = serde_json::from_slice(&body)
            .with_context(|| format!("{} answered with status {status} and something else than a Longhaul host does", self.authority))?;
        if !status.is_success() {
            bail!("the host refused: {}", answer["Message"].as_str().unwrap_or("it does not say why"));
        }
        Ok(body)
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
        let peer = stream.peer_addr().context("cannot tell which address was reached")?;
        let mut sender = match &self.tls {
            None => sender_on(stream).await?,
            Some(tls) => {
                let secure = tls.connect(stream).await;
                sender_on(secure.with_context(|| format!("cannot speak TLS with {authority}"))?).await?
            }
        };
        request.headers_mut().insert(HOST, HeaderValue::from_str(authority)?);
        let key = self.key_to_show(&mut sender, peer).await?;
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(key.reveal())?;
            value.set_sensitive(true);
            request.headers_mut().insert(KEY_HEADER, value);
        }
        let response = sender.send_request(request).await.with_context(|| self.broken_off())?;
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let what = match (key, &self.key) {
                (Some(_), _) => "refused the key that it was shown".to_owned(),
                (None, KeyToShow::OfFolder(_, folder)) => {
                    format!(
                        "asks for a key, and was not shown the one in {}: it has not proved to be the host of that folder",
                        folder.display()
                    )
                }
                (None, _) => "asks for a key".to_owned(),
            };
            bail!(
                "the host at {authority} {what}; it takes a key for admin. On its own machine name its data folder with --data, which has one \
                 in the file {ADMIN_KEY_FILE}; elsewhere use {KEY_VARIABLE} or --key-file"
            );
        }
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// The key for this connection. That of a data folder is shown to its own host alone: whatever else listens there now must not get it.
    async fn key_to_show(&self, sender: &mut SendRequest<Full<Bytes>>, peer: SocketAddr) -> anyhow::Result<Option<&Key>> {
        let key = match &self.key {
            KeyToShow::None => return Ok(None),
            KeyToShow::Given(key) => return Ok(Some(key)),
            KeyToShow::OfFolder(key, _) => key,
        };
        let challenge = Challenge::generate()?;
        let request = Request::get(format!("/admin/proof/{}", challenge.text())).header(HOST, &self.authority).body(Full::default())?;
        let response = sender.send_request(request).await.with_context(|| self.broken_off())?;
        let body = Limited::new(response.into_body(), MAX_PROOF_BYTES).collect().await;
        let body = body.map_err(|error| anyhow!("{}: {error}", self.broken_off()))?.to_bytes();
        let answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_its_host = challenge.is_met_by(answer["proof"].as_str().unwrap_or_default(), key, peer);
        sender.ready().await.with_context(|| self.broken_off())?;
        Ok(Some(key).filter(|_| is_its_host))
    }

    fn broken_off(&self) -> String {
        let hint = if self.tls.is_none() { "; if it has a certificate, name it by https://" } else { "" };
        format!("the host at {} broke off{hint}", self.authority)
    }
}

async fn sender_on<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the connection, at the latest with the process.
    tokio::spawn(connection);
    Ok(sender)
}

/// The key to show to the host. That in a data folder is for a host on this machine.
fn key_for(args: &HostArgs, name: &str) -> anyhow::Result<KeyToShow> {
    let read = |text: &str, from: &str| Key::parse(text.trim()).map_err(|problem| anyhow!("{from} has no key: {problem}"));
    if let Some(file) = &args.key_file {
        let text = given::read_text(file).with_context(|| format!("cannot read {}", file.display()))?;
        return read(&text, &file.display().to_string()).map(KeyToShow::Given);
    }
    if let Ok(text) = std::env::var(KEY_VARIABLE) {
        return read(&text, KEY_VARIABLE).map(KeyToShow::Given);
    }
    if !is_here(name) {
        return Ok(KeyToShow::None);
    }
    let file = args.data.join(ADMIN_KEY_FILE);
    match private::read(&file) {
        Ok(Some(text)) => Ok(KeyToShow::OfFolder(read(&text, &file.display().to_string())?, args.data.clone())),
        // A host that needs none does not ask for it; one that does says so.
        Ok(None) | Err(_) => Ok(KeyToShow::None),
    }
}

/// Whether a host of this name is on this machine.
fn is_here(name: &str) -> bool {
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
