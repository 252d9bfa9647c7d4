//! What people may do to keys: from the command line, by way of a running host or on the data of one that is stopped.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::keyring::{KeyError, Keyring, KnownKey};
use super::{Permit, Scope, Secrets};

/// Name, within the scope `system`, of the key in the client binding. It can be made anew and not be revoked.
pub const BINDING_KEY: &str = "client-binding";
/// What stands for the secret behind the tokens in addresses. It can be made anew.
pub const LINKS: &str = "links";

/// Lists and changes keys.
pub struct KeyDesk {
    keyring: Arc<Keyring>,
    secrets: Arc<Secrets>,
    one_at_a_time: Arc<Mutex<()>>,
}

/// What may be done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Make it.
    Add,
    /// Make it anew; the old one is worthless at once.
    Rotate,
    /// Make it worthless.
    Revoke,
}

/// A key as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownKey {
    /// What it opens.
    pub scope: String,
    /// Its name within the scope.
    pub name: String,
    /// When it was made; null for what the host makes by itself.
    pub created_time: Option<String>,
    /// The key, in the answer to the request that made it and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Why a key was not changed.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The request makes no sense; the text says what would.
    #[error("{0}")]
    Bad(String),
    /// Leave to change keys ended before this was done.
    #[error("leave to change keys has ended")]
    Denied,
    /// The keys do not allow it.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl KeyDesk {
    /// A desk for these keys.
    pub fn new(keyring: Arc<Keyring>, secrets: Arc<Secrets>) -> Self {
        Self { keyring, secrets, one_at_a_time: Arc::default() }
    }

    /// All keys, ordered by scope and name, without the keys themselves.
    pub fn list(&self) -> Vec<ShownKey> {
        let stored = self.keyring.list().iter().map(shown).collect::<Vec<_>>();
        let own = [("system", BINDING_KEY), (LINKS, "secret")];
        let own = own.map(|(scope, name)| ShownKey { scope: scope.into(), name: name.into(), created_time: None, key: None });
        stored.into_iter().chain(own).collect()
    }

    /// Changes a key, if `permit` still holds when the change comes to its turn. What comes back has the key in it if one was made; the callers of [`LINKS`] and [`BINDING_KEY`] get none, since the
    /// host hands those out by itself.
    ///
    /// # Errors
    /// [`DeskError`]; nothing changed then.
    pub async fn change(&self, change: KeyChange, scope: &str, name: &str, permit: &Permit) -> Result<ShownKey, DeskError> {
        let _alone = self.one_at_a_time.lock().await;
        if !permit.holds() {
            return Err(DeskError::Denied);
        }
        if let Some(done) = self.change_own(change, scope, name) {
            return done;
        }
        let scope = Scope::from_str(scope).map_err(DeskError::Bad)?;
        let key = match change {
            KeyChange::Add => Some(self.keyring.add(scope.clone(), name).await?),
            KeyChange::Rotate => Some(self.keyring.rotate(scope.clone(), name).await?),
            KeyChange::Revoke => {
                self.keyring.revoke(scope.clone(), name).await?;
                None
            }
        };
        let known = self.keyring.list().iter().find(|key| key.scope == scope && key.name.eq_ignore_ascii_case(name)).map(shown);
        let gone = || ShownKey { scope: scope.to_string(), name: name.into(), created_time: None, key: None };
        Ok(ShownKey { key: key.map(|key| key.reveal().to_owned()), ..known.unwrap_or_else(gone) })
    }

    /// What the host makes by itself; `None` for any other key.
    fn change_own(&self, change: KeyChange, scope: &str, name: &str) -> Option<Result<ShownKey, DeskError>> {
        let is_links = scope.eq_ignore_ascii_case(LINKS);
        let is_binding = scope.eq_ignore_ascii_case("system") && name.eq_ignore_ascii_case(BINDING_KEY);
        if !is_links && !is_binding {
            return None;
        }
        Some(match change {
            KeyChange::Rotate => {
                let rotated = if is_links { self.secrets.rotate_links() } else { self.secrets.rotate_binding() };
                let done = ShownKey { scope: scope.to_ascii_lowercase(), name: name.into(), created_time: None, key: None };
                rotated.map(|()| done).map_err(|error| DeskError::Key(error.into()))
            }
            KeyChange::Add | KeyChange::Revoke => {
                Err(DeskError::Bad(format!("the host makes '{name}' for {scope} by itself; it can be rotated and nothing else")))
            }
        })
    }
}

fn shown(key: &KnownKey) -> ShownKey {
    ShownKey { scope: key.scope.to_string(), name: key.name.clone(), created_time: Some(key.created_at.to_iso_seconds()), key: None }
}
