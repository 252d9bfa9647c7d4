//! `longhaul keys`: lists and changes the keys of a host, while it runs or on its data while it does not.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use longhaul_store::{SqliteConfig, SqliteStore, Store};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::access::desk::{KeyChange, ShownKey};
use crate::access::{KeyDesk, Keyring, Permit, Secrets};
use crate::admin_client::AdminClient;
use crate::cli::{KeyArgs, KeysArgs, KeysCommand};
use crate::data_folder;

/// Lists or changes keys and prints what came of it: a new key on a line of its own, for programs to read.
///
/// # Errors
/// When the host cannot be reached or refuses, or, with `--offline`, when one runs on the data.
pub async fn run(args: KeysArgs) -> anyhow::Result<()> {
    let wanted = match args.command.unwrap_or(KeysCommand::List) {
        KeysCommand::List => None,
        KeysCommand::Add(key) => Some((KeyChange::Add, key)),
        KeysCommand::Rotate(key) => Some((KeyChange::Rotate, key)),
        KeysCommand::Revoke(key) => Some((KeyChange::Revoke, key)),
    };
    let text = if args.offline {
        offline(&args.host.data, wanted).await?
    } else {
        let client = AdminClient::new(&args.host)?;
        online(&client, wanted).await.context("if the host does not run, --offline with --data works on its data folder")?
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to standard output")
}

async fn offline(data: &Path, wanted: Option<(KeyChange, KeyArgs)>) -> anyhow::Result<String> {
    ensure!(data.is_dir(), "there is no data folder {}; name it with --data", data.display());
    data_folder::prepare(data)?;
    // The store's lock keeps two from using the data at a time.
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteConfig::in_directory(data)).await?);
    let desk = KeyDesk::new(Arc::new(Keyring::open(store.clone(), data).await?), Arc::new(Secrets::open(data)?));
    let done = match wanted {
        None => Ok(table(&desk.list())),
        Some((change, key)) => desk.change(change, &key.scope, &key.name, &Permit::default()).await.map(|shown| told(change, shown)),
    };
    store.close().await.context("cannot close the store; nothing is lost, the next start reads the log")?;
    Ok(done?)
}

async fn online(client: &AdminClient, wanted: Option<(KeyChange, KeyArgs)>) -> anyhow::Result<String> {
    let Some((change, KeyArgs { scope, name })) = wanted else {
        let (status, body) = client.send(Request::get("/admin/keys").body(Full::default())?).await?;
        return Ok(table(&answered::<Vec<ShownKey>>(client, status, &body)?));
    };
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let path = format!("/admin/keys/{}/{}", escaped(&scope), escaped(&name));
    let (method, path) = match change {
        KeyChange::Add => (Method::POST, path),
        KeyChange::Rotate => (Method::POST, format!("{path}/rotate")),
        KeyChange::Revoke => (Method::DELETE, path),
    };
    let (status, body) = client.send(Request::builder().method(method).uri(path).body(Full::default())?).await?;
    if status == StatusCode::NO_CONTENT {
        return Ok(told(change, ShownKey { scope, name, created_time: None, key: None }));
    }
    Ok(told(change, answered(client, status, &body)?))
}

fn answered<T: serde::de::DeserializeOwned>(client: &AdminClient, status: StatusCode, body: &[u8]) -> anyhow::Result<T> {
    if !status.is_success() {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        bail!("the host refused: {}", answer["Message"].as_str().unwrap_or(status.as_str()));
    }
    serde_json::from_slice(body).with_context(|| format!("{} answered with something else than a Longhaul host does", client.authority))
}

/// The key alone if there is one, so that a script can take it; else a sentence.
fn told(change: KeyChange, shown: ShownKey) -> String {
    let ShownKey { scope, name, key, .. } = shown;
    match (key, change) {
        (Some(key), _) => format!("{key}\n"),
        (None, KeyChange::Revoke) => format!("Key '{name}' for {scope} is worthless now.\n"),
        (None, KeyChange::Add | KeyChange::Rotate) => format!("'{name}' for {scope} is new; the host hands it out by itself.\n"),
    }
}

fn table(keys: &[ShownKey]) -> String {
    let width = keys.iter().map(|key| key.scope.len()).max().unwrap_or(0).max(5);
    let name_width = keys.iter().map(|key| key.name.len()).max().unwrap_or(0).max(4);
    let line = |scope: &str, name: &str, created: &str| format!("{scope:width$}  {name:name_width$}  {created}\n");
    let lines = keys.iter().map(|key| line(&key.scope, &key.name, key.created_time.as_deref().unwrap_or("-")));
    line("SCOPE", "NAME", "CREATED") + &lines.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_by_scope_name_and_age_and_never_themselves() {
        let key = ShownKey { scope: "function:start".into(), name: "ci".into(), created_time: None, key: Some("secret".into()) };
        assert_eq!(table(std::slice::from_ref(&key)), "SCOPE           NAME  CREATED\nfunction:start  ci    -\n");
        assert_eq!(told(KeyChange::Add, key), "secret\n");
    }
}
