//! What may be loaded, and from where.

mod support;

use std::os::unix::fs::PermissionsExt;

use longhaul_wasm::{ComponentError, Config, Error, FunctionKind, Runtime};
use support::{config, guest, load, orchestrator, runtime, sha256, start_context, who};

#[test]
fn an_orchestrator_that_sends_requests_is_refused_with_the_imports_name() {
    let error = runtime().check(FunctionKind::Orchestrator, &guest("outgoing_orchestrator")).unwrap_err();
    let Error::Component(ComponentError::ForbiddenImport { import, .. }) = &error else { panic!("{error}") };
    assert!(import.starts_with("wasi:http/"), "{error}");
    assert!(error.to_string().contains("longhaul:durable/log"), "{error}");
}

#[test]
fn a_component_must_export_what_its_kind_is_called_by() {
    let error = runtime().check(FunctionKind::Entity, &guest("misbehaving_orchestrator")).unwrap_err();
    let Error::Component(ComponentError::MissingExport { export, found, .. }) = &error else { panic!("{error}") };
    assert_eq!(*export, "longhaul:durable/entity");
    assert!(found.contains("longhaul:durable/orchestrator"), "{error}");
}

#[test]
fn every_test_guest_passes_the_check_of_its_kind() {
    let runtime = runtime();
    for (kind, name) in [
        (FunctionKind::Orchestrator, "misbehaving_orchestrator"),
        (FunctionKind::Orchestrator, "clock_and_random"),
        (FunctionKind::Activity, "misbehaving_activity"),
        (FunctionKind::Entity, "misbehaving_entity"),
        (FunctionKind::Client, "misbehaving_client"),
    ] {
        runtime.check(kind, &guest(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn what_is_no_component_is_refused_in_plain_words() {
    let runtime = runtime();
    let refusal = |bytes: &[u8]| runtime.check(FunctionKind::Orchestrator, bytes).unwrap_err().to_string();
    assert!(refusal(b"\0asm\x01\0\0\0").contains("core module"));
    assert!(refusal(b"hello").contains("does not begin like one"));
    assert!(refusal(&guest("clock_and_random")[..1_000]).contains("cannot be used"));
}

#[test]
fn bytes_that_do_not_match_their_digest_are_refused() {
    let error = runtime().load(FunctionKind::Entity, &sha256(b"other"), &guest("misbehaving_entity")).err().unwrap();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
}

#[test]
fn compiled_code_is_kept_for_the_next_start_and_replaced_when_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    let runtime = || Runtime::new(Config { compiled_cache: Some(cache.clone()), ..config() }).unwrap();
    let run = |runtime: &Runtime| {
        let mut guest = orchestrator(runtime, "misbehaving_orchestrator").instantiate(who()).unwrap();
        guest.start(start_context('a', "behave")).unwrap();
    };
    let only_file = || {
        let files: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    };

    run(&runtime());
    let (file, code) = (only_file(), std::fs::read(only_file()).unwrap());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let written = std::fs::metadata(&file).unwrap().modified().unwrap();
    run(&runtime());
    assert_eq!(std::fs::metadata(only_file()).unwrap().modified().unwrap(), written, "the second start must not compile");

    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, &code[..code.len() / 2]).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    run(&runtime());
    assert_eq!(std::fs::read(only_file()).unwrap().len(), code.len());
}

#[test]
fn code_that_others_may_write_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config { compiled_cache: Some(folder.path().into()), ..config() };
    load(&Runtime::new(config()).unwrap(), FunctionKind::Entity, "misbehaving_entity").unwrap();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    load(&Runtime::new(config()).unwrap(), FunctionKind::Entity, "misbehaving_entity").unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it was written anew");
}
