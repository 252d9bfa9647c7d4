//! Deployments and the bytes of their components, and what every store checks before it takes one.

use longhaul_core::{DeploymentId, Sha256, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Error, StoreFuture};

/// One immutable version of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Its number.
    pub id: DeploymentId,
    /// The app's name.
    pub app: String,
    /// The manifest as it was sent, TOML.
    pub manifest: String,
    /// Each component that the manifest names, by its file name, and the SHA-256 of its bytes (64
    /// lower-case hexadecimal digits).
    pub components: Vec<(String, String)>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// Deployments and the bytes of their components.
pub trait Deployments: Send + Sync {
    /// Stores components that are not there yet, stores the deployment under the next number (the
    /// `id` given is ignored) and makes it current, all in one transaction.
    ///
    /// # Errors
    /// [`Error::Refused`] when bytes do not have the digest given for them, or when the deployment
    /// names a component that is neither given nor stored.
    fn deploy(&self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> StoreFuture<'_, DeploymentId>;

    /// The deployment that new instances begin on.
    fn current(&self) -> StoreFuture<'_, Option<Deployment>>;

    /// One deployment.
    fn deployment(&self, id: DeploymentId) -> StoreFuture<'_, Option<Deployment>>;

    /// All deployments, newest first.
    fn deployments(&self) -> StoreFuture<'_, Vec<Deployment>>;

    /// The bytes of a component.
    fn component(&self, sha256: &str) -> StoreFuture<'_, Option<Vec<u8>>>;
}

/// Checks that each component's bytes have the digest given for them. Hashing takes milliseconds
/// per component, so callers do it before they enter the store's only writing thread.
pub(crate) fn check_digests(components: &[(String, Vec<u8>)]) -> Result<(), Error> {
    for (sha256, bytes) in components {
        let actual = Sha256::of(bytes).to_string();
        if actual != *sha256 {
            return Err(Error::Refused(format!("component bytes given for sha256 {sha256} have the digest {actual}")));
        }
    }
    Ok(())
}

/// Says which component a deployment names without anyone having its bytes.
pub(crate) fn missing_component(name: &str, sha256: &str) -> Error {
    Error::Refused(format!("the deployment names component '{name}' with sha256 {sha256}, which is neither given nor stored"))
}
