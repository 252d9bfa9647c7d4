//! What every store checks before it takes a deployment.

use sha2::{Digest, Sha256};

use crate::contract::Error;

/// Checks that each component's bytes have the digest given for them. Hashing takes milliseconds per component, so callers do it
/// before they enter the store's only writing thread.
pub(crate) fn check_digests(components: &[(String, Vec<u8>)]) -> Result<(), Error> {
    for (sha256, bytes) in components {
        let actual = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
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
