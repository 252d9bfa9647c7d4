//! Tokens in the addresses that the host hands out: each is good for one instance, for what its address does, and for a time.
//!
//! A token is `lht_` and hexadecimal digits: what it allows (2 bytes), when it was made and when it ends (8 bytes each, milliseconds), and
//! HMAC-SHA256 over all of that and the instance's id. So the host keeps nothing about the addresses that it hands out.
//!
//! An id can be used again, and addresses of the instance that had it before must not lead to the next one. Since every token says when it
//! was made, and every instance when it was started first, no id of a life is needed: a [`Grant`] covers what was there when it was made. Where
//! the host knows the instance it puts the time of its first start in place of its own time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::Timestamp;
use longhaul_engine::clock;
use ring::hmac;

use super::key::{from_hex, hex};

/// How a token begins.
pub const PREFIX: &str = "lht_";
/// Signed before anything else, so that no other use of the secret can ever make a token.
const PURPOSE: &[u8] = b"longhaul link 1\0";
/// Bytes before the signature.
const HEAD_BYTES: usize = 18;
/// Set among the verbs of a token that was made before its instance was there.
const AHEAD: u16 = 1 << 15;
/// How long after such a token its instance may start, milliseconds: the time in which a function makes an address and starts what it leads to.
const AHEAD_LIMIT_MS: u64 = 10 * 60 * 1_000;

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
    ahead: bool,
    rights: Rights,
}

/// The most that a caller may hand on: what it may do itself, and for as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    verbs: u16,
    end: Timestamp,
}

impl Rights {
    /// Everything, for ever: what a key gives.
    pub const ALL: Self = Self { verbs: u16::MAX, end: Timestamp(u64::MAX) };
    /// Nothing.
    pub const NONE: Self = Self { verbs: 0, end: Timestamp(0) };

    /// What `grant` gives for `verb` besides.
    pub fn and(self, grant: Grant, verb: Verb) -> Self {
        Self { verbs: self.verbs | verb as u16, end: self.end.max(grant.end) }
    }

    /// Whether `verb` is among them.
    pub fn allow(self, verb: Verb) -> bool {
        self.verbs & verb as u16 != 0
    }
}

/// What a token that is good allows, but for the question which of the instances it means that had the id one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    made: Timestamp,
    end: Timestamp,
    ahead: bool,
}

impl Grant {
    /// Whether it is for the instance that was started first at `born_at`.
    pub fn covers(self, born_at: Timestamp) -> bool {
        match self.ahead {
            false => born_at <= self.made,
            true => self.made <= born_at && born_at.since(self.made) <= AHEAD_LIMIT_MS,
        }
    }
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
        Self { secret, lifetime, ahead: false, rights: Rights::ALL }
    }

    /// The same for an instance that is not there yet.
    pub fn ahead(self) -> Self {
        Self { ahead: true, ..self }
    }

    /// The same, which hands on no more than `rights`.
    pub fn limited_to(self, rights: Rights) -> Self {
        Self { rights, ..self }
    }

    /// A token for one thing that may be done to one instance.
    pub fn sign(&self, instance: &str, verb: Verb) -> String {
        self.sign_at(instance, verb, clock::now())
    }

    /// The same, made at `now`.
    pub fn sign_at(&self, instance: &str, verb: Verb, now: Timestamp) -> String {
        self.sign_for(instance, verb, now, now)
    }

    /// A token that is made at `now` for the instance that was started first at `born_at`, and for no later one.
    fn sign_for(&self, instance: &str, verb: Verb, born_at: Timestamp, now: Timestamp) -> String {
        let lifetime = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let end = Timestamp(now.0.saturating_add(lifetime)).min(self.rights.end);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + 32);
        let verbs = verb as u16 | if self.ahead { AHEAD } else { 0 };
        bytes.extend(verbs.to_be_bytes());
        bytes.extend(born_at.0.to_be_bytes());
        bytes.extend(end.0.to_be_bytes());
        let signature = hmac::sign(&self.key(), &signed(&bytes, instance));
        bytes.extend(signature.as_ref());
        format!("{PREFIX}{}", hex(&bytes))
    }

    /// What the token grants, if it allows `verb` for an instance of this id now. Whether the signature fits is found out in constant time.
    pub fn check(&self, token: &str, instance: &str, verb: Verb) -> Option<Grant> {
        self.check_at(token, instance, verb, clock::now())
    }

    /// The same at `now`.
    pub fn check_at(&self, token: &str, instance: &str, verb: Verb, now: Timestamp) -> Option<Grant> {
        let bytes = from_hex(token.strip_prefix(PREFIX)?)?;
        let (head, signature) = bytes.split_at_checked(HEAD_BYTES)?;
        hmac::verify(&self.key(), &signed(head, instance), signature).ok()?;
        let verbs = u16::from_be_bytes(head[..2].try_into().ok()?);
        let made = u64::from_be_bytes(head[2..10].try_into().ok()?);
        let ends = u64::from_be_bytes(head[10..].try_into().ok()?);
        (verbs & verb as u16 != 0 && now.0 < ends).then_some(Grant {
            made: Timestamp(made),
            end: Timestamp(ends),
            ahead: verbs & AHEAD != 0,
        })
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
    /// Whether what it puts into an address is for one instance and no later one of the same id.
    pub fn knows_instances(&self) -> bool {
        match self {
            Self::Token(_) => true,
            Self::None | Self::Key(_) => false,
        }
    }

    /// The same for an instance that is not there yet.
    pub fn ahead(self) -> Self {
        match self {
            Self::Token(signer) => Self::Token(signer.ahead()),
            Self::None | Self::Key(_) => self,
        }
    }

    /// The value of `code` in an address, if it has one: for the instance that was started first at `born_at`, or for the one that is there now.
    pub fn code(&self, instance: &str, verb: Verb, born_at: Option<Timestamp>) -> Option<String> {
        match self {
            Self::None => None,
            Self::Key(key) => Some(key.to_string()),
            Self::Token(signer) if !signer.rights.allow(verb) => None,
            Self::Token(signer) => {
                let now = clock::now();
                Some(signer.sign_for(instance, verb, born_at.unwrap_or(now), now))
            }
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
        assert_eq!(check("order-7", Verb::RaiseEvent, 1_099), Some(Grant { made: Timestamp(1_000), end: Timestamp(1_100), ahead: false }));
        assert_eq!(check("order-7", Verb::RaiseEvent, 1_100), None);
        assert_eq!(check("order-7", Verb::Terminate, 1_000), None);
        assert_eq!(check("order-8", Verb::RaiseEvent, 1_000), None);
        assert_eq!(check("ORDER-7", Verb::RaiseEvent, 1_000), None);
    }

    #[test]
    fn a_token_is_for_the_instance_that_was_there_and_not_for_a_later_one_of_its_id() {
        let grant = |signer: LinkSigner| {
            let token = signer.sign_at("a", Verb::Status, Timestamp(5_000));
            signer.check_at(&token, "a", Verb::Status, Timestamp(5_000)).unwrap()
        };
        let covers = |signer, born_at| grant(signer).covers(Timestamp(born_at));
        assert!(covers(signer(1), 0) && covers(signer(1), 5_000) && !covers(signer(1), 5_001));
        let ahead = || signer(1).ahead();
        assert!(covers(ahead(), 5_000) && covers(ahead(), 5_000 + AHEAD_LIMIT_MS));
        assert!(!covers(ahead(), 4_999) && !covers(ahead(), 5_001 + AHEAD_LIMIT_MS));
    }

    #[test]
    fn what_is_handed_on_gives_no_more_than_its_giver_has_and_ends_no_later() {
        let now = clock::now();
        let grant = Grant { made: now, end: Timestamp(now.0 + 50), ahead: false };
        let rights = Rights { end: Timestamp(0), ..Rights::NONE }.and(grant, Verb::Restart);
        let credential = LinkCredential::Token(signer(1).limited_to(rights));
        assert_eq!(credential.code("a", Verb::Status, None), None);
        let code = credential.code("a", Verb::Restart, Some(Timestamp(7))).unwrap();
        let handed_on = signer(1).check_at(&code, "a", Verb::Restart, now).unwrap();
        assert_eq!(handed_on, Grant { made: Timestamp(7), end: grant.end, ahead: false });
        assert!(handed_on.covers(Timestamp(7)) && !handed_on.covers(Timestamp(8)));
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
