//! Planted secrets, and where they must not turn up.

use std::path::Path;

/// Secrets that a run uses. None may be in what a host answers, logs or stores, but where it is meant to be.
#[derive(Clone, Debug, Default)]
pub struct Canaries(Vec<(&'static str, String)>);

/// Files of the data folder that exist to hold secrets, for their owner alone.
const VAULTS: [&str; 2] = ["admin-key", "access-secrets.json"];
/// Bytes below which a text turns up anywhere by chance.
const SHORTEST: usize = 24;

impl Canaries {
    /// The secrets that a host has made for itself, from its data folder.
    ///
    /// # Panics
    /// When they are not there.
    pub fn of(data: &Path) -> Self {
        let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut canaries = Self::default();
        canaries.plant("the admin key", read(VAULTS[0]).trim());
        let secrets: serde_json::Value = serde_json::from_str(&read(VAULTS[1])).expect("the secrets are JSON");
        for (name, member) in [("the secret of links", "linkSecret"), ("the key of the binding", "bindingKey")] {
            canaries.plant(name, secrets[member].as_str().expect("secrets are texts"));
        }
        canaries
    }

    /// Adds a secret.
    ///
    /// # Panics
    /// When it is so short that it could turn up by chance.
    pub fn plant(&mut self, name: &'static str, secret: &str) {
        // A key begins with its kind and a token with `lht_`; what follows is what nobody may learn.
        let secret = secret.split_once('_').map_or(secret, |(_, rest)| rest);
        assert!(secret.len() >= SHORTEST, "{name} is too short to be looked for");
        self.0.push((name, secret.to_owned()));
    }

    /// One line for each secret in `bytes`; `place` says where they are from.
    pub fn found_in(&self, place: &str, bytes: &[u8]) -> Vec<String> {
        let is_in = |secret: &str| bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
        self.0.iter().filter(|(_, secret)| is_in(secret)).map(|(name, _)| format!("{name} is in {place}")).collect()
    }

    /// The same for every file of a data folder but those that exist to hold secrets.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn found_in_folder(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in folder.read_dir().expect("a folder that can be read") {
            let path = entry.expect("an entry").path();
            let is_vault = path.file_name().is_some_and(|name| VAULTS.iter().any(|vault| name == *vault));
            if path.is_file() && !is_vault {
                found.extend(self.found_in(&path.display().to_string(), &std::fs::read(&path).expect("a file that can be read")));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_without_its_prefix_and_in_any_case() {
        let mut canaries = Canaries::default();
        canaries.plant("a key", "lhf_00112233445566778899aabbccddeeff");
        assert_eq!(canaries.found_in("a list", b"x 00112233445566778899AABBCCDDEEFF y"), ["a key is in a list"]);
        assert!(canaries.found_in("a list", b"lhf_00112233445566778899").is_empty());
    }
}
