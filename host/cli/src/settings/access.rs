//! Settings that say who is let in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};

use super::{ServeConfig, ServeOptions};
use longhaul_http::auth::{AccessConfig, AuthMode};
use longhaul_http::server::is_loopback;
use longhaul_http::server::tls::TlsFiles;

const MAX_LINK_LIFETIME_HOURS: u64 = 100 * 366 * 24;

impl ServeConfig {
    /// Whether callers need keys: what the operator said, or, where that is nothing, whatever keeps others out.
    ///
    /// # Errors
    /// When everybody could do everything, and nobody has said that this is meant.
    pub fn auth(&self, listening_on: SocketAddr) -> anyhow::Result<AuthMode> {
        let is_alone = is_loopback(listening_on) && self.http.public_url.is_none() && !self.http.use_forwarded_host;
        let auth = self.access.auth.unwrap_or(if is_alone { AuthMode::None } else { AuthMode::Keys });
        ensure!(
            auth == AuthMode::Keys || is_loopback(listening_on) || self.access.allow_unauthenticated,
            "with --auth none every caller that reaches {listening_on} could start, read and end instances; leave --auth out, listen on \
             127.0.0.1, or say --allow-unauthenticated if that is meant"
        );
        Ok(auth)
    }
}

fn link_lifetime_hours(hours: u64) -> anyhow::Result<u64> {
    ensure!((1..=MAX_LINK_LIFETIME_HOURS).contains(&hours), "--link-lifetime-hours is {hours}; it is 1 to {MAX_LINK_LIFETIME_HOURS}");
    Ok(hours)
}

/// Both files or neither.
pub(super) fn tls_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> anyhow::Result<Option<TlsFiles>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("--tls-certificate is given without --tls-key, the file with its key"),
        (None, Some(_)) => bail!("--tls-key is given without --tls-certificate, the file with its certificate"),
    }
}

/// Puts defaults where nothing was said.
pub(super) fn resolve(options: &ServeOptions) -> anyhow::Result<AccessConfig> {
    Ok(AccessConfig {
        auth: options.auth.map(Into::into),
        allow_unauthenticated: options.allow_unauthenticated(),
        links: options.links.map(Into::into).unwrap_or_default(),
        link_lifetime: Duration::from_secs(3_600 * link_lifetime_hours(options.link_lifetime_hours())?),
        host_names: options.host_name.clone().unwrap_or_default(),
    })
}
