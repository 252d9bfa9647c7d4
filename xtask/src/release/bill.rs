//! The bill of materials: which packages are in the program.
//!
//! `cargo tree` says which those are, since it resolves features as a build of this one program does; `cargo metadata` has their licences and
//! which package uses which, and `Cargo.lock` their checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use super::lock::Checksums;
use crate::{process, workspace};

/// The package of the program.
const PROGRAM: &str = "longhaul";
/// The package that has SQLite inside, and where its sources say which version that is.
const SQLITE_PACKAGE: &str = "libsqlite3-sys";
const SQLITE_HEADER: &str = "sqlite3/sqlite3.h";

/// Name and version: cargo builds no two packages into one program that share both.
type Name = (String, String);

/// A package that is in the program.
struct Package {
    licence: Option<String>,
    checksum: Option<String>,
    uses: BTreeSet<Name>,
}

/// What is in the program, for one target.
pub struct Bill {
    packages: BTreeMap<Name, Package>,
    sqlite: Option<String>,
}

impl Bill {
    /// Asks cargo, and the lock file.
    ///
    /// # Errors
    /// When cargo cannot read the workspace, when its answer has another form than documented, or when the lock file is out of date.
    pub fn read(target: &str) -> anyhow::Result<Self> {
        let inside = packages_of_program(target)?;
        let metadata = metadata(target)?;
        let path = workspace::root().join("Cargo.lock");
        let lock = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let checksums = Checksums::parse(&lock);

        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (mut names, mut packages, mut sqlite) = (BTreeMap::new(), BTreeMap::new(), None);
        for package in list(&metadata["packages"]) {
            let (Some(id), Some(name), Some(version)) = (text(&package["id"]), text(&package["name"]), text(&package["version"])) else {
                anyhow::bail!("cargo metadata lists a package without id, name or version");
            };
            if !inside.contains(&(name.clone(), version.clone())) {
                continue;
            }
            if name == SQLITE_PACKAGE {
                sqlite = sqlite_version(Path::new(package["manifest_path"].as_str().unwrap_or_default()))?;
            }
            // Some packages have the old form, where a slash leaves the choice.
            let licence = text(&package["license"]).map(|licence| licence.replace(" / ", "/").replace('/', " OR "));
            let checksum = checksums.of(&name, &version).map(str::to_owned);
            names.insert(id, (name.clone(), version.clone()));
            packages.insert((name, version), Package { licence, checksum, uses: BTreeSet::new() });
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let user = node["id"].as_str().and_then(|id| names.get(id)).and_then(|name| packages.get_mut(name));
            if let Some(user) = user {
                let used = list(&node["deps"]).into_iter().filter(is_normal).filter_map(|dep| names.get(dep["pkg"].as_str()?).cloned());
                user.uses.extend(used);
            }
        }
        Ok(Self { packages, sqlite })
    }

    /// The program's version.
    pub fn version(&self) -> &str {
        self.packages.keys().find(|(name, _)| name == PROGRAM).map_or("", |(_, version)| version)
    }

    /// How many packages are in it.
    pub fn packages(&self) -> usize {
        self.packages.len()
    }

    /// CycloneDX 1.6, of a program with this digest.
    pub fn to_json(&self, program_sha256: &str) -> String {
        let program = (PROGRAM.to_owned(), self.version().to_owned());
        let others = self.packages.iter().filter(|(name, _)| **name != program);
        let mut components: Vec<Value> = others.map(|(name, package)| component(name, package)).collect();
        let mut uses: Vec<Value> = self.packages.iter().map(|(name, package)| self.uses(name, package)).collect();
        if let Some(version) = &self.sqlite {
            let purl = sqlite_purl(version);
            components.push(json!({
                "type": "library", "bom-ref": purl, "name": "sqlite", "version": version, "purl": purl,
                "cpe": format!("cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*"),
                "licenses": [{ "license": { "id": "blessing" } }],
            }));
            uses.push(json!({ "ref": purl, "dependsOn": [] }));
        }
        let bill = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": { "component": {
                "type": "application", "bom-ref": purl(&program), "name": program.0, "version": program.1, "purl": purl(&program),
                "hashes": [{ "alg": "SHA-256", "content": program_sha256 }],
            }},
            "components": components,
            "dependencies": uses,
        });
        format!("{bill:#}\n")
    }

    fn uses(&self, name: &Name, package: &Package) -> Value {
        let sqlite = self.sqlite.iter().filter(|_| name.0 == SQLITE_PACKAGE).map(|version| sqlite_purl(version));
        let used: Vec<_> = package.uses.iter().map(purl).chain(sqlite).collect();
        json!({ "ref": purl(name), "dependsOn": used })
    }
}

fn component(name: &Name, package: &Package) -> Value {
    let mut component = json!({ "type": "library", "bom-ref": purl(name), "name": name.0, "version": name.1, "purl": purl(name) });
    if let Some(licence) = &package.licence {
        component["licenses"] = json!([{ "expression": licence }]);
    }
    if let Some(checksum) = &package.checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

fn purl((name, version): &Name) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn sqlite_purl(version: &str) -> String {
    format!("pkg:generic/sqlite@{version}")
}

/// Packages that the program is linked from: what runs at build time only, macros among it, is not in it.
fn packages_of_program(target: &str) -> anyhow::Result<BTreeSet<Name>> {
    let mut command = process::cargo();
    command.current_dir(workspace::root()).args(["tree", "--locked", "--package", PROGRAM, "--target", target]);
    let tree = process::output(command.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]))?;
    // `name v1.2.3`, and perhaps where it lies or a mark that it was listed before.
    let package = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines.map(|line| package(line).with_context(|| format!("`cargo tree` printed '{line}'"))).collect()
}

fn metadata(target: &str) -> anyhow::Result<Value> {
    let mut command = process::cargo();
    command.current_dir(workspace::root()).args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target]);
    serde_json::from_str(&process::output(&mut command)?).context("cannot read what cargo metadata printed")
}

/// Whether a dependency is more than one of tests or build scripts.
fn is_normal(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

/// The version of the SQLite that the package at this manifest has inside.
fn sqlite_version(manifest: &Path) -> anyhow::Result<Option<String>> {
    let header: PathBuf = manifest.with_file_name("").join(SQLITE_HEADER);
    let text = std::fs::read_to_string(&header).with_context(|| format!("cannot read {}", header.display()))?;
    let define = text.lines().find_map(|line| line.strip_prefix("#define SQLITE_VERSION ")).map(|value| value.trim().trim_matches('"'));
    Ok(Some(define.with_context(|| format!("{} does not say which version of SQLite it is", header.display()))?.to_owned()))
}
