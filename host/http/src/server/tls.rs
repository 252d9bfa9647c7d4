//! TLS: the host's certificate and key, read at start and again when their files change.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use longhaul_app::files::given;
use longhaul_app::files::private;

/// How often the files are looked at. Certificates are renewed days before they end.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The files of the settings `tls-certificate` and `tls-key`.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The host's certificate and, behind it, those that lead to an authority, in PEM.
    pub certificate: PathBuf,
    /// The certificate's key, in PEM; its owner's alone.
    pub key: PathBuf,
}

/// The certificate and key that handshakes use.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Loaded>,
}

/// What was in the files when they were last read.
#[derive(Debug)]
struct Loaded {
    identity: Arc<CertifiedKey>,
    /// Of both files: cheaper to keep than a second copy of the key.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read or used, or they do not belong together; the text names the setting and the file.
    pub fn open(files: TlsFiles) -> anyhow::Result<Arc<Self>> {
        let current = RwLock::new(read(&files)?);
        Ok(Arc::new(Self { files, current }))
    }

    /// Makes connections secure. TLS 1.2 and 1.3, HTTP/1.1 behind them.
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        // Named here, not taken from the process: whatever else is linked in must not decide it.
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let config = config.expect("ring has suites for the default versions").with_no_client_auth();
        let mut config = config.with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Reads the files again each minute, and at SIGHUP. New connections use what is there then; files that cannot be used change nothing.
    pub async fn keep_current(self: Arc<Self>) {
        let mut hang_up = match signal(SignalKind::hangup()) {
            Ok(hang_up) => hang_up,
            Err(error) => return tracing::error!(%error, "cannot wait for SIGHUP; a new certificate needs a restart"),
        };
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = hang_up.recv() => {}
            }
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.read_again()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => tracing::info!("a new certificate is in use"),
                Ok(Err(error)) => tracing::warn!("the new certificate is not used, the former one stays: {error:#}"),
                Err(error) => tracing::warn!(%error, "the files of the certificate were not read again"),
            }
        }
    }

    /// Whether there was anything new.
    fn read_again(&self) -> anyhow::Result<bool> {
        let found = read(&self.files)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = found.digest != current.digest;
        *current = found;
        Ok(is_new)
    }
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).identity.clone())
    }
}

/// Makes one connection secure; `None` if the other end does not manage it in time, or the host stops meanwhile.
pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &TlsAcceptor,
    stream: S,
    peer: SocketAddr,
    deadline: Duration,
    mut stopping: watch::Receiver<()>,
) -> Option<TlsStream<S>> {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(deadline, tls.accept(stream)) => shaken,
        // Nothing is ever sent: this ends with the sender.
        _ = stopping.changed() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(%peer, seconds = deadline.as_secs(), "a TLS handshake took too long");
            None
        }
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<Loaded> {
    let (chain, certificate_text) = read_chain(&files.certificate).context("--tls-certificate")?;
    let (key, key_text) = read_key(&files.key).context("--tls-key")?;
    let identity = CertifiedKey::from_der(chain, key, &default_provider()).map_err(|error| match error {
        TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            anyhow!("the key in {} is not that of the first certificate in {}", files.key.display(), files.certificate.display())
        }
        error => anyhow!("cannot use the certificate in {} with the key in {}: {error}", files.certificate.display(), files.key.display()),
    })?;
    let digest = Sha256::new().chain_update(certificate_text).chain_update(key_text).finalize().into();
    Ok(Loaded { identity: Arc::new(identity), digest })
}

fn read_chain(path: &Path) -> anyhow::Result<(Vec<CertificateDer<'static>>, Vec<u8>)> {
    let text = given::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|error| anyhow!("{} is no PEM file: {error}", path.display()))?;
    ensure!(!chain.is_empty(), "{} holds no `BEGIN CERTIFICATE` block; the host's certificate comes first in it", path.display());
    Ok((chain, text))
}

fn read_key(path: &Path) -> anyhow::Result<(PrivateKeyDer<'static>, String)> {
    let text = private::read(path)?.with_context(|| format!("cannot read {}: there is no such file", path.display()))?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes());
    let key = key.map_err(|error| anyhow!("{} holds no private key in PEM without a passphrase: {error}", path.display()))?;
    Ok((key, text))
}

#[cfg(test)]
mod tests;
