//! Where the programs under test are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Names a folder with programs to test, release builds for instance, instead of those that cargo builds for the tests.
const PROGRAMS: &str = "LONGHAUL_TEST_PROGRAMS";

/// A command that runs the `longhaul` of this build.
///
/// # Panics
/// When it cannot be built.
pub fn longhaul_command() -> Command {
    program("longhaul")
}

/// A command that runs the sample's external system.
pub(crate) fn web_api_command() -> Command {
    program("web-api")
}

/// A folder for compiled components, which all hosts of this build share: compiling an app anew takes a debug build seconds.
pub fn compiled_cache() -> PathBuf {
    profile_folder().join("e2e-compiled")
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or_else(|error| panic!("cannot find the checkout at {}: {error}", root.display()))
}

fn program(name: &str) -> Command {
    // Cargo builds a package's programs for that package's own tests only, so these have to be asked for, once for each test file.
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::var_os(PROGRAMS).map_or_else(build, PathBuf::from));
    Command::new(folder.join(name).with_extension(std::env::consts::EXE_EXTENSION))
}

/// Builds the programs with the profile of the tests, beside the tests; quick when nothing changed. Returns their folder.
fn build() -> PathBuf {
    let folder = profile_folder();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Cargo describes the package that it tests in these variables. Inherited, they would make build
    // scripts that read them (ring's) run again, and compile everything above them again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(&name);
        }
    }
    // All of the workspace is named, because that chooses the same features of the dependencies as `cargo test --workspace`.
    cargo.args(["build", "--quiet", "--workspace", "--bin", "longhaul", "--bin", "web-api", "--manifest-path"]);
    cargo.arg(root().join("Cargo.toml")).arg("--target-dir").arg(folder.parent().expect("a profile's folder lies in the target folder"));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let output = cargo.output().unwrap_or_else(|error| panic!("cannot run {cargo:?}: {error}"));
    assert!(output.status.success(), "{cargo:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Where cargo puts programs. Tests lie in `deps` below it, programs that use this crate in the folder itself.
fn profile_folder() -> PathBuf {
    let this = std::env::current_exe().expect("a program knows its own path");
    let folder = this.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent().expect("a test lies in the target folder") } else { folder };
    profile.to_owned()
}
