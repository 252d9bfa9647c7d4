//! Which apps a guest workspace holds, and which crates belong to each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::Value;

use crate::workspace;

/// A folder with a `longhaul.toml`, and the guest crates below it.
pub struct App {
    /// The folder of the manifest.
    pub folder: PathBuf,
    /// Crates of type `cdylib`, in the order cargo lists them.
    pub crates: Vec<GuestCrate>,
}

/// One crate that becomes one component.
pub struct GuestCrate {
    /// The package's name, for `cargo build --package`.
    pub package: String,
    /// The library target's name, which cargo reports with the module.
    pub target: String,
}

impl GuestCrate {
    /// The component's file name: the crate's name with underscores.
    pub fn component_file(&self) -> String {
        format!("{}.wasm", self.package.replace('-', "_"))
    }
}

/// Finds the apps in a workspace; all of them when no names are given.
///
/// # Errors
/// When there is no such workspace, or a name given is not the folder of an app.
pub fn find(folder: &Path, names: &[String]) -> anyhow::Result<Vec<App>> {
    if !folder.join("Cargo.toml").is_file() {
        bail!("there is no guest workspace at {}", folder.display());
    }
    let all = group(&workspace::metadata(folder)?, folder);
    let known: Vec<String> = all.iter().map(|app| name(&app.folder)).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no app `{unknown}`; the workspace holds {}", known.join(", "));
    }
    Ok(all.into_iter().filter(|app| names.is_empty() || names.contains(&name(&app.folder))).collect())
}

fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn group(metadata: &Value, workspace: &Path) -> Vec<App> {
    let mut apps: BTreeMap<PathBuf, Vec<GuestCrate>> = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(guest) = guest_crate(package) else { continue };
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        if let Some(folder) = app_folder(manifest, workspace) {
            apps.entry(folder).or_default().push(guest);
        }
    }
    apps.into_iter().map(|(folder, crates)| App { folder, crates }).collect()
}

fn guest_crate(package: &Value) -> Option<GuestCrate> {
    let is_cdylib = |target: &&Value| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"));
    let target = package["targets"].as_array()?.iter().find(is_cdylib)?;
    Some(GuestCrate { package: package["name"].as_str()?.to_owned(), target: target["name"].as_str()?.to_owned() })
}

/// The nearest folder above the crate's manifest that holds a `longhaul.toml`, within the workspace.
fn app_folder(manifest: &Path, workspace: &Path) -> Option<PathBuf> {
    let above = manifest.ancestors().skip(1).take_while(|folder| folder.starts_with(workspace));
    above.into_iter().find(|folder| folder.join("longhaul.toml").is_file()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_belong_to_the_nearest_folder_with_a_manifest() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for app in ["outer", "outer/inner"] {
            std::fs::create_dir_all(root.path().join(app)).expect("a folder");
            std::fs::write(root.path().join(app).join("longhaul.toml"), "").expect("a manifest");
        }
        let package = |name: &str, folder: &str, kind: &str| {
            serde_json::json!({
                "name": name,
                "manifest_path": root.path().join(folder).join("Cargo.toml"),
                "targets": [{ "name": name.replace('-', "_"), "kind": [kind] }],
            })
        };
        let metadata = serde_json::json!({ "packages": [
            package("first-function", "outer/first", "cdylib"),
            package("second-function", "outer/inner/second", "cdylib"),
            package("domain", "outer/domain", "lib"),
            package("stray", "elsewhere", "cdylib"),
        ]});
        let apps = group(&metadata, root.path());
        let found: Vec<_> = apps.iter().map(|app| (name(&app.folder), app.crates[0].component_file(), app.crates.len())).collect();
        assert_eq!(
            found,
            [("outer".to_owned(), "first_function.wasm".to_owned(), 1), ("inner".to_owned(), "second_function.wasm".to_owned(), 1)]
        );
    }
}
