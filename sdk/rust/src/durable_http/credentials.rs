//! Which headers of a request go along with its polls.

use std::collections::BTreeMap;

/// A key of Azure Functions that is good for the first request only.
const FUNCTION_KEY: &str = "x-functions-key";
/// A header with one of these in its name is taken for a credential:
/// `Authorization`, `X-Api-Key`, `X-Auth-Token`.
const WORDS_OF_CREDENTIALS: [&str; 10] =
    ["auth", "cookie", "credential", "key", "passw", "secret", "session", "signature", "token", "assertion"];

/// The headers of the next poll. Credentials stay with the origin that it was given
/// for: the server chooses where the polls go, and must not be able to send the caller's
/// credentials to another one.
pub(super) fn kept(headers: &BTreeMap<String, String>, is_same_origin: bool) -> BTreeMap<String, String> {
    let goes_along = |name: &str| {
        let name = name.to_ascii_lowercase();
        name != FUNCTION_KEY && (is_same_origin || !WORDS_OF_CREDENTIALS.iter().any(|word| name.contains(word)))
    };
    headers.iter().filter(|(name, _)| goes_along(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
