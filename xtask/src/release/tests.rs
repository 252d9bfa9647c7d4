//! The bill of this checkout, against its lock file.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::bill::Bill;
use super::lock::Checksums;
use crate::workspace;

const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// What is in the program for certain, each by another way: asked for by name, deep below, C inside, ours.
const INSIDE: [&str; 6] = ["wasmtime", "cranelift-codegen", "libsqlite3-sys", "sqlite", "serde_core", "longhaul-core"];
/// What is not: for tests, in other programs of the workspace, at build time, or a macro.
const OUTSIDE: [&str; 7] = ["tempfile", "stats_alloc", "rcgen", "xtask", "cc", "serde_derive", "syn"];

/// Read once: cargo is asked for the whole workspace.
static BILL: LazyLock<Value> = LazyLock::new(|| {
    let target = super::own_target().expect("rustc says its target");
    serde_json::from_str(&Bill::read(&target).expect("a bill").to_json(DIGEST)).expect("JSON")
});

fn names(bill: &Value) -> BTreeSet<&str> {
    bill["components"].as_array().expect("components").iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

#[test]
fn the_bill_has_what_is_linked_into_the_program_and_nothing_else() {
    let names = names(&BILL);
    assert!(INSIDE.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(!OUTSIDE.iter().any(|name| names.contains(name)), "{names:?}");
    assert_eq!(BILL["metadata"]["component"]["name"], "longhaul");
    assert_eq!(BILL["metadata"]["component"]["hashes"][0]["content"], DIGEST);
}

#[test]
fn every_package_has_its_licence_and_the_checksum_of_the_lock_file() {
    let lock = std::fs::read_to_string(workspace::root().join("Cargo.lock")).expect("the lock file");
    let checksums = Checksums::parse(&lock);
    assert!(checksums.len() > 200 && lock.matches("checksum = ").count() == checksums.len(), "{} checksums", checksums.len());
    for component in BILL["components"].as_array().expect("components") {
        let (name, version) = (component["name"].as_str().expect("a name"), component["version"].as_str().expect("a version"));
        if name == "sqlite" || name.starts_with("longhaul") {
            assert_eq!(checksums.of(name, version), None, "{name} comes from no registry");
            continue;
        }
        assert_eq!(component["hashes"][0]["content"].as_str(), Some(checksums.of(name, version).expect(name)), "{name} {version}");
        let licence = component["licenses"][0]["expression"].as_str().unwrap_or_else(|| panic!("{name} has no licence"));
        assert!(!licence.contains('/'), "{name}: {licence}");
    }
}

#[test]
fn whatever_is_used_stands_in_the_bill_and_everything_in_it_is_used() {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let listed: BTreeSet<_> = BILL["components"].as_array().expect("components").iter().map(|one| text(&one["bom-ref"])).collect();
    let uses = BILL["dependencies"].as_array().expect("dependencies");
    let used: BTreeSet<_> = uses.iter().flat_map(|one| one["dependsOn"].as_array().expect("a list")).map(text).collect();
    assert_eq!(used, listed);
    assert_eq!(uses.len(), listed.len() + 1, "each package and the program itself");
}
