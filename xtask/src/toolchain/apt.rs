//! Debian packages: installed when this user may, named exactly when not.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::process;
use crate::progress::note;

/// How this user may run apt-get.
enum Permission {
    Root,
    /// Sudo that asks for no password; anything else would hang a script.
    Sudo,
    None,
}

/// Installs packages, with the package lists brought up to date first.
///
/// # Errors
/// When there is no apt-get, this user may not use it (the message says what to type), or the installation fails.
pub fn install(packages: &[&str]) -> anyhow::Result<()> {
    if process::find_program("apt-get").is_none() {
        bail!("there is no apt-get on this machine; install the equivalent of {} by hand", packages.join(", "));
    }
    let permission = permission();
    if matches!(permission, Permission::None) {
        bail!("installing packages needs root or sudo without a password; type: {}", what_to_type(packages));
    }
    if let Err(error) = process::run(apt_get(&permission).args(["--quiet", "update"])) {
        // An unreachable third-party list is common and harmless; the installation shows whether it matters.
        note(&format!("{error:#}; trying to install all the same"));
    }
    let mut command = apt_get(&permission);
    // `--no-remove`: a compiler that is already installed from packages must not vanish.
    command.args(["--quiet", "--yes", "--no-install-recommends", "--no-remove", "install"]).args(packages);
    process::run(&mut command).with_context(|| format!("cannot install {}", packages.join(", ")))
}

/// The command for a person with the rights that this process lacks.
pub fn what_to_type(packages: &[&str]) -> String {
    format!("sudo apt-get update && sudo apt-get install --no-install-recommends {}", packages.join(" "))
}

fn permission() -> Permission {
    if process::probe(Command::new("id").arg("-u")).as_deref() == Some("0") {
        return Permission::Root;
    }
    match process::probe(Command::new("sudo").args(["-n", "true"])) {
        Some(_) => Permission::Sudo,
        None => Permission::None,
    }
}

fn apt_get(permission: &Permission) -> Command {
    let mut command = match permission {
        Permission::Root | Permission::None => Command::new("env"),
        Permission::Sudo => Command::new("sudo"),
    };
    if matches!(permission, Permission::Sudo) {
        command.args(["-n", "env"]);
    }
    // `env` inside sudo, because sudo drops variables that are set outside.
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]);
    command.current_dir(Path::new("/"));
    command
}
