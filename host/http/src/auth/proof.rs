//! How a host proves that it runs on a data folder, to a command that has the administrator's key from there and has not shown it yet.
//!
//! Both know the key's digest: the host from its database, the command from the key. The proof is bound to the address that the command has
//! connected to, so that another program cannot pass it on from the host.

use std::net::SocketAddr;

use ring::hmac;

use super::key::{Key, digest_of, from_hex, hex, random};

/// Signed before anything else, so that no other use of a digest can ever make a proof.
const PURPOSE: &[u8] = b"longhaul proof 1\0";
/// Bytes of a challenge.
const CHALLENGE_BYTES: usize = 32;

/// What is to be signed: never the same twice.
pub struct Challenge([u8; CHALLENGE_BYTES]);

impl Challenge {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> std::io::Result<Self> {
        random().map(Self)
    }

    /// Reads one: 64 hexadecimal digits in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(from_hex(text)?.try_into().ok()?))
    }

    /// As [`parse`](Self::parse) reads it.
    pub fn text(&self) -> String {
        hex(&self.0)
    }

    /// The proof of a host that knows the digest of a key and was reached at `address`.
    pub(super) fn proof(&self, digest: &[u8; 32], address: SocketAddr) -> String {
        hex(hmac::sign(&hmac_key(digest), &self.signed(address)).as_ref())
    }

    /// Whether a proof is that of a host that knows `key` and is reached at `address`. Takes the same time for every proof of the right length.
    pub fn is_met_by(&self, proof: &str, key: &Key, address: SocketAddr) -> bool {
        let proof = from_hex(proof).unwrap_or_default();
        hmac::verify(&hmac_key(&digest_of(key.reveal())), &self.signed(address), &proof).is_ok()
    }

    fn signed(&self, address: SocketAddr) -> Vec<u8> {
        // The same address by IPv4 and by IPv4 within IPv6 is one.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port()).to_string();
        [PURPOSE, &self.0, address.as_bytes()].concat()
    }
}

fn hmac_key(digest: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::KeyKind;

    #[test]
    fn a_proof_is_for_one_challenge_one_key_and_one_address() {
        let key = Key::generate(KeyKind::Admin).unwrap();
        let (challenge, here): (_, SocketAddr) = (Challenge::generate().unwrap(), "127.0.0.1:7071".parse().unwrap());
        let proof = Challenge::parse(&challenge.text()).unwrap().proof(&digest_of(key.reveal()), here);
        assert!(challenge.is_met_by(&proof, &key, here));
        assert!(challenge.is_met_by(&proof, &key, "[::ffff:127.0.0.1]:7071".parse().unwrap()));
        assert!(!challenge.is_met_by(&proof, &key, "127.0.0.2:7071".parse().unwrap()));
        assert!(!challenge.is_met_by(&proof, &key, "127.0.0.1:7072".parse().unwrap()));
        assert!(!challenge.is_met_by(&proof, &Key::generate(KeyKind::Admin).unwrap(), here));
        assert!(!Challenge::generate().unwrap().is_met_by(&proof, &key, here));
        assert!(!challenge.is_met_by("", &key, here) && Challenge::parse("00").is_none());
    }
}
