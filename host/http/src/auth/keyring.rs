//! The keys that there are. They change while the host runs: first in the store, then here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use longhaul_core::Timestamp;
use longhaul_engine::clock;
use longhaul_store::{AccessKey, Error as StoreError, Store};
use subtle::{Choice, ConstantTimeEq};
use tokio::sync::Mutex;

use super::key::{Key, digest_of};
use super::proof::Challenge;
use super::scope::{Scope, is_name};
use longhaul_app::files::private::{self, Prepared};

/// Name of the administrator's key that the first start makes.
pub const FIRST_KEY: &str = "default";
/// The file in the data folder that has it.
pub const ADMIN_KEY_FILE: &str = "admin-key";
/// Most keys of a host. Each request with a key is compared with all of them.
const MAX_KEYS: usize = 1_000;

/// The keys, as they are now.
pub struct Keyring {
    store: Arc<dyn Store>,
    folder: PathBuf,
    known: RwLock<Arc<Vec<KnownKey>>>,
    one_at_a_time: Mutex<()>,
}

/// What is known of a key. Its text is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// What it opens.
    pub scope: Scope,
    /// Its name within the scope.
    pub name: String,
    /// When it was made, or made anew.
    pub created_at: Timestamp,
    digest: [u8; 32],
}

/// Why a key was not changed. Nothing changed in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is one already.
    #[error("there is a key '{1}' for {0} already; rotate it, or choose another name")]
    Exists(Scope, String),
    /// There is none.
    #[error("there is no key '{1}' for {0}; `longhaul keys list` shows which there are")]
    Unknown(Scope, String),
    /// It is the last one that can make others.
    #[error("this is the last key for admin; add another before you revoke it, or rotate it")]
    LastAdmin,
    /// The name is none.
    #[error("invalid key name '{0}': use 1 to 128 letters, digits, '-' or '_'")]
    Name(String),
    /// There are too many.
    #[error("there are {MAX_KEYS} keys already, which is the most; revoke some")]
    TooMany,
    /// The store did not take it.
    #[error("cannot store the key: {0}")]
    Store(#[from] StoreError),
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Keyring {
    /// Reads the keys. Where no administrator has one, makes the first, and writes it into a file in `folder` that its owner alone can read.
    ///
    /// # Errors
    /// When the store or the folder cannot be used.
    pub async fn open(store: Arc<dyn Store>, folder: &Path) -> anyhow::Result<Self> {
        let stored = store.access_keys().await.context("cannot read the access keys")?;
        let known = stored.into_iter().map(known_key).collect::<Result<Vec<_>, _>>()?;
        private::finish(&folder.join(ADMIN_KEY_FILE), |text| {
            let digest = digest_of(text.trim());
            known.iter().any(|key| key.scope == Scope::Admin && key.name == FIRST_KEY && key.digest == digest)
        })?;
        let has_admin = known.iter().any(|key| key.scope == Scope::Admin);
        let keyring = Self { store, folder: folder.to_owned(), known: RwLock::new(known.into()), one_at_a_time: Mutex::default() };
        if !has_admin {
            keyring.put(Scope::Admin, FIRST_KEY).await?;
            tracing::info!(file = %folder.join(ADMIN_KEY_FILE).display(), "made a key for administration");
        }
        Ok(keyring)
    }

    /// All keys, ordered by scope and name.
    pub fn list(&self) -> Arc<Vec<KnownKey>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a text opens, if it is one of the keys. Every key is compared, in constant time.
    pub fn scope_of(&self, presented: &str) -> Option<Scope> {
        let digest = digest_of(presented);
        let mut found = None;
        for key in self.list().iter() {
            let same: Choice = key.digest.ct_eq(&digest);
            if same.into() {
                found = Some(key.scope.clone());
            }
        }
        found
    }

    /// Proves that the host knows the key that its first start made, if it is there: see [`proof`](super::proof).
    pub fn proof(&self, challenge: &Challenge, address: SocketAddr) -> Option<String> {
        let known = self.find(&Scope::Admin, FIRST_KEY)?;
        Some(challenge.proof(&known.digest, address))
    }

    /// Makes a key that is not there yet.
    ///
    /// # Errors
    /// [`KeyError`] says why not.
    pub async fn add(&self, scope: Scope, name: &str) -> Result<Key, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name(name.into()));
        }
        let _alone = self.one_at_a_time.lock().await;
        match self.find(&scope, name) {
            Some(_) => Err(KeyError::Exists(scope, name.into())),
            None if self.list().len() >= MAX_KEYS => Err(KeyError::TooMany),
            None => self.put(scope, name).await,
        }
    }

    /// Makes a key anew; the old one is worthless from then on.
    ///
    /// # Errors
    /// [`KeyError`] says why not.
    pub async fn rotate(&self, scope: Scope, name: &str) -> Result<Key, KeyError> {
        let _alone = self.one_at_a_time.lock().await;
        match self.find(&scope, name) {
            Some(known) => self.put(scope, &known.name).await,
            None => Err(KeyError::Unknown(scope, name.into())),
        }
    }

    /// Makes a key worthless.
    ///
    /// # Errors
    /// [`KeyError`] says why not.
    pub async fn revoke(&self, scope: Scope, name: &str) -> Result<(), KeyError> {
        let _alone = self.one_at_a_time.lock().await;
        let Some(known) = self.find(&scope, name) else { return Err(KeyError::Unknown(scope, name.into())) };
        if scope == Scope::Admin && self.list().iter().filter(|key| key.scope == Scope::Admin).count() == 1 {
            return Err(KeyError::LastAdmin);
        }
        self.store.remove_access_key(&scope.to_string(), &known.name).await?;
        self.change(|keys| keys.retain(|key| *key != known));
        Ok(())
    }

    fn find(&self, scope: &Scope, name: &str) -> Option<KnownKey> {
        self.list().iter().find(|key| key.scope == *scope && key.name.eq_ignore_ascii_case(name)).cloned()
    }

    async fn put(&self, scope: Scope, name: &str) -> Result<Key, KeyError> {
        let key = Key::generate(scope.kind()).map_err(anyhow::Error::from)?;
        let before = self.list().iter().find(|known| known.scope == scope && known.name == name).cloned();
        let known = KnownKey { scope, name: name.to_owned(), created_at: clock::now(), digest: digest_of(key.reveal()) };
        let KnownKey { scope, name, created_at, digest } = known.clone();
        let file = (scope == Scope::Admin && name == FIRST_KEY).then(|| self.folder.join(ADMIN_KEY_FILE));
        // What can go wrong with the file goes wrong before the key counts. After a crash between the two, the next start finishes.
        let file = file.map(|file| Prepared::new(&file, &format!("{}\n", key.reveal()))).transpose()?;
        let stored = AccessKey { scope: scope.to_string(), name, digest, created_at };
        if let Err(error) = self.store.put_access_key(stored).await
            && !self.has_stored(&known).await
        {
            if matches!(error, StoreError::Unknown(_)) {
                // The store may have it all the same; then the next start finds the file.
                file.into_iter().for_each(Prepared::keep);
            }
            return Err(error.into());
        }
        if let Some(Err(error)) = file.map(Prepared::put) {
            self.put_back(&known, before).await;
            return Err(error.into());
        }
        self.change(|keys| {
            keys.retain(|key| key.scope != known.scope || key.name != known.name);
            keys.push(known);
            keys.sort_by(|one, other| (&one.scope, &one.name).cmp(&(&other.scope, &other.name)));
        });
        Ok(key)
    }

    /// Whether the store has a key whose writing was reported as failed.
    async fn has_stored(&self, key: &KnownKey) -> bool {
        let stored = self.store.access_keys().await.unwrap_or_default();
        stored.into_iter().any(|stored| stored.digest == key.digest)
    }

    /// Undoes what the store has taken.
    async fn put_back(&self, key: &KnownKey, before: Option<KnownKey>) {
        let undone = match before {
            Some(KnownKey { scope, name, created_at, digest }) => {
                self.store.put_access_key(AccessKey { scope: scope.to_string(), name, digest, created_at }).await
            }
            None => self.store.remove_access_key(&key.scope.to_string(), &key.name).await.map(|_| ()),
        };
        if let Err(error) = undone {
            tracing::error!(%error, scope = %key.scope, name = key.name, "the key that could not be written down may be good after the next start");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<KnownKey>)) {
        let mut keys = Vec::clone(&self.list());
        change(&mut keys);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }
}

fn known_key(stored: AccessKey) -> anyhow::Result<KnownKey> {
    let AccessKey { scope, name, digest, created_at } = stored;
    let scope = scope.parse().map_err(anyhow::Error::msg).with_context(|| format!("cannot read the access key '{name}'"))?;
    Ok(KnownKey { scope, name, created_at, digest })
}

#[cfg(test)]
mod tests;
