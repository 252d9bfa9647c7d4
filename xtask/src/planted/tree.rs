//! The copy of the checkout that bugs are planted in.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::{process, workspace};

/// Built guests, as git matches paths.
const BUILT_GUESTS: &str = "guest-functions/*/components/*";

/// Everything of this command.
pub fn folder() -> PathBuf {
    workspace::target().join("planted")
}

/// Where the copy is.
pub fn tree() -> PathBuf {
    folder().join("tree")
}

/// Makes the copy the same as the checkout, what is not committed yet and built guests included. Only files that differ are written, and those
/// with the time of now: cargo has to see that a planted file is another one again.
///
/// # Errors
/// When git cannot list the files, or one cannot be copied.
pub fn refresh() -> anyhow::Result<()> {
    let (root, tree) = (workspace::root(), tree());
    let files = files(&root)?;
    for file in &files {
        let (from, to) = (root.join(file), tree.join(file));
        let bytes = std::fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if std::fs::read(&to).is_ok_and(|before| before == bytes) {
            continue;
        }
        let parent = to.parent().expect("files of the copy lie in a folder");
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&to, bytes));
        written.with_context(|| format!("cannot write {}", to.display()))?;
    }
    remove_others(&tree, &tree, &files)
}

/// Applies a patch to the copy.
///
/// # Errors
/// When it does not apply: the code has changed since it was made.
pub fn apply(patch: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    // The copy lies inside the checkout, and git would look for the files there.
    command.arg("apply").arg(patch).current_dir(tree()).env("GIT_CEILING_DIRECTORIES", folder());
    process::run(&mut command)
}

/// Files of the checkout that still are there, as paths below its root.
fn files(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut files = listed(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    // Guests are built, not committed; tests run them.
    files.extend(listed(root, &["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", BUILT_GUESTS])?);
    files.retain(|file| root.join(file).is_file());
    Ok(files)
}

fn listed(root: &Path, arguments: &[&str]) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(root);
    let output = command.output().with_context(|| format!("cannot start `{}`", process::line(&command)))?;
    anyhow::ensure!(output.status.success(), "`{}` failed: {}", process::line(&command), String::from_utf8_lossy(&output.stderr));
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}

/// Removes what the checkout does not have.
fn remove_others(tree: &Path, folder: &Path, files: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(tree, &path, files)?;
        } else if path.strip_prefix(tree).is_ok_and(|below| !files.contains(below)) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}
