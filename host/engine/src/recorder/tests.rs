use super::*;

fn key(name: &str) -> Key {
    Key::of(&[name.as_bytes()])
}

fn open(folder: &Path) -> Arc<Recorder> {
    Recorder::open(folder, 3).unwrap()
}

/// A start of the host whose process is killed while the named calls run, as far as they are let
/// run.
fn die_during(folder: &Path, names: &[&str]) -> Vec<String> {
    let recorder = open(folder);
    let mut refused = Vec::new();
    for name in names {
        match recorder.try_admit(key(name)) {
            // A process that is killed drops nothing.
            Admission::Granted(entry) => std::mem::forget(entry),
            Admission::Later => {}
            Admission::Refused(_) => refused.push((*name).to_owned()),
        }
    }
    refused
}

#[test]
fn a_call_during_which_the_host_died_three_times_is_refused_and_then_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        assert!(die_during(folder.path(), &["killer"]).is_empty());
    }
    assert_eq!(die_during(folder.path(), &["killer"]), ["killer"]);
    let recorder = open(folder.path());
    recorder.forget(&key("killer"));
    assert!(matches!(recorder.try_admit(key("killer")), Admission::Granted(_)));
}

#[test]
fn a_neighbour_is_never_charged_with_the_last_death() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        die_during(folder.path(), &["killer", "neighbour"]);
    }
    assert_eq!(die_during(folder.path(), &["killer", "neighbour"]), ["killer"]);
}

#[test]
fn nothing_is_recorded_before_the_first_unclean_end_and_after_a_clean_one() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        let recorder = open(folder.path());
        assert!(!recorder.is_armed());
        assert!(matches!(recorder.try_admit(key("call")), Admission::Granted(None)));
        recorder.close();
    }
    die_during(folder.path(), &[]);
    assert!(open(folder.path()).is_armed());
}

#[test]
fn what_ends_well_has_a_clean_slate() {
    let folder = tempfile::tempdir().unwrap();
    die_during(folder.path(), &["call"]);
    die_during(folder.path(), &["call"]);
    let recorder = open(folder.path());
    assert!(recorder.is_suspect(&key("call")));
    let Admission::Granted(Some(entry)) = recorder.try_admit(key("call")) else { panic!("it may run alone") };
    entry.ended();
    drop(recorder);
    assert!(!open(folder.path()).is_suspect(&key("call")));
}

#[test]
fn a_call_that_is_given_up_or_stopped_keeps_what_it_is_charged_with() {
    let folder = tempfile::tempdir().unwrap();
    die_during(folder.path(), &["call"]);
    die_during(folder.path(), &["call"]);
    let recorder = open(folder.path());
    drop(recorder.try_admit(key("call")));
    recorder.close();
    drop(recorder);
    let recorder = open(folder.path());
    assert!(recorder.is_armed() && recorder.is_suspect(&key("call")));
}

#[test]
fn a_lone_run_that_outlives_its_trial_is_not_charged_but_has_a_longer_trial_next() {
    let folder = tempfile::tempdir().unwrap();
    die_during(folder.path(), &["long"]);
    die_during(folder.path(), &["long"]);
    for doublings in 0..5 {
        let recorder = open(folder.path());
        let Admission::Granted(Some(mut entry)) = recorder.try_admit(key("long")) else { panic!("it is not charged") };
        assert_eq!(entry.trial(), Some(FIRST_TRIAL * (1 << doublings)));
        assert!(matches!(recorder.try_admit(key("long")), Admission::Later));
        entry.acquit();
        assert_eq!(entry.trial(), None);
        std::mem::forget(entry);
    }
    die_during(folder.path(), &["long"]);
    assert_eq!(die_during(folder.path(), &["long"]), ["long"]);
}

#[test]
fn a_suspect_that_never_runs_again_is_dropped_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    die_during(folder.path(), &["gone"]);
    die_during(folder.path(), &["gone"]);
    for _ in 0..40 {
        open(folder.path()).close();
    }
    assert!(!open(folder.path()).is_armed());
}

#[test]
fn the_file_is_the_owners_alone_and_no_link_and_rubbish_in_it_says_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(NAME);
    open(folder.path());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for rubbish in [&b""[..], b"LHATTEM1", b"LHATTEM1\x09", &[255; 1000]] {
        std::fs::write(&file, rubbish).unwrap();
        assert!(!open(folder.path()).is_armed());
    }
    std::fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &file).unwrap();
    assert!(Recorder::open(folder.path(), 3).is_err());
}
