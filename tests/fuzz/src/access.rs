//! Keys, scopes, and tokens in addresses.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::Timestamp;
use longhaul_http::auth::key::{from_hex, hex};
use longhaul_http::auth::link::{LinkSigner, PREFIX, Verb};
use longhaul_http::auth::{Key, Scope};

use crate::input::{first_line, text};

/// Length of every key.
const KEY_BYTES: usize = 76;
/// The time at which tokens are made and checked here, and how long they are good.
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const LIFETIME: Duration = Duration::from_secs(60);
const VERBS: [Verb; 8] =
    [Verb::Status, Verb::RaiseEvent, Verb::Terminate, Verb::Rewind, Verb::Purge, Verb::Restart, Verb::Suspend, Verb::Resume];

/// A key, a scope, or hexadecimal digits.
///
/// What is taken is written as it was read; a key that was cut or changed in one place is none.
pub fn access_key(data: &[u8]) {
    let text = text(data);
    if let Ok(key) = Key::parse(&text) {
        assert_eq!((key.reveal(), key.reveal().len()), (&*text, KEY_BYTES));
        assert!(!format!("{key:?}").contains(&text[4..]), "a key stands in no log");
        assert!(Key::parse(&text[1..]).is_err() && Key::parse(&format!("{text}0")).is_err());
        for at in 4..KEY_BYTES {
            let other = if &text[at..=at] == "0" { "1" } else { "0" };
            assert!(Key::parse(&format!("{}{other}{}", &text[..at], &text[at + 1..])).is_err(), "digit {at}");
        }
    }
    match text.parse::<Scope>() {
        Ok(scope) => assert_eq!(scope.to_string().parse(), Ok(scope)),
        Err(reason) => assert!(reason.contains("function:NAME"), "{reason}"),
    }
    assert_eq!(from_hex(&hex(data)).as_deref(), Some(data));
    if let Some(bytes) = from_hex(&text) {
        assert_eq!(hex(&bytes), text);
    }
}

/// Three lines: an instance, another, and a text that wants to be a token.
///
/// No text opens anything that the host's secret has not signed. What it has signed opens one instance for one operation and a time.
pub fn link_token(data: &[u8]) {
    let text = text(data);
    let (instance, rest) = first_line(&text);
    let (other, forged) = first_line(rest);
    let (ours, theirs) = (signer(1), signer(2));
    for verb in VERBS {
        for token in [forged, &format!("{PREFIX}{forged}"), &format!("{PREFIX}{}", hex(forged.as_bytes()))] {
            assert!(ours.check_at(token, instance, verb, NOW).is_none(), "{token:?} was never signed");
        }
    }
    let verb = VERBS[data.len() % VERBS.len()];
    let token = ours.sign_at(instance, verb, NOW);
    let opens = |signer: &LinkSigner, token: &str, instance: &str, verb: Verb, at_ms: u64| {
        signer.check_at(token, instance, verb, Timestamp(at_ms)).is_some()
    };
    let grant = ours.check_at(&token, instance, verb, NOW).expect("it was signed");
    assert!(grant.covers(NOW) && !grant.covers(NOW.plus(1)), "it is for what was there when it was made");
    let end_ms = NOW.0 + LIFETIME.as_millis() as u64;
    assert!(opens(&ours, &token, instance, verb, NOW.0) && opens(&ours, &token, instance, verb, end_ms - 1));
    assert!(!opens(&ours, &token, instance, verb, end_ms), "it has ended");
    assert!(!opens(&theirs, &token, instance, verb, NOW.0), "it is another host's");
    assert!(other == instance || !opens(&ours, &token, other, verb, NOW.0), "it is for another instance");
    assert!(VERBS.iter().all(|one| *one == verb || !opens(&ours, &token, instance, *one, NOW.0)), "it is for another operation");
    let at = PREFIX.len() + data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % (token.len() - PREFIX.len());
    let digit = if &token[at..=at] == "0" { "1" } else { "0" };
    let changed = format!("{}{digit}{}", &token[..at], &token[at + 1..]);
    assert!(!opens(&ours, &changed, instance, verb, NOW.0), "digit {at} was changed");
}

fn signer(secret: u8) -> LinkSigner {
    LinkSigner::new(Arc::new([secret; 32]), LIFETIME)
}
