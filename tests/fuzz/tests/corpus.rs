//! The kept inputs, and random changes of them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz::mutate::changed;
use fuzz::{TARGETS, Target};
use seeded::Random;

/// Random changes for each target, unless `LONGHAUL_FUZZ_RUNS` says otherwise.
const RUNS: usize = 3_000;
/// What they are made from, unless `LONGHAUL_FUZZ_SEED` says otherwise.
const SEED: u64 = 7;
/// Most kept inputs of a target, and most bytes of all of them together: what is kept is read by people and by every run.
const MAX_KEPT: usize = 200;
const MAX_KEPT_BYTES: usize = 300 * 1024;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned()).collect()
}

/// The kept inputs of a target in order of their names, with their files.
fn kept(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = here().join("corpus").join(target);
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("a kept input can be read"))).collect()
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a target; what makes it panic is written to a file, so that it can be looked at and kept.
fn run((name, target): Target, data: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(data))).is_err() {
        let file = std::env::temp_dir().join(format!("longhaul-fuzz-{name}"));
        std::fs::write(&file, data).expect("the input can be written");
        panic!("{name} fails for {what}, which is now in {}: {:?}", file.display(), String::from_utf8_lossy(data));
    }
}

#[test]
fn every_target_has_kept_inputs_and_a_program_for_libfuzzer() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names_in(&here().join("corpus")), targets);
    assert_eq!(names_in(&here().join("libfuzzer/fuzz_targets")), targets);
    let mut bytes = 0;
    for name in &targets {
        let inputs = kept(name);
        assert!((1..=MAX_KEPT).contains(&inputs.len()), "{name} has {} kept inputs", inputs.len());
        bytes += inputs.iter().map(|(_, input)| input.len()).sum::<usize>();
    }
    assert!(bytes <= MAX_KEPT_BYTES, "{bytes} bytes are kept");
}

#[test]
fn every_kept_input_keeps_every_property() {
    for target in TARGETS {
        for (path, input) in kept(target.0) {
            run(*target, &input, &path.display().to_string());
        }
    }
}

#[test]
fn random_changes_of_kept_inputs_keep_every_property() {
    let (seed, runs) = (setting("LONGHAUL_FUZZ_SEED", SEED), setting("LONGHAUL_FUZZ_RUNS", RUNS));
    for target in TARGETS {
        let inputs: Vec<_> = kept(target.0).into_iter().map(|(_, input)| input).collect();
        let mut chance = Random::new(seed);
        for number in 0..runs {
            run(*target, &changed(&inputs, &mut chance), &format!("change {number} of seed {seed}"));
        }
    }
}
