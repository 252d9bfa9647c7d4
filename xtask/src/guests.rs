//! From guest crates to components: `guest-functions/<app>/components/<crate>.wasm`.

mod apps;
mod component;
mod initial_memory;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args;

use crate::progress::{headline, note, step};
use crate::toolchain::{self, Route, RouteName};
use crate::{process, workspace};
use apps::App;

/// Builds the guest functions and turns each into a component.
///
/// Every crate of type `cdylib` below a folder with a `longhaul.toml` becomes `components/<crate>.wasm` in that folder, where
/// `longhaul deploy` finds it. Components that did not change are left alone, those without a crate are removed. The first
/// build takes about two minutes where the standard library is built from source, later ones a few seconds.
#[derive(Args)]
pub struct GuestsArguments {
    /// Build this app only (the name of its folder); may be given several times
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<String>,
    /// Take this toolchain only, instead of the first that works
    #[arg(long, env = "LONGHAUL_GUEST_ROUTE", value_enum)]
    route: Option<RouteName>,
    /// The cargo workspace that holds the apps [default: guest-functions]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

impl GuestsArguments {
    /// Builds all apps of the checkout.
    pub fn for_all(route: Option<RouteName>) -> Self {
        Self { apps: Vec::new(), route, workspace: None }
    }

    /// Builds one app of the checkout.
    pub fn for_app(name: &str, route: Option<RouteName>) -> Self {
        Self { apps: vec![name.to_owned()], ..Self::for_all(route) }
    }
}

/// Runs `cargo xtask guests`.
pub fn build(arguments: &GuestsArguments) -> anyhow::Result<()> {
    headline("Looking for the guest toolchain");
    let route = toolchain::ensure(arguments.route)?;
    note(&format!("guests are built by {}", route.describe()));
    let folder = match &arguments.workspace {
        Some(folder) => folder.canonicalize().with_context(|| format!("cannot find the guest workspace {}", folder.display()))?,
        None => workspace::guest_functions(),
    };
    let found = apps::find(&folder, &arguments.apps)?;
    if found.is_empty() {
        bail!("no crate of type `cdylib` lies below a folder with a longhaul.toml in {}", folder.display());
    }
    let count: usize = found.iter().map(|app| app.crates.len()).sum();
    let heading = format!("Compiling guest crates: {count} (about 2 minutes the first time, seconds later)");
    let modules = step(&heading, || compile(&route, &folder, &found))?;
    step("Turning modules into components", || write_components(&found, &modules))
}

/// Builds all crates at once and returns where cargo put each module.
fn compile(route: &Route, folder: &Path, apps: &[App]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut command = route.build(folder);
    // One target folder whatever the host build uses, so that the standard library is built once.
    command.arg("--target-dir").arg(folder.join("target"));
    command.arg("--message-format=json-render-diagnostics");
    for guest in apps.iter().flat_map(|app| &app.crates) {
        command.args(["--package", &guest.package]);
    }
    let messages = process::output(command.stderr(Stdio::inherit()))?;
    Ok(messages.lines().filter_map(built_module).collect())
}

/// Reads target name and file from one of cargo's messages, when it reports a module.
fn built_module(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let mut files = message["filenames"].as_array()?.iter().filter_map(|file| file.as_str());
    let module = files.find(|file| file.ends_with(".wasm"))?;
    Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(module)))
}

fn write_components(apps: &[App], modules: &BTreeMap<String, PathBuf>) -> anyhow::Result<()> {
    for app in apps {
        let folder = app.folder.join("components");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        for guest in &app.crates {
            let module = modules.get(&guest.target).with_context(|| format!("cargo reported no module for `{}`", guest.package))?;
            let file = folder.join(guest.component_file());
            let written = component::write(module, &file)?;
            note(&format!("{} ({})", workspace::shown(&file), written));
        }
        let expected: Vec<String> = app.crates.iter().map(apps::GuestCrate::component_file).collect();
        component::remove_stale(&folder, &expected)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_modules_name_a_module() {
        let module = r#"{"reason":"compiler-artifact","target":{"name":"main_orchestrator"},"filenames":["/t/main_orchestrator.wasm"]}"#;
        let library = r#"{"reason":"compiler-artifact","target":{"name":"domain"},"filenames":["/t/libdomain.rlib"]}"#;
        assert_eq!(built_module(module), Some(("main_orchestrator".to_owned(), PathBuf::from("/t/main_orchestrator.wasm"))));
        assert_eq!(built_module(library), None);
        assert_eq!(built_module("not a message"), None);
    }
}
