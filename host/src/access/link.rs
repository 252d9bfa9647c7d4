//! Tokens in the addresses that the host hands out: each is good for one instance, for what its address does, and for a time.
//!
//! A token is `lht_` and hexadecimal digits: what it allows (2 bytes), when it was made and when it ends (8 bytes each, milliseconds), and
//! HMAC-SHA256 over all of that and the instance's id. So the host keeps nothing about the addresses that it hands out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::Timestamp;
use ring::hmac;

use super::key::{from_hex, hex};
use crate::clock;

/// How a token begins.
pub const PREFIX: &str = "lht_";
/// Signed before anything else, so that no other use of the secret can ever make a token.
const PURPOSE: &[u8] = b"longhaul link 1\0";
/// Bytes before the signature.
const HEAD_BYTES: usize = 18;

/// What an address does to its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Verb {
    /// Shows it.
    Status = 1,
    /// Raises an event.
    RaiseEvent = 2,
    /// Ends it.
    Terminate = 4,
    /// Takes it back to before its failure.
    Rewind = 8,
    /// Removes it.
    Purge = 16,
    /// Starts it again.
    Restart = 32,
    /// Holds it.
    Suspend = 64,
    /// Lets it go on.
    Resume = 128,
}

/// Makes and checks tokens.
#[derive(Clone)]
pub struct LinkSigner {
    secret: Arc<[u8]>,
    lifetime: Duration,
}

/// What goes into the addresses of an instance.
#[derive(Clone)]
pub enum LinkCredential {
    /// Nothing: the host asks for no keys.
    None,
    /// The same key everywhere.
    Key(Arc<str>),
    /// A token for each address.
    Token(LinkSigner),
}

impl LinkSigner {
    /// Signs with `secret`; what it signs is good for `lifetime`.
    pub fn new(secret: Arc<[u8]>, lifetime: Duration) -> Self {
        Self { secret, lifetime }
    }

    /// A token for one thing that may be done to one instance.
    pub fn sign(&self, instance: &str, verb: Verb) -> String {
        self.sign_at(instance, verb, clock::now())
    }

    fn sign_at(&self, instance: &str, verb: Verb, now: Timestamp) -> String {
        let lifetime = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 32);
        bytes.extend((verb as u16).to_be_bytes());
        bytes.extend(now.0.to_be_bytes());
        bytes.extend(now.0.saturating_add(lifetime).to_be_bytes());
        let signature = hmac::sign(&self.key(), &signed(&bytes, instance));
        bytes.extend(signature.as_ref());
        format!("{PREFIX}{}", hex(&bytes))
    }

    /// When the token was made, if it allows `verb` for `instance` now. Whether the signature fits is found out in constant time.
    pub fn check(&self, token: &str, instance: &str, verb: Verb) -> Option<Timestamp> {
        self.check_at(token, instance, verb, clock::now())
    }

    fn check_at(&self, token: &str, instance: &str, verb: Verb, now: Timestamp) -> Option<Timestamp> {
        let bytes = from_hex(token.strip_prefix(PREFIX)?)?;
        let (head, signature) = bytes.split_at_checked(HEAD_BYTES)?;
        hmac::verify(&self.key(), &signed(head, instance), signature).ok()?;
        let verbs = u16::from_be_bytes(head[..2].try_into().ok()?);
        let made = u64::from_be_bytes(head[2..10].try_into().ok()?);
        let ends = u64::from_be_bytes(head[10..].try_into().ok()?);
        (verbs & verb as u16 != 0 && now.0 < ends).then_some(Timestamp(made))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.secret)
    }
}

/// The id comes last, and everything before it has a fixed length: no two tokens sign the same bytes.
fn signed(head: &[u8], instance: &str) -> Vec<u8> {
    [PURPOSE, head, instance.as_bytes()].concat()
}

impl LinkCredential {
    /// The value of `code` in an address, if it has one.
    pub fn code(&self, instance: &str, verb: Verb) -> Option<String> {
        match self {
            Self::None => None,
            Self::Key(key) => Some(key.to_string()),
            Self::Token(signer) => Some(signer.sign(instance, verb)),
        }
    }
}

/// Says which kind it is, and no secret.
impl fmt::Debug for LinkCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Key(_) => "Key(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: u8) -> LinkSigner {
        LinkSigner::new(vec![secret; 32].into(), Duration::from_millis(100))
    }

    #[test]
    fn a_token_is_good_for_its_instance_its_verb_and_its_time() {
        let token = signer(1).sign_at("order-7", Verb::RaiseEvent, Timestamp(1_000));
        let check = |instance: &str, verb, now| signer(1).check_at(&token, instance, verb, Timestamp(now));
        assert_eq!(check("order-7", Verb::RaiseEvent, 1_099), Some(Timestamp(1_000)));
        assert_eq!(check("order-7", Verb::RaiseEvent, 1_100), None);
        assert_eq!(check("order-7", Verb::Terminate, 1_000), None);
        assert_eq!(check("order-8", Verb::RaiseEvent, 1_000), None);
        assert_eq!(check("ORDER-7", Verb::RaiseEvent, 1_000), None);
    }

    #[test]
    fn a_token_of_another_secret_or_with_any_other_digit_is_worthless() {
        let token = signer(1).sign_at("a", Verb::Status, Timestamp(1_000));
        assert_eq!(signer(2).check_at(&token, "a", Verb::Status, Timestamp(1_000)), None);
        for at in PREFIX.len()..token.len() {
            let other = if &token[at..=at] == "0" { "1" } else { "0" };
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(signer(1).check_at(&changed, "a", Verb::Status, Timestamp(1_000)), None, "digit {at}");
        }
        for bad in ["", PREFIX, &token[..token.len() - 2], &format!("{token}00")] {
            assert_eq!(signer(1).check_at(bad, "a", Verb::Status, Timestamp(1_000)), None, "{bad}");
        }
    }
}
