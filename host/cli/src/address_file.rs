//! Tells tools on the same machine where the host that uses a data folder can be reached.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use longhaul_app::files::private;
use longhaul_http::Addresses;

/// The file's name in the data folder.
const NAME: &str = "addresses.json";

/// The file, there while the host runs. A host that is killed leaves it behind; `processId` tells whether it is still true.
pub struct AddressFile(PathBuf);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    address: &'a str,
    rpc_base_url: Option<&'a str>,
    process_id: u32,
}

impl AddressFile {
    /// Writes the file into `folder`, in one step, so that nobody reads half of it. `address` is where the host listens. `None` if the disk is
    /// full: a host can do without.
    ///
    /// # Errors
    /// When the folder cannot be written to for any other reason.
    pub fn write(folder: &Path, address: &str, addresses: &Addresses) -> anyhow::Result<Option<Self>> {
        let content = Content { address, rpc_base_url: addresses.rpc_base.as_deref(), process_id: std::process::id() };
        let path = folder.join(NAME);
        let kind = |error: &anyhow::Error| error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        match private::write(&path, &serde_json::to_string_pretty(&content)?) {
            Ok(()) => Ok(Some(Self(path))),
            Err(error) if kind(&error) == Some(ErrorKind::StorageFull) => {
                tracing::warn!(error = format!("{error:#}"), file = %path.display(), "commands on this machine will not find this host by its data folder");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for AddressFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(file = %self.0.display(), %error, "cannot remove the file with the addresses");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_as_long_as_the_host_runs() {
        let folder = tempfile::tempdir().unwrap();
        let addresses = Addresses { public_origin: "http://a".into(), rpc_base: Some("http://127.0.0.1:1/durabletask/".into()) };
        let file = AddressFile::write(folder.path(), "http://127.0.0.1:7071", &addresses).unwrap();
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&read["address"], &read["rpcBaseUrl"]), (&"http://127.0.0.1:7071".into(), &"http://127.0.0.1:1/durabletask/".into()));
        drop(file);
        assert!(!folder.path().join(NAME).exists());
    }
}
