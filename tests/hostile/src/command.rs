//! The program, run on something bad.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::{Host, longhaul_command};

use crate::row::Prepare;

/// Longest time until the program must have given up.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the program in a folder of its own and wants it to fail with `text`, and to leave every file as it was.
///
/// # Errors
/// What was wrong.
pub async fn fails(host: &Host, prepare: &Prepare, arguments: &[String], text: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    prepare(folder.path());
    let before = files(folder.path())?;
    let place = folder.path().to_string_lossy().into_owned();
    let words =
        [("{folder}", place.clone()), ("{host}", host.address().to_owned()), ("{data}", host.data().to_string_lossy().into_owned())];
    let arguments = arguments.iter().map(|argument| words.iter().fold(argument.clone(), |text, (word, value)| text.replace(word, value)));
    let mut command = longhaul_command();
    command.args(arguments).env("HOME", &place).current_dir(folder.path());
    let errors = place.clone() + "-stderr";
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(&errors)?);
    let mut child = command.spawn().context("the program cannot be started")?;
    let deadline = Instant::now() + LIMIT;
    let exit = loop {
        match child.try_wait()? {
            Some(exit) => break Some(exit),
            None if Instant::now() > deadline => break None,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    if exit.is_none() {
        child.kill()?;
        child.wait()?;
    }
    let said = std::fs::read_to_string(&errors)?;
    std::fs::remove_file(&errors)?;
    let exit = exit.with_context(|| format!("it still ran after {LIMIT:?}; it wrote:\n{said}"))?;
    ensure!(exit.code().is_some_and(|code| code != 0), "it ended with {exit}; it wrote:\n{said}");
    ensure!(said.contains(text), "it did not say '{text}'; it wrote:\n{said}");
    ensure!(!said.contains("panicked"), "it panicked:\n{said}");
    let after = files(folder.path())?;
    for (path, bytes) in &before {
        ensure!(after.get(path) == Some(bytes), "it changed {path}");
    }
    Ok(())
}

/// Every file below a folder with its bytes; what cannot be read has none.
fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // A pipe has none, and its reader would wait for a writer.
                let bytes = if path.is_file() { std::fs::read(&path).unwrap_or_default() } else { Vec::new() };
                found.insert(path.to_string_lossy().into_owned(), bytes);
            }
        }
    }
    Ok(found)
}
