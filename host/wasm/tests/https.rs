//! HTTPS requests of guests: which certificates they trust, and what the error says about others.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use longhaul_core::{Failure, InstanceId, Payload, TaskId};
use longhaul_wasm::{ActivityContext, AllowedHosts, AppEnvironment, Config, Error, Runtime};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use support::{Lines, activity, config, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A certificate authority of a test, and the file that names it.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Starts a server whose certificate is for `localhost` and 127.0.0.1, as `change` changes it.
    /// It answers with the request's path and the protocol that was agreed on.
    async fn server(&self, change: impl FnOnce(&mut CertificateParams)) -> SocketAddr {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        serve(certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap()).await
    }
}

async fn serve(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate hangs up here.
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let agreed = stream.get_ref().1.alpn_protocol().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                let answer = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let text = format!("{} {agreed}", request.uri().path());
                    async move { Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(Bytes::from(text)))) }
                });
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    address
}

fn trusting(authority: Option<&Authority>) -> Config {
    Config { outbound_ca_file: authority.map(Authority::file), ..config() }
}

async fn get(config: Config, host: &str) -> Result<Payload, Failure> {
    let runtime = Runtime::new(config).unwrap();
    let environment = AppEnvironment { allowed_hosts: AllowedHosts::parse([host]).unwrap(), ..AppEnvironment::default() };
    let instance_id = InstanceId::trusted("test-1");
    let context =
        ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout: None };
    activity(&runtime).run(context, Payload::string(&format!("get {host}/x")), Arc::new(environment)).await.unwrap()
}

/// The error code that the guest got, and what its log says.
async fn refusal(authority: Option<&Authority>, host: &str) -> (String, String) {
    let lines = Arc::new(Lines::default());
    let failure = get(Config { log: lines.clone(), ..trusting(authority) }, host).await.unwrap_err();
    (failure.error_type, lines.all().join("\n"))
}

#[tokio::test]
async fn a_server_of_an_authority_of_the_operators_own_is_trusted_by_name_and_by_address() {
    let authority = Authority::new("ours");
    let port = authority.server(|_| {}).await.port();
    for host in [format!("https://localhost:{port}"), format!("https://127.0.0.1:{port}")] {
        assert_eq!(get(trusting(Some(&authority)), &host).await, Ok(json("\"200 /x http/1.1\"")), "{host}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let host = format!("https://localhost:{}", authority.server(|_| {}).await.port());
    for trusted in [None, Some(&other)] {
        let (code, log) = refusal(trusted, &host).await;
        assert_eq!(code, "TlsCertificateError");
        assert!(log.contains(&format!("request to {host} failed")) && log.contains("UnknownIssuer"), "{log}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let authority = Authority::new("ours");
    let port =
        authority.server(|params| params.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into().unwrap())]).await.port();
    for host in [format!("https://localhost:{port}"), format!("https://127.0.0.1:{port}")] {
        let (code, log) = refusal(Some(&authority), &host).await;
        assert_eq!(code, "TlsCertificateError");
        assert!(log.contains("not valid for name") || log.contains("NotValidForName"), "{log}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_not_accepted() {
    let authority = Authority::new("ours");
    let expired = authority.server(|params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let host = format!("https://localhost:{}", expired.await.port());
    let (code, log) = refusal(Some(&authority), &host).await;
    assert_eq!(code, "TlsCertificateError");
    assert!(log.to_lowercase().contains("expired"), "{log}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_protocol_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let (code, log) = refusal(None, &host).await;
    assert_eq!(code, "TlsProtocolError", "{log}");
}

#[tokio::test]
async fn a_plain_entry_does_not_allow_the_same_port_by_https() {
    let authority = Authority::new("ours");
    let port = authority.server(|_| {}).await.port();
    let runtime = Runtime::new(trusting(Some(&authority))).unwrap();
    let allowed_hosts = AllowedHosts::parse([format!("http://localhost:{port}")]).unwrap();
    let environment = Arc::new(AppEnvironment { allowed_hosts, ..AppEnvironment::default() });
    let instance_id = InstanceId::trusted("test-1");
    let context =
        ActivityContext { name: "Test".into(), instance_id, task: TaskId(3), attempt: 1, idempotency_key: "key".into(), timeout: None };
    let input = Payload::string(&format!("get https://localhost:{port}/x"));
    let failure = activity(&runtime).run(context, input, environment).await.unwrap().unwrap_err();
    assert_eq!(failure.error_type, "HttpRequestDenied");
}

#[test]
fn a_file_without_certificates_refuses_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty, broken) = (folder.path().join("missing"), folder.path().join("empty"), folder.path().join("broken"));
    std::fs::write(&empty, "no certificate").unwrap();
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for (file, reason) in [(missing, "No such file"), (empty, "holds no `BEGIN CERTIFICATE`"), (broken, "cannot be used")] {
        let outcome = Runtime::new(Config { outbound_ca_file: Some(file.clone()), ..config() });
        let Some(error @ Error::Certificates { .. }) = outcome.err() else { panic!("{} was taken", file.display()) };
        assert!(error.to_string().contains(reason) && error.to_string().contains(&file.display().to_string()), "{error}");
    }
}
