//! Secrets that the operator gives to functions: `[secrets]` in the settings file, by name.
//!
//! They are read when the host starts and live in memory alone. An app's manifest says which function reads which of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use longhaul_wasm::Secrets;
use serde::Deserialize;

use crate::files::private;

/// Longest secret, bytes.
const MAX_SECRET_BYTES: usize = 32 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// In this file, which nobody but its owner may read. A line break at its end does not belong to the secret.
    File(PathBuf),
    /// In this environment variable of the host.
    Env(String),
}

/// The operator's secrets, by name.
#[derive(Clone, Default)]
pub struct OperatorSecrets(Arc<BTreeMap<String, String>>);

impl OperatorSecrets {
    /// Reads all of them.
    ///
    /// # Errors
    /// When one cannot be read or used; the text names it and says where it should be, never what it is.
    pub fn read(sources: &BTreeMap<String, SecretSource>) -> anyhow::Result<Self> {
        let read = |(name, source): (&String, &SecretSource)| {
            let value = source.read().and_then(checked).with_context(|| format!("cannot use the secret '{name}' of [secrets]"));
            value.map(|value| (name.clone(), value))
        };
        Ok(Self(Arc::new(sources.iter().map(read).collect::<Result<_, _>>()?)))
    }

    /// Those that a function asks for.
    ///
    /// # Errors
    /// The name of the first that the operator has not given.
    pub(super) fn of<'a>(&self, names: &'a [String]) -> Result<Secrets, &'a str> {
        let mut found = Secrets::default();
        for name in names {
            found.insert(name, self.0.get(name).ok_or(name.as_str())?);
        }
        Ok(found)
    }
}

impl SecretSource {
    fn read(&self) -> anyhow::Result<String> {
        match self {
            Self::File(path) => {
                let text = private::read(path)?.with_context(|| format!("there is no file {}", path.display()))?;
                let line = text.strip_suffix('\n').unwrap_or(&text);
                Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
            }
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => Ok(value),
                Err(std::env::VarError::NotPresent) => bail!("the environment variable {name} is not set"),
                Err(std::env::VarError::NotUnicode(_)) => Err(anyhow!("the environment variable {name} is no text")),
            },
        }
    }
}

fn checked(value: String) -> anyhow::Result<String> {
    ensure!(!value.is_empty(), "it is empty");
    ensure!(value.len() <= MAX_SECRET_BYTES, "it has {} bytes; the most is {MAX_SECRET_BYTES}", value.len());
    ensure!(!value.contains('\0'), "it contains a zero byte");
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(sources: &str) -> Result<Secrets, String> {
        let sources = toml::from_str(sources).map_err(|error: toml::de::Error| error.to_string())?;
        let all = OperatorSecrets::read(&sources).map_err(|error| format!("{error:#}"))?;
        all.of(&["TOKEN".to_owned()]).map_err(|name| format!("{name} is missing"))
    }

    fn is(value: &str) -> Result<Secrets, String> {
        let mut secrets = Secrets::default();
        secrets.insert("TOKEN", value);
        Ok(secrets)
    }

    #[test]
    fn a_secret_comes_from_a_file_of_its_owners_alone_without_the_line_break_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let source = format!("TOKEN = {{ file = {path:?} }}");
        assert!(read(&source).unwrap_err().contains("there is no file"));
        std::fs::write(&path, "one two\r\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = read(&source).unwrap_err();
        assert!(error.contains("'TOKEN'") && error.contains("chmod 600") && !error.contains("one two"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&source), is("one two"));
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&source).unwrap_err().contains("it is empty"));
    }

    #[test]
    fn a_secret_comes_from_an_environment_variable() {
        // Any that is always set; changing the environment would take unsafe code.
        let path = std::env::var("PATH").unwrap();
        assert_eq!(read("TOKEN = { env = \"PATH\" }"), is(&path));
        assert!(read("TOKEN = { env = \"LONGHAUL_NOT_SET\" }").unwrap_err().contains("LONGHAUL_NOT_SET is not set"));
    }

    #[test]
    fn a_secret_is_never_written_into_the_settings_themselves() {
        for bad in ["TOKEN = \"value\"", "TOKEN = { value = \"value\" }", "TOKEN = { file = \"a\", env = \"A\" }"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_that_is_not_given_is_named() {
        assert_eq!(read("OTHER = { env = \"PATH\" }"), Err("TOKEN is missing".into()));
    }
}
