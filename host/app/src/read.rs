//! An app's folder, read into the package that is deployed.

use std::path::Path;

use anyhow::{Context, ensure};

use super::folder::AppFolder;
use super::manifest::{self, Manifest};
use super::package::{self, ComponentFile, Package};

/// What a caller changes of the manifest in the folder.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Settings with another value.
    pub settings: Vec<(String, String)>,
    /// Hosts to allow besides.
    pub allowed_hosts: Vec<String>,
}

/// Reads the manifest in `folder` and every component that it names.
///
/// # Errors
/// When a file is missing or the manifest breaks a rule; the text names it.
pub fn read_app(folder: &Path, overrides: &Overrides) -> anyhow::Result<(Package, Manifest)> {
    let files = AppFolder::open(folder)?;
    let text = files.read(manifest::FILE_NAME, manifest::MAX_MANIFEST_BYTES);
    let text = text.with_context(|| format!("is {} an app's folder?", folder.display()))?;
    let text = String::from_utf8(text).with_context(|| format!("{} in {} is not text", manifest::FILE_NAME, folder.display()))?;
    // Read before anything is changed, so that a mistake is shown with the line that people know.
    let original = Manifest::parse(&text)?;
    let text = overrides.apply(text, &original)?;
    let manifest = Manifest::parse(&text)?;
    let mut components = Vec::new();
    for path in manifest.component_paths() {
        let bytes = files.read(path, package::MAX_COMPONENT_BYTES).with_context(|| format!("component {path}: is the app built?"))?;
        components.push(ComponentFile::new(path, bytes));
    }
    Ok((Package { manifest: text, components }, manifest))
}

impl Overrides {
    /// The manifest with the changes in it. Without changes the text stays as it is, comments and all.
    fn apply(&self, text: String, manifest: &Manifest) -> anyhow::Result<String> {
        if self.settings.is_empty() && self.allowed_hosts.is_empty() {
            return Ok(text);
        }
        let mut table: toml::Table = toml::from_str(&text)?;
        for (name, value) in &self.settings {
            let known = manifest.settings.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            ensure!(manifest.settings.contains_key(name), "--set names '{name}', which [settings] does not have; it has: {known}");
            if let Some(settings) = table.get_mut("settings").and_then(toml::Value::as_table_mut) {
                settings.insert(name.clone(), value.clone().into());
            }
        }
        let mut hosts = manifest.allowed_hosts.clone();
        for host in &self.allowed_hosts {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        let http = table.entry("http").or_insert_with(|| toml::Table::new().into());
        http.as_table_mut().context("[http] is no table")?.insert("allowed-hosts".into(), hosts.into());
        Ok(toml::to_string(&table)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "# kept\n[app]\nname = \"a\"\n[settings]\nURL = \"one\"\n[http]\nallowed-hosts = [\"http://a:1\"]\n\
        [[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"parts/main.wasm\"\n\
        [[function]]\nname = \"Other\"\nkind = \"orchestrator\"\ncomponent = \"parts/main.wasm\"\n";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("longhaul.toml"), MANIFEST).unwrap();
        std::fs::create_dir(folder.path().join("parts")).unwrap();
        std::fs::write(folder.path().join("parts/main.wasm"), "code").unwrap();
        folder
    }

    #[test]
    fn an_app_is_its_manifest_and_each_component_once() {
        let folder = folder();
        let (package, manifest) = read_app(folder.path(), &Overrides::default()).unwrap();
        assert_eq!(package.manifest, MANIFEST);
        assert_eq!(package.components, [ComponentFile::new("parts/main.wasm", "code")]);
        assert_eq!(manifest.functions.len(), 2);
    }

    #[test]
    fn the_command_line_changes_settings_and_adds_hosts() {
        let folder = folder();
        let overrides = Overrides {
            settings: vec![("URL".into(), "two = \"2\"".into())],
            allowed_hosts: vec!["http://a:1".into(), "http://b:2".into()],
        };
        let (package, manifest) = read_app(folder.path(), &overrides).unwrap();
        assert_eq!(manifest.settings["URL"], "two = \"2\"");
        assert_eq!(manifest.allowed_hosts, ["http://a:1", "http://b:2"]);
        assert_eq!(Manifest::parse(&package.manifest).unwrap().functions, manifest.functions);
    }

    #[test]
    fn a_setting_that_the_manifest_does_not_have_is_refused() {
        let overrides = Overrides { settings: vec![("ULR".into(), "two".into())], ..Overrides::default() };
        let error = read_app(folder().path(), &overrides).unwrap_err().to_string();
        assert!(error.contains("ULR") && error.contains("URL"), "{error}");
    }

    #[test]
    fn a_missing_component_is_named() {
        let folder = folder();
        std::fs::remove_file(folder.path().join("parts/main.wasm")).unwrap();
        let error = format!("{:#}", read_app(folder.path(), &Overrides::default()).unwrap_err());
        assert!(error.contains("main.wasm") && error.contains("built"), "{error}");
    }

    #[test]
    fn nothing_outside_of_the_folder_is_sent() {
        let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
        for path in ["parts/main.wasm", "longhaul.toml"] {
            let here = folder.path().join(path);
            let there = elsewhere.path().join("there");
            std::fs::rename(&here, &there).unwrap();
            std::os::unix::fs::symlink(&there, &here).unwrap();
            let error = format!("{:#}", read_app(folder.path(), &Overrides::default()).unwrap_err());
            assert!(error.contains(path) && error.contains("outside of the app's folder"), "{error}");
            std::fs::rename(&there, &here).unwrap();
        }
    }
}
