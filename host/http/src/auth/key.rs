//! How a key looks: `lhf_` (functions), `lhs_` (system) or `lha_` (administration), 64 random hexadecimal digits, and 8 more that are
//! a checksum. Scanners for secrets recognise it, and a key that was mistyped or cut is told from one that is merely wrong.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// Random hexadecimal digits: 256 bits.
const RANDOM_DIGITS: usize = 64;
/// Hexadecimal digits of the checksum.
const CHECKSUM_DIGITS: usize = 8;

/// What a key is for, as its first letters say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Calls client functions.
    Function,
    /// Uses the management routes.
    System,
    /// Does everything.
    Admin,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::Function, Self::System, Self::Admin];

    /// How its keys begin.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Function => "lhf_",
            Self::System => "lhs_",
            Self::Admin => "lha_",
        }
    }
}

/// A key in plain text. It is shown to whoever made it, once; the store has its digest alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// Why a text is no key. The text itself is not in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// It does not begin like one.
    #[error("it does not begin with lha_, lhs_ or lhf_")]
    Prefix,
    /// Its end does not fit the rest.
    #[error("its checksum is wrong; it was cut or mistyped")]
    Checksum,
}

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(kind: KeyKind) -> Result<Self, std::io::Error> {
        let chance = random()?;
        let text = format!("{}{}", kind.prefix(), hex(&chance));
        let checksum = checksum(&text);
        Ok(Self(text + &checksum))
    }

    /// Reads a key.
    ///
    /// # Errors
    /// [`NoKey`] for anything that no host has made.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        KeyKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix())).ok_or(NoKey::Prefix)?;
        let (rest, end) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_DIGITS)).ok_or(NoKey::Checksum)?;
        let is_whole = text.len() == 4 + RANDOM_DIGITS + CHECKSUM_DIGITS && checksum(rest) == end;
        if is_whole { Ok(Self(text.to_owned())) } else { Err(NoKey::Checksum) }
    }

    /// Whether a text begins like a key and is as long as one. Costs nothing, unlike [`parse`](Self::parse).
    pub fn is_like_one(text: &str) -> bool {
        text.len() == 4 + RANDOM_DIGITS + CHECKSUM_DIGITS && KeyKind::ALL.into_iter().any(|kind| text.starts_with(kind.prefix()))
    }

    /// The key itself, to be shown to its owner and nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Keys end up in no log by accident.
impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({}…)", &self.0[..4])
    }
}

/// What is stored of a key, and compared.
pub fn digest_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// 256 random bits.
///
/// # Errors
/// When the system has none.
pub fn random() -> Result<[u8; 32], std::io::Error> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("the system has no random numbers"))?;
    Ok(bytes)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits in lower case; `None` for anything else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(format!("longhaul key {text}"));
    hex(&digest[..CHECKSUM_DIGITS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_a_mistyped_or_cut_one_is_not() {
        for kind in KeyKind::ALL {
            let key = Key::generate(kind).unwrap();
            let text = key.reveal();
            assert!(text.starts_with(kind.prefix()) && text.len() == 76, "{text}");
            assert_eq!(Key::parse(text), Ok(key.clone()));
            assert!(Key::is_like_one(text) && !Key::is_like_one(&text[..75]) && !Key::is_like_one(&text.replace("lh", "hl")));
            assert_eq!(Key::parse(&text[..75]), Err(NoKey::Checksum));
            let last = if text.ends_with('0') { '1' } else { '0' };
            assert_eq!(Key::parse(&format!("{}{last}", &text[..75])), Err(NoKey::Checksum));
        }
        for other in ["", "lha", "sk_live", "é", "lha_é"] {
            assert!(Key::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn two_keys_differ_and_neither_is_shown_by_accident() {
        let (one, two) = (Key::generate(KeyKind::Admin).unwrap(), Key::generate(KeyKind::Admin).unwrap());
        assert_ne!(one, two);
        assert_eq!(format!("{one:?}"), "Key(lha_…)");
    }

    #[test]
    fn hexadecimal_digits_are_read_back_and_nothing_else_is() {
        assert_eq!(from_hex(&hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert!(["0", "0g", "AB"].into_iter().all(|bad| from_hex(bad).is_none()));
    }
}
