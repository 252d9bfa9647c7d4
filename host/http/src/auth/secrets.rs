//! What tokens are signed with, and the one key that the host itself hands out: that of the client binding.
//!
//! Both are in a file that its owner alone can read, beside the database: a copy of the database lets nobody in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::key::{Key, KeyKind, digest_of, from_hex, hex, random};
use longhaul_app::files::private;

/// The file's name in the data folder.
const NAME: &str = "access-secrets.json";

/// The secrets, as they are now.
pub struct Secrets {
    path: PathBuf,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    link_secret: Arc<[u8]>,
    binding_key: Arc<str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    link_secret: String,
    binding_key: String,
}

impl Secrets {
    /// Reads the secrets in `folder`, or makes them.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not what this program wrote; the text names it.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let current = match private::read(&path)? {
            Some(text) => Current::read(&text).with_context(|| format!("{} is damaged; delete it for a new one", path.display()))?,
            None => {
                let current = Current { link_secret: new_link_secret()?, binding_key: new_binding_key()? };
                current.write(&path)?;
                current
            }
        };
        Ok(Self { path, current: RwLock::new(current) })
    }

    /// What tokens are signed with.
    pub fn link_secret(&self) -> Arc<[u8]> {
        self.current().link_secret
    }

    /// The key of the client binding, in plain text: whoever is given the binding is given this key.
    pub fn binding_key(&self) -> Arc<str> {
        self.current().binding_key
    }

    /// Whether a text is the key of the client binding. Takes the same time for every text.
    pub fn is_binding_key(&self, presented: &str) -> bool {
        digest_of(&self.current().binding_key).ct_eq(&digest_of(presented)).into()
    }

    /// Makes every address worthless that was handed out so far.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing changed.
    pub fn rotate_links(&self) -> anyhow::Result<()> {
        let next = Current { link_secret: new_link_secret()?, ..self.current() };
        self.replace(next)
    }

    /// Gives the client binding another key.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing changed.
    pub fn rotate_binding(&self) -> anyhow::Result<()> {
        let next = Current { binding_key: new_binding_key()?, ..self.current() };
        self.replace(next)
    }

    fn replace(&self, next: Current) -> anyhow::Result<()> {
        next.write(&self.path)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Current {
    fn read(text: &str) -> anyhow::Result<Self> {
        let file: File = serde_json::from_str(text)?;
        let link_secret = from_hex(&file.link_secret).filter(|secret| secret.len() == 32).context("its linkSecret is no secret")?;
        let binding_key = Key::parse(&file.binding_key).context("its bindingKey is no key")?;
        Ok(Self { link_secret: link_secret.into(), binding_key: binding_key.reveal().into() })
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let file = File { link_secret: hex(&self.link_secret), binding_key: self.binding_key.to_string() };
        private::write(path, &serde_json::to_string_pretty(&file)?)
    }
}

fn new_link_secret() -> anyhow::Result<Arc<[u8]>> {
    Ok(random()?.to_vec().into())
}

fn new_binding_key() -> anyhow::Result<Arc<str>> {
    Ok(Key::generate(KeyKind::System)?.reveal().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_until_they_are_rotated_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(folder.path()).unwrap();
        let (links, key) = (secrets.link_secret(), secrets.binding_key());
        let again = Secrets::open(folder.path()).unwrap();
        assert_eq!((again.link_secret(), again.binding_key()), (links.clone(), key.clone()));
        secrets.rotate_links().unwrap();
        assert!(secrets.link_secret() != links && secrets.is_binding_key(&key));
        secrets.rotate_binding().unwrap();
        assert!(!secrets.is_binding_key(&key));
        assert_eq!(Secrets::open(folder.path()).unwrap().binding_key(), secrets.binding_key());
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        private::write(&folder.path().join(NAME), "{}").unwrap();
        assert!(Secrets::open(folder.path()).err().unwrap().to_string().contains(NAME));
    }
}
