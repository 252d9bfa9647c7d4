//! Components are compiled in a process of their own, which takes no more memory and time than it may.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use longhaul::commands::compile::COMPILE_COMMAND;
use longhaul_wasm::{ChildCompiler, Compiler, ComponentError, Config, Error, FunctionKind, Runtime};
use wasm_encoder::{CodeSection, Component, Function, FunctionSection, Instruction, Module, ModuleSection, TypeSection, ValType};

const MIB: u64 = 1 << 20;

fn compiler(program: &str) -> ChildCompiler {
    ChildCompiler { program: program.into(), command: COMPILE_COMMAND, memory_bytes: 2_048 * MIB, deadline: Duration::from_secs(120) }
}

fn program() -> ChildCompiler {
    compiler(env!("CARGO_BIN_EXE_longhaul"))
}

fn runtime(compiler: ChildCompiler, folder: &Path) -> Arc<Runtime> {
    let config = Config {
        compiled_cache: Some(folder.join("compiled")),
        compiler: Compiler::Child(compiler),
        max_hot_guests: Some(4),
        max_running_activities: 1,
        max_running_requests: 1,
        ..Config::default()
    };
    Runtime::new(config).expect("this machine has room for four guests")
}

fn good() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../guest-functions/test-guests/components/misbehaving_orchestrator.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}; run `cargo xtask guests` first", path.display()))
}

/// A component that is small and takes long to compile: functions of a megabyte, which compute without end.
fn bomb(functions: u32) -> Vec<u8> {
    let mut body = Function::new([(1, ValType::I64)]);
    for number in 0..100_000 {
        body.instruction(&Instruction::LocalGet(0));
        body.instruction(&Instruction::I64Const(number));
        body.instruction(&Instruction::I64Mul);
        body.instruction(&Instruction::LocalSet(0));
    }
    body.instruction(&Instruction::End);
    let (mut types, mut declared, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..functions {
        declared.function(0);
        code.function(&body);
    }
    let (mut module, mut component) = (Module::new(), Component::new());
    module.section(&types).section(&declared).section(&code);
    component.section(&ModuleSection(&module));
    component.finish()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.join("compiled").read_dir() else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_code_is_the_hosts_own_and_serves_it_again_without_a_compiler() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [FunctionKind::Orchestrator, FunctionKind::Orchestrator] {
        runtime(program(), folder.path()).check(kind, &good()).unwrap();
    }
    let files = files(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files[0]), mode(&folder.path().join("compiled"))), (0o600, 0o700));
    runtime(compiler("/nowhere"), folder.path()).check(FunctionKind::Orchestrator, &good()).unwrap();
}

#[test]
fn without_a_compiler_nothing_is_compiled_and_the_component_is_not_to_blame() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["/nowhere", "/bin/false"] {
        let error = runtime(compiler(program), folder.path()).check(FunctionKind::Orchestrator, &good()).unwrap_err();
        assert!(matches!(error, Error::Compiler(_)) && !error.is_refusal(), "{error}");
    }
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_component_that_takes_too_much_memory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let compiler = ChildCompiler { memory_bytes: 64 * MIB, ..program() };
    let error = runtime(compiler, folder.path()).check(FunctionKind::Activity, &bomb(8)).unwrap_err();
    assert!(matches!(error, Error::Component(ComponentError::TooCostly { .. })) && error.is_refusal(), "{error}");
    assert!(error.to_string().contains("more than 67108864 bytes of memory (compile-memory-bytes)"), "{error}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_component_that_takes_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let compiler = ChildCompiler { deadline: Duration::from_secs(1), ..program() };
    let error = runtime(compiler, folder.path()).check(FunctionKind::Activity, &bomb(12)).unwrap_err();
    assert!(matches!(error, Error::Component(ComponentError::TooCostly { .. })), "{error}");
    assert!(error.to_string().contains("more than 1 s (compile-deadline-seconds)"), "{error}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_is_wrong_with_a_component_is_said_as_ever() {
    let (folder, good) = (tempfile::tempdir().unwrap(), good());
    let runtime = runtime(program(), folder.path());
    let cut_off = runtime.check(FunctionKind::Orchestrator, &good[..1_000]).unwrap_err();
    assert!(matches!(cut_off, Error::Component(ComponentError::Unusable { .. })), "{cut_off}");
    let other = runtime.check(FunctionKind::Activity, &good).unwrap_err();
    assert!(matches!(other, Error::Component(ComponentError::MissingExport { .. })), "{other}");
}

#[test]
fn the_compiler_sees_nothing_of_the_hosts_environment() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("compiler");
    std::fs::write(&script, "#!/bin/sh\nenv >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let compiler = compiler(&script.to_string_lossy());
    let error = runtime(compiler, folder.path()).check(FunctionKind::Orchestrator, &good()).unwrap_err().to_string();
    assert!(error.contains("PWD=") && !error.contains("CARGO"), "{error}");
}
