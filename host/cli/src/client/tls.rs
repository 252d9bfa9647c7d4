//! TLS to a host: which certificates the command line trusts, and which name it expects.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use longhaul_app::files::given;

/// How a connection makes sure that the other end is the host that was named.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// For the host of this name or address. Trusts the system's authorities and those in `ca_file`,
    /// a file in PEM.
    ///
    /// # Errors
    /// When the file cannot be used, or no certificate can have this name.
    pub(super) fn new(name: &str, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let config = client_config(ca_file)?;
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).with_context(|| format!("'{name}' can be no name in a certificate"))?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Speaks TLS over a connection.
    ///
    /// # Errors
    /// When the other end does not speak TLS, or its certificate is not trusted.
    pub(super) async fn connect(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn client_config(ca_file: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = ca_file {
        add_authorities(&mut roots, file).with_context(|| format!("cannot use the certificate authorities in {}", file.display()))?;
    }
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a part of the system's list of certificate authorities cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    ensure!(!roots.is_empty(), "no certificate authority is known; install the system's list or name a file of authorities with --ca-file");
    // Named here, not taken from the process: whatever else is linked in must not decide it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn add_authorities(roots: &mut RootCertStore, file: &Path) -> anyhow::Result<()> {
    let pem = given::read(file)?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?).context("one of its certificates cannot be used")?;
    }
    ensure!(roots.len() > before, "it holds no `BEGIN CERTIFICATE` block");
    Ok(())
}
