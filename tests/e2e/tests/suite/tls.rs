//! A host with a certificate: https works, and who does not manage a handshake harms nobody.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use e2e::{Apps, Program, compiled_cache, eventually, longhaul_command};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const LIMIT: Duration = Duration::from_secs(60);
const MANAGEMENT: &str = "/runtime/webhooks/durabletask";

/// A host that speaks https, and the folder with its certificate, key and data.
struct SecureHost {
    program: Program,
    address: SocketAddr,
    folder: TempDir,
}

impl SecureHost {
    async fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        renew(&folder);
        let mut command = longhaul_command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--app"]).arg(Apps::hello_cities().path());
        command.arg("--tls-certificate").arg(folder.path().join("certificate.pem")).arg("--tls-key").arg(folder.path().join("key.pem"));
        command.arg("--data").arg(folder.path().join("data")).arg("--compiled-cache").arg(compiled_cache()).args(arguments);
        if !arguments.iter().any(|argument| argument.starts_with("--rpc-port")) {
            command.arg("--rpc-port=off");
        }
        let mut program = Program::spawn("the host", command, &folder.path().join("stderr.log"));
        let origin = program.line_after("Longhaul listens on ", LIMIT * 3).await.unwrap_or_else(|exit| panic!("it ended with {exit}"));
        let address = origin.strip_prefix("https://").and_then(|text| text.parse().ok());
        Self { program, address: address.unwrap_or_else(|| panic!("it listens on {origin}")), folder }
    }

    /// What the host answers by https: status and body.
    async fn ask(&self, method: &str, path: &str) -> anyhow::Result<(u16, String)> {
        let (status, body, _) = self.ask_trusting(&self.certificate(), method, path).await?;
        Ok((status, body))
    }

    /// The same, with a client that believes in one certificate; says which one the host has shown.
    async fn ask_trusting(
        &self,
        trusted: &CertificateDer<'static>,
        method: &str,
        path: &str,
    ) -> anyhow::Result<(u16, String, CertificateDer<'static>)> {
        let exchange = async {
            let stream = TcpStream::connect(self.address).await?;
            let stream = connector(trusted.clone()).connect(ServerName::try_from("localhost")?, stream).await?;
            let shown = stream.get_ref().1.peer_certificates().expect("the host shows one")[0].clone();
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let host = format!("localhost:{}", self.address.port());
            let request = Request::builder().method(method).uri(path).header("host", host).body(Full::new(Bytes::new()))?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok((head.status.as_u16(), String::from_utf8_lossy(&body).into_owned(), shown.into_owned()))
        };
        tokio::time::timeout(LIMIT, exchange).await?
    }

    async fn expect_well(&self) {
        let (status, body) = self.ask("GET", "/healthz").await.expect("the host answers by https");
        assert_eq!(status, 200, "{body}");
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.certificate_file()).expect("a certificate")
    }

    fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    fn command(&self, host: &str, arguments: &[&str]) -> Command {
        let mut command = longhaul_command();
        command.args(arguments).arg("--host").arg(host).arg("--data").arg(self.folder.path().join("data"));
        command
    }
}

fn connector(trusted: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).expect("a certificate that can be trusted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("ring has them");
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Puts a new certificate and its key where the host looks for them.
fn renew(folder: &TempDir) {
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).expect("names").self_signed(&key).expect("a certificate");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
    };
    write("certificate.pem", &certificate.pem());
    write("key.pem", &key.serialize_pem());
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn addresses_that_are_handed_out_say_https_and_lead_to_the_instance() {
    let host = SecureHost::start(&["--rpc-port=0"]).await;
    let (status, body) = host.ask("POST", &format!("{MANAGEMENT}/orchestrators/HelloSequence")).await.unwrap();
    assert_eq!(status, 202, "{body}");
    let payload: Value = serde_json::from_str(&body).unwrap();
    let origin = format!("https://localhost:{}", host.address.port());
    for (name, address) in payload.as_object().unwrap().iter().filter(|(name, _)| *name != "id") {
        assert!(address.as_str().unwrap().starts_with(&format!("{origin}{MANAGEMENT}/instances/")), "{name}: {address}");
    }
    let path = payload["statusQueryGetUri"].as_str().unwrap().strip_prefix(&origin).unwrap().to_owned();
    eventually("the instance to end", LIMIT, || async {
        let (status, body) = host.ask("GET", &path).await.map_err(|error| format!("{error:#}"))?;
        if status == 200 { Ok(()) } else { Err(body) }
    })
    .await;
    // Local RPC is for this machine alone, and plain; what it hands out leads to the listener for everybody.
    let rpc =
        host.program.stdout().iter().find_map(|line| line.strip_prefix("Local RPC for client libraries: ").map(str::to_owned)).unwrap();
    let started = e2e::Http::default().send(http::Method::POST, &format!("{rpc}orchestrators/HelloSequence")).await.expect(202).json();
    let address = started["statusQueryGetUri"].as_str().unwrap();
    assert!(address.starts_with(&format!("https://127.0.0.1:{}{MANAGEMENT}", host.address.port())), "{address}");
}

#[tokio::test]
async fn the_command_line_talks_to_a_host_by_https_if_it_trusts_its_certificate() {
    let host = SecureHost::start(&["--auth=keys"]).await;
    let origin = format!("https://localhost:{}", host.address.port());
    let certificate = host.certificate_file();
    let listed = host.command(&origin, &["keys", "list"]).arg("--ca-file").arg(&certificate).output().unwrap();
    assert!(listed.status.success() && text(&listed).contains("default"), "{}", text(&listed));
    let unknown = host.command(&origin, &["keys", "list"]).output().unwrap();
    assert!(!unknown.status.success() && text(&unknown).contains("UnknownIssuer"), "{}", text(&unknown));
    let plain = host.command(&origin.replace("https", "http"), &["keys", "list"]).output().unwrap();
    assert!(!plain.status.success() && text(&plain).contains("https://"), "{}", text(&plain));
}

#[tokio::test]
async fn plain_http_is_not_answered_where_the_host_speaks_https() {
    let host = SecureHost::start(&[]).await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // Closed at once, in order or not.
    let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut said)).await.expect("the host closes the connection");
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/"), "{said:?}");
    host.expect_well().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_counts_as_a_connection_and_is_given_up() {
    let host = SecureHost::start(&["--header-deadline-seconds=2", "--max-connections=2"]).await;
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        // How a handshake begins, and no more.
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        stalled.push(stream);
    }
    // There are no other places: this is answered once the two have lost theirs.
    host.expect_well().await;
    for mut stream in stalled {
        let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut Vec::new())).await.expect("the host closes the connection");
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_does_not_keep_the_host_from_stopping() {
    let mut host = SecureHost::start(&["--drain-deadline-seconds=600", "--header-deadline-seconds=600"]).await;
    let mut stalled = TcpStream::connect(host.address).await.unwrap();
    stalled.write_all(&[0x16, 3, 1]).await.unwrap();
    // Connections are accepted in their order, so the first is being served once this one is.
    host.expect_well().await;
    host.program.terminate();
    assert!(host.program.ended(LIMIT).await.success());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_bad_one_is_not() {
    let host = SecureHost::start(&[]).await;
    let first = host.certificate();
    std::fs::write(host.folder.path().join("key.pem"), "none").unwrap();
    host.program.signal("HUP");
    eventually("the host to refuse the key", LIMIT, || async {
        let log = host.program.stderr();
        if log.contains("the former one stays") { Ok(()) } else { Err(log) }
    })
    .await;
    host.ask_trusting(&first, "GET", "/healthz").await.expect("the first certificate is still in use");
    renew(&host.folder);
    host.program.signal("HUP");
    let shown = eventually("the new certificate", LIMIT, || async {
        let asked = host.ask_trusting(&host.certificate(), "GET", "/healthz").await;
        asked.map(|(_, _, shown)| shown).map_err(|error| format!("{error:#}"))
    })
    .await;
    assert!(shown != first && shown == host.certificate());
}
