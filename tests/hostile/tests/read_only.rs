//! Data that cannot be written to.

use std::path::Path;
use std::process::{Command, Output};

use e2e::longhaul_command;

fn serve(data: &Path) -> Output {
    let mut command = longhaul_command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=off", "--data"]).arg(data);
    command.arg("--compiled-cache").arg(data.with_extension("cache")).output().expect("the program can be started")
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// A mount that is undone with its value.
struct Mount<'a>(&'a Path);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        succeeds(Command::new("umount").arg(self.0));
    }
}

/// Makes a file or a folder read-only, even for root; `None` if this process may not.
fn read_only(path: &Path) -> Option<Mount<'_>> {
    let bound = succeeds(Command::new("mount").arg("--bind").args([path, path]));
    let mount = bound.then(|| Mount(path))?;
    succeeds(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(path)).then_some(mount)
}

/// A data folder with a database that the host has made.
fn data(folder: &Path) -> std::path::PathBuf {
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder");
    let made = longhaul_command().args(["keys", "list", "--offline", "--data"]).arg(&data).output().expect("the program can be started");
    assert!(made.status.success(), "{made:?}");
    data
}

#[track_caller]
fn refused(data: &Path) {
    let database = data.join("longhaul.db");
    let before = std::fs::read(&database).expect("a database");
    let output = serve(data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&*database.to_string_lossy()) && said.contains("Read-only"), "the file and the reason are not named: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(std::fs::read(&database).expect("a database") == before, "it was changed");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused_by_name_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = data(folder.path());
    let Some(_mount) = read_only(&data) else { return println!("skipped: this process may not mount") };
    refused(&data);
}

#[test]
fn a_database_that_cannot_be_written_to_is_refused_by_name_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = data(folder.path());
    let database = data.join("longhaul.db");
    let Some(_mount) = read_only(&database) else { return println!("skipped: this process may not mount") };
    refused(&data);
}
