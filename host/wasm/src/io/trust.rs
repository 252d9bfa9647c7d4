//! Which certificates outgoing requests trust: the system's list of authorities, and a file of the
//! operator's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use crate::error::Error;

/// The authorities that are trusted. The system's list is read when the first HTTPS request is
/// made: that takes some milliseconds, which a host without such requests need not spend.
pub(crate) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    /// The system's list and the certificates of `ca_file`, a file in PEM.
    ///
    /// # Errors
    /// [`Error::Certificates`] when the file cannot be read, or holds none or one that is no
    /// authority's.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, Error> {
        let extra = ca_file.map(read_ca_file).transpose()?.unwrap_or_default();
        Ok(Self { extra, tls: OnceCell::new() })
    }

    /// The TLS settings of a connection.
    pub async fn tls(&self) -> Arc<ClientConfig> {
        let make = || async {
            let extra = self.extra.clone();
            // Reads files, often more than a hundred certificates.
            let made = tokio::task::spawn_blocking(move || client_config(extra)).await;
            made.unwrap_or_else(|_panic| client_config(self.extra.clone()))
        };
        self.tls.get_or_init(make).await.clone()
    }
}

/// The TLS settings of the host's own connections: they trust the system's list and the
/// certificates of `ca_file`, a file in PEM. Reads files.
///
/// # Errors
/// [`Error::Certificates`] when the file cannot be read, or holds none or one that is no
/// authority's.
pub fn tls_client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    Ok(client_config(ca_file.map(read_ca_file).transpose()?.unwrap_or_default()))
}

fn read_ca_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refused = |reason: String| Error::Certificates { path: PathBuf::from(path), reason };
    // A pipe would make the host wait for a writer that may never come.
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(refused("it is no regular file, but a folder, a pipe or a device".into()));
    }
    let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| refused(error.to_string()))?;
    if found.is_empty() {
        return Err(refused("it holds no `BEGIN CERTIFICATE` block".into()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in &found {
        roots.add(certificate.clone()).map_err(|error| refused(format!("one of its certificates cannot be used: {error}")))?;
    }
    Ok(found)
}

fn client_config(extra: Vec<CertificateDer<'static>>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // The operator's file was checked at start.
    let (_, refused) = roots.add_parsable_certificates(extra);
    debug_assert_eq!(refused, 0);
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "a part of the system's list of certificate authorities cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    if roots.is_empty() {
        tracing::error!(
            "no certificate authority is known, so no https request can succeed; install the system's list or give a file of authorities"
        );
    }
    // Named here, not taken from the process: whatever else is linked in must not decide it.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("ring has suites for the default versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
