//! The apps that the tests deploy.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::binary::root;

/// The apps of this checkout, with their built components.
pub struct Apps;

impl Apps {
    /// Retry, timeout, call-back: the reference app.
    pub fn sample() -> AppFolder {
        AppFolder::built("retry-timeout-callback")
    }

    /// Small functions that behave.
    pub fn hello_cities() -> AppFolder {
        AppFolder::built("hello-cities")
    }

    /// One orchestrator for each pattern.
    pub fn patterns() -> AppFolder {
        AppFolder::built("patterns")
    }

    /// Functions that misbehave on purpose, and some that drive the model into its corners.
    pub fn test_guests() -> AppFolder {
        AppFolder::built("test-guests")
    }
}

/// A folder that can be deployed.
pub struct AppFolder {
    folder: PathBuf,
    /// Set for copies: removes the folder in the end.
    _copy: Option<TempDir>,
}

impl AppFolder {
    fn built(name: &str) -> Self {
        let folder = root().join("guest-functions").join(name);
        let hint = "run `cargo xtask guests` first";
        let manifest = read_manifest(&folder);
        let mut components = manifest.lines().filter_map(|line| line.strip_prefix("component = \"")?.split('"').next());
        if let Some(missing) = components.find(|component| !folder.join(component).is_file()) {
            panic!("{} is not built: {hint}", folder.join(missing).display());
        }
        Self { folder, _copy: None }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The text of its manifest.
    pub fn manifest(&self) -> String {
        read_manifest(&self.folder)
    }

    /// A copy of the app with `change` applied to its manifest.
    pub fn with_manifest(&self, change: impl FnOnce(String) -> String) -> Self {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let components = copy.path().join("components");
        std::fs::create_dir(&components).expect("a folder for components");
        for entry in self.folder.join("components").read_dir().expect("the built components") {
            let file = entry.expect("an entry of the folder").path();
            std::fs::copy(&file, components.join(file.file_name().expect("an entry has a name"))).expect("a copy of a component");
        }
        std::fs::write(copy.path().join("longhaul.toml"), change(self.manifest())).expect("the changed manifest");
        Self { folder: copy.path().to_owned(), _copy: Some(copy) }
    }
}

fn read_manifest(folder: &Path) -> String {
    let path = folder.join("longhaul.toml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
