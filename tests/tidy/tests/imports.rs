//! Imports point one way, as `ARCHITECTURE.md` draws it. A type needed on both sides belongs in core, or two types are meant.

use std::collections::BTreeSet;

use tidy::{assert_none, root, source_files};

/// The crates of ours that a manifest depends on, whatever the kind of dependency.
fn ours(manifest: &str) -> BTreeSet<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let own = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str).map(str::to_owned);
    let mut found = kinds_of_dependency(&manifest);
    // Dependencies of one platform stand below `[target.<platform>]`.
    let platforms = manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(|platforms| platforms.values());
    found.extend(platforms.filter_map(toml::Value::as_table).flat_map(kinds_of_dependency));
    // A crate's own tests may use it with a feature of its own.
    found.into_iter().filter(|name| name.starts_with("longhaul") && Some(name) != own.as_ref()).collect()
}

/// The names in `dependencies`, `dev-dependencies` and `build-dependencies`; a renamed one by its package's name.
fn kinds_of_dependency(table: &toml::Table) -> BTreeSet<String> {
    let kinds = table.iter().filter(|(name, _)| name.ends_with("dependencies")).filter_map(|(_, value)| value.as_table());
    let package = |(name, value): (&String, &toml::Value)| value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned();
    kinds.flat_map(|kind| kind.iter().map(package)).collect()
}

fn dependencies_of(folder: &str) -> BTreeSet<String> {
    let path = root().join(folder).join("Cargo.toml");
    ours(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())))
}

#[test]
fn the_core_depends_on_nothing_of_ours() {
    assert_eq!(dependencies_of("host/core"), BTreeSet::new());
}

/// What speaks of HTTP or of Azure, in code and in prose.
const WORDS_OF_THE_WIRE: [&str; 7] = ["azure", "http", "https", "hyper", "pascalcase", "webhook", "webhooks"];

/// Whether a line of code or prose has one of these words. An error type that a guest may choose, written `"Http"`, is none.
fn speaks_of_the_wire(line: &str) -> bool {
    let line = line.replace("\"Http\"", "").replace("Http: ", "");
    let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| WORDS_OF_THE_WIRE.contains(&word.to_lowercase().as_str()))
}

#[test]
fn the_core_knows_nothing_of_http_or_azure() {
    let sources = source_files().into_iter().filter(|file| file.path.starts_with("host/core/src/") || file.path == "host/core/Cargo.toml");
    let lines = sources.flat_map(|file| {
        let numbered = file.text.lines().enumerate();
        let found = numbered.filter(|(_, line)| speaks_of_the_wire(line));
        found.map(|(index, line)| format!("{}:{}: {}", file.path, index + 1, line.trim())).collect::<Vec<_>>()
    });
    let found: Vec<_> = lines.collect();
    assert_none("the core decides; how a client sees that is the business of host/http/src/azure", &found);
}

#[test]
fn words_of_the_wire_are_found_in_code_and_in_prose() {
    let found = ["use http::StatusCode;", "/// As in Azure Durable Functions.", "http = { workspace = true }"];
    assert!(found.into_iter().all(speaks_of_the_wire));
    let others = ["Failure::new(\"Http\", \"503\")", "\"Http: Activity function 'A' failed: 503\"", "fn https_is_no_word() {}"];
    assert!(!others.into_iter().any(speaks_of_the_wire));
}

#[test]
fn store_and_wasm_know_the_core_and_not_each_other() {
    let core_only = BTreeSet::from(["longhaul-core".to_owned()]);
    assert!(dependencies_of("host/store").is_subset(&core_only), "{:?}", dependencies_of("host/store"));
    assert!(dependencies_of("host/wasm").is_subset(&core_only), "{:?}", dependencies_of("host/wasm"));
}

#[test]
fn the_engine_knows_the_core_and_the_store_and_neither_guests_nor_apps() {
    let below = BTreeSet::from(["longhaul-core".to_owned(), "longhaul-store".to_owned()]);
    assert_eq!(dependencies_of("host/engine"), below);
}

/// What each crate above the engine may depend on.
const UPPER: &[(&str, &[&str])] = &[
    ("host/app", &["longhaul-core", "longhaul-engine", "longhaul-store", "longhaul-wasm"]),
    ("host/http", &["longhaul-app", "longhaul-core", "longhaul-engine", "longhaul-store"]),
    ("host/cli", &["longhaul-app", "longhaul-core", "longhaul-engine", "longhaul-http", "longhaul-store", "longhaul-wasm"]),
];

#[test]
fn apps_know_no_http_and_http_knows_no_guests_and_nothing_knows_the_command_line() {
    for (folder, allowed) in UPPER {
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert!(dependencies_of(folder).is_subset(&allowed), "{folder}: {:?}", dependencies_of(folder));
    }
}

/// The crates of the host, by folder.
const CRATES: [&str; 7] = ["app", "cli", "core", "engine", "http", "store", "wasm"];

#[test]
fn every_crate_of_the_host_has_a_rule() {
    let folders = root().join("host").read_dir().expect("the folder of the host");
    let folders: BTreeSet<_> = folders.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, CRATES.map(str::to_owned).into());
}

/// Within the crate of apps: when a schedule is due is no business of the jobs that run it, and the manifest knows neither jobs nor the registry.
#[test]
fn manifests_know_nothing_of_what_runs_them() {
    let above = ["crate::registry", "crate::schedules", "crate::deployment", "crate::guests", "longhaul_engine"];
    let breaches = tidy::source_files().into_iter().filter(|file| {
        let is_below = file.path.starts_with("host/app/src/manifest") || file.path.starts_with("host/app/src/cron");
        is_below && above.iter().any(|name| file.text.contains(name))
    });
    tidy::assert_none("manifests and schedules' times that know what runs them", &breaches.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn every_kind_of_dependency_counts() {
    let manifest = "[dependencies]\nlonghaul-a = {}\nserde = '1'\n[dev-dependencies]\nb = { package = 'longhaul-b' }\n\
                    [target.'cfg(unix)'.dependencies]\nlonghaul-c = {}\n";
    assert_eq!(ours(manifest), ["longhaul-a", "longhaul-b", "longhaul-c"].map(str::to_owned).into());
}

#[test]
fn what_is_built_by_default_is_all_but_the_fuzzing() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest of the workspace");
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let listed = |name: &str| -> BTreeSet<&str> {
        let list = manifest["workspace"].get(name).and_then(toml::Value::as_array).expect("a list of folders");
        list.iter().filter_map(toml::Value::as_str).collect()
    };
    let mut wanted = listed("members");
    assert!(wanted.remove("tests/fuzz"));
    assert_eq!(listed("default-members"), wanted);
}
