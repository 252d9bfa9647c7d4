//! The Debian route: a second compiler from packages, which builds the standard library from its sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::{TARGET, apt, environment};
use crate::process;
use crate::progress::note;

// Absolute paths, because rustup's proxies of the same names come first on the search path.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
const COMPILER_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const LINKER_PACKAGE: &str = "lld-19";

/// The oldest minor version of Rust 1 that compiles the guest SDK (edition 2024, `rust-version` of the workspace).
const OLDEST_MINOR_VERSION: u32 = 95;

/// Debian's compiler with its sources and a linker for wasm.
pub struct Toolchain {
    linker: PathBuf,
}

impl Toolchain {
    /// The program that links guests.
    pub fn linker(&self) -> &Path {
        &self.linker
    }

    /// A release build for the target, standard library included.
    pub fn build(&self) -> Command {
        let mut command = Command::new(CARGO);
        environment::forget_host_build(&mut command);
        environment::forget_rustup(&mut command);
        // `-Zbuild-std` is unstable; this lets a stable compiler accept it.
        command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", RUSTC);
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &self.linker);
        command.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
        command
    }
}

/// The toolchain, when compiler, sources and a linker are all there.
pub fn find() -> Option<Toolchain> {
    if !compiler_is_complete() {
        return None;
    }
    find_linker().map(|linker| Toolchain { linker })
}

/// Installs the packages that are missing.
///
/// # Errors
/// When apt is missing, may not be used, does not know the packages, or they turn out to be too old.
pub fn install() -> anyhow::Result<Toolchain> {
    let packages = missing_packages();
    note(&format!("installing Debian's guest compiler: {} (about 250 MB)", packages.join(" ")));
    apt::install(&packages)?;
    find().with_context(|| format!("{} are installed, but {RUSTC} is older than 1.{OLDEST_MINOR_VERSION}", packages.join(", ")))
}

/// The command for a person who may install what this program may not.
pub fn what_to_type() -> String {
    apt::what_to_type(&missing_packages())
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if !compiler_is_complete() {
        packages.extend(COMPILER_PACKAGES);
    }
    if find_linker().is_none() {
        packages.push(LINKER_PACKAGE);
    }
    packages
}

fn compiler_is_complete() -> bool {
    let Some(version) = process::probe(clean(RUSTC).arg("--version")) else { return false };
    let Some(sysroot) = process::probe(clean(RUSTC).args(["--print", "sysroot"])) else { return false };
    let sources = Path::new(&sysroot).join("lib/rustlib/src/rust/library/std/src/lib.rs");
    minor_version(&version).is_some_and(|minor| minor >= OLDEST_MINOR_VERSION) && sources.is_file() && process::is_program(Path::new(CARGO))
}

fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    environment::forget_host_build(&mut command);
    environment::forget_rustup(&mut command);
    command
}

/// Reads 96 from `rustc 1.96.0 (ac68faa20 2026-05-25)`.
fn minor_version(text: &str) -> Option<u32> {
    text.strip_prefix("rustc 1.")?.split('.').next()?.parse().ok()
}

/// The newest `wasm-ld`, or else the linker that rustup ships inside its toolchain.
fn find_linker() -> Option<PathBuf> {
    newest_wasm_ld(Path::new("/usr/bin")).or_else(rust_lld)
}

fn newest_wasm_ld(folder: &Path) -> Option<PathBuf> {
    let numbered = folder.read_dir().ok()?.flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.strip_prefix("wasm-ld-")?.parse().ok()?;
        Some((version, entry.path()))
    });
    let newest = numbered.max().map(|(_, path)| path);
    newest.or_else(|| Some(folder.join("wasm-ld"))).filter(|path| process::is_program(path))
}

fn rust_lld() -> Option<PathBuf> {
    let libraries = process::probe(Command::new("rustc").args(["--print", "target-libdir"]))?;
    let linker = Path::new(&libraries).parent()?.join("bin/rust-lld");
    process::is_program(&linker).then_some(linker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_read_from_the_compilers_own_line() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor_version("clang version 19.1"), None);
    }

    #[test]
    fn the_newest_numbered_linker_wins() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["wasm-ld-9", "wasm-ld-19", "wasm-ld", "wasm-ld-x"] {
            let path = folder.path().join(name);
            std::fs::write(&path, "").expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        assert_eq!(newest_wasm_ld(folder.path()), Some(folder.path().join("wasm-ld-19")));
    }

    #[test]
    fn a_folder_without_a_linker_yields_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(newest_wasm_ld(folder.path()), None);
    }
}
