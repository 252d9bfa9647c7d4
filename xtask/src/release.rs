//! `cargo xtask release`: what is handed to people who run Longhaul and do not build it.

mod bill;
mod lock;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::progress::{headline, note, step};
use crate::{process, workspace};
use bill::Bill;

/// What goes along with the program.
const DOCUMENTS: [&str; 3] = ["README.md", "SECURITY.md", "CHANGELOG.md"];

/// Builds the host for others: an archive, a bill of materials, and SHA-256 sums of both.
///
/// All of it goes to `dist` in the target folder:
///
/// longhaul-VERSION-TARGET.tar.gz (the program, README.md, SECURITY.md, CHANGELOG.md and the bill), the same bill as
/// longhaul-VERSION-TARGET.cdx.json, and SHA256SUMS, which `sha256sum --check` reads.
///
/// The bill is CycloneDX 1.6 in JSON: every package that is in the program, with version, licence and the checksum of Cargo.lock, the
/// SQLite inside, and which package uses which. Same sources, same bill.
#[derive(Args)]
pub struct ReleaseArguments {
    /// Build for this target instead of the machine's own
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// Runs `cargo xtask release`.
pub fn run(arguments: &ReleaseArguments) -> anyhow::Result<()> {
    let target = arguments.target.clone().map_or_else(own_target, Ok)?;
    let program = step("Building the host", || build(arguments.target.as_deref()))?;
    let bill = Bill::read(&target)?;
    let name = format!("longhaul-{}-{target}", bill.version());
    let dist = workspace::target().join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    copy(&program, &folder.join("longhaul"))?;
    for document in DOCUMENTS {
        copy(&workspace::root().join(document), &folder.join(document))?;
    }
    let text = bill.to_json(&sha256_of(&program)?);
    for path in [folder.join("longhaul.cdx.json"), dist.join(format!("{name}.cdx.json"))] {
        std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    pack(&dist, &name)?;
    let sums = process::output(Command::new("sha256sum").current_dir(&dist).args([format!("{name}.tar.gz"), format!("{name}.cdx.json")]))?;
    std::fs::write(dist.join("SHA256SUMS"), sums).context("cannot write SHA256SUMS")?;
    headline(&format!("{name} is in {}", workspace::shown(&dist)));
    note(&format!("{} packages are in it", bill.packages()));
    Ok(())
}

fn build(target: Option<&str>) -> anyhow::Result<PathBuf> {
    let mut command = process::cargo();
    command.current_dir(workspace::root()).args(["build", "--release", "--locked", "--package", "longhaul"]);
    process::run(command.args(target.iter().flat_map(|target| ["--target", target])))?;
    Ok(workspace::target().join(target.unwrap_or_default()).join("release/longhaul"))
}

/// The target that cargo builds for by default.
fn own_target() -> anyhow::Result<String> {
    let text = process::output(Command::new("rustc").arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not say for which target it builds")
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn sha256_of(path: &Path) -> anyhow::Result<String> {
    let text = process::output(Command::new("sha256sum").arg(path))?;
    let Some(sum) = text.split_whitespace().next().filter(|sum| sum.len() == 64) else { bail!("sha256sum printed '{text}'") };
    Ok(sum.to_owned())
}

/// Names, owners and times do not depend on the packer's user or clock: the same program gives the same archive.
fn pack(dist: &Path, name: &str) -> anyhow::Result<()> {
    let mut tar = Command::new("tar");
    tar.current_dir(dist).args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mtime=@0",
        "--use-compress-program=gzip -n",
    ]);
    process::run(tar.args(["--create", "--file"]).arg(format!("{name}.tar.gz")).arg(name))
}
