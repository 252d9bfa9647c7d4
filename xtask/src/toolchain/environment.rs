//! The environment of a guest build, cleaned of what belongs to the host build.

use std::process::Command;

use crate::process;

/// Variables of the build that runs this program. Rustup's proxies set some of them for all children; handed on, they would
/// make the guest's cargo use the host's compiler, flags or target folder.
const HOST_BUILD: [&str; 11] = [
    "CARGO",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
];

/// Removes the host build's variables.
pub fn forget_host_build(command: &mut Command) {
    for name in HOST_BUILD {
        command.env_remove(name);
    }
    process::forget_package(command);
}

/// Removes what rustup adds for the programs behind its proxies, for a compiler that is not rustup's.
pub fn forget_rustup(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RUSTUP_") || name.starts_with("RUST_RECURSION")) {
            command.env_remove(&name);
        }
    }
    // `cargo run` points the loader at its own toolchain's libraries.
    command.env_remove("LD_LIBRARY_PATH");
}
