//! `longhaul keys`: lists and changes the keys of a host, while it runs or on its data while it does not.

mod add;
mod list;
mod revoke;
mod rotate;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use http::Method;
use longhaul_store::{SqliteConfig, SqliteStore, Store};

use super::escaped;
use crate::client::{Client, HostArgs};
use crate::data_folder;
use longhaul_http::auth::desk::{KeyChange, ShownKey};
use longhaul_http::auth::{KeyDesk, Keyring, Permit, Secrets};

/// What `longhaul keys` takes.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Work on the data folder itself, while no host runs on it
    #[arg(long, global = true)]
    pub offline: bool,
    /// What to do; `list` if nothing is said
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

/// What can be done with keys. A scope is `admin` (everything), `system` (the management routes), `functions` (all client functions), or
/// `function:NAME` (one of them).
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show all keys by scope and name, without the keys themselves.
    List,
    /// Make a new key and print it. It cannot be shown again.
    Add(KeyArgs),
    /// Replace a key and print the new one; the old one is refused from then on. `links secret` makes every address useless that the host
    /// handed out before, `system client-binding` the key in the client binding.
    Rotate(KeyArgs),
    /// Delete a key; it is refused from then on.
    Revoke(KeyArgs),
}

/// Which key.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// admin, system, functions, or function:NAME
    pub scope: String,
    /// Its name within the scope
    pub name: String,
}

/// Lists or changes keys and prints what came of it: a new key on a line of its own, for programs to read.
///
/// # Errors
/// When the host cannot be reached or refuses, or, with `--offline`, when one runs on the data.
pub async fn run(args: KeysArgs) -> anyhow::Result<()> {
    let command = args.command.unwrap_or(KeysCommand::List);
    let text = if args.offline {
        let data = DataFolder::open(&args.host.data).await?;
        let done = carry_out(command, &Keys::InFolder(&data.keys)).await;
        data.store.close().await.context("cannot close the store; nothing is lost, the next start reads the log")?;
        done?
    } else {
        let client = Client::new(&args.host)?;
        let done = carry_out(command, &Keys::OfHost(&client)).await;
        done.context("if the host does not run, --offline with --data works on its data folder")?
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}

async fn carry_out(command: KeysCommand, keys: &Keys<'_>) -> anyhow::Result<String> {
    match command {
        KeysCommand::List => list::run(keys).await,
        KeysCommand::Add(key) => add::run(keys, key).await,
        KeysCommand::Rotate(key) => rotate::run(keys, key).await,
        KeysCommand::Revoke(key) => revoke::run(keys, key).await,
    }
}

/// The keys of a host that is stopped.
struct DataFolder {
    store: Arc<dyn Store>,
    keys: KeyDesk,
}

impl DataFolder {
    async fn open(path: &Path) -> anyhow::Result<Self> {
        ensure!(path.is_dir(), "there is no data folder {}; name it with --data", path.display());
        data_folder::prepare(path)?;
        // The store's lock keeps two processes from using the data at a time.
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteConfig::in_directory(path)).await?);
        let keys = KeyDesk::new(Arc::new(Keyring::open(store.clone(), path).await?), Arc::new(Secrets::open(path)?));
        Ok(Self { store, keys })
    }
}

/// Where the keys are.
enum Keys<'a> {
    OfHost(&'a Client),
    InFolder(&'a KeyDesk),
}

impl Keys<'_> {
    async fn list(&self) -> anyhow::Result<Vec<ShownKey>> {
        Ok(match self {
            Self::OfHost(client) => serde_json::from_slice(&client.ask(Method::GET, "/admin/keys").await?)?,
            Self::InFolder(keys) => keys.list(),
        })
    }

    /// Changes a key. The answer has the key in it if there is a new one to show.
    async fn change(&self, change: KeyChange, KeyArgs { scope, name }: KeyArgs) -> anyhow::Result<ShownKey> {
        let client = match self {
            Self::InFolder(keys) => return Ok(keys.change(change, &scope, &name, &Permit::default()).await?),
            Self::OfHost(client) => client,
        };
        let path = format!("/admin/keys/{}/{}", escaped(&scope), escaped(&name));
        let answer = match change {
            KeyChange::Add => client.ask(Method::POST, &path).await?,
            KeyChange::Rotate => client.ask(Method::POST, &format!("{path}/rotate")).await?,
            KeyChange::Revoke => client.ask(Method::DELETE, &path).await?,
        };
        if answer.is_empty() {
            return Ok(ShownKey { scope, name, created_time: None, key: None });
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// A new key alone, so that a script can take it. Some keys are never shown: the host uses them by
/// itself.
fn new_key(shown: ShownKey) -> String {
    let ShownKey { scope, name, key, .. } = shown;
    key.map_or_else(|| format!("'{name}' for {scope} is new; the host hands it out by itself.\n"), |key| format!("{key}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_stands_alone_on_its_line() {
        let key = ShownKey { scope: "function:start".into(), name: "ci".into(), created_time: None, key: Some("secret".into()) };
        assert_eq!(new_key(key), "secret\n");
    }
}
