//! Compiled code on disk: compiling takes 50 ms and more, mapping a file 0.1 ms.
//!
//! A file is named by the component's SHA-256 and the engine's version and settings, so a new
//! wasmtime or another setting finds nothing and compiles. A file that cannot be used is replaced.
//!
//! - `child`, `job`: compiling what comes from outside, in a process of its own; what asks for it,
//!   and what it does.
//! - `bounds`: how large and how involved a component may be.
//! - `files`: the files. `trusted_code`: using one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::config::{Compiler, Config};
use crate::engine::EngineKind;

mod bounds;
mod child;
mod files;
mod job;
mod trusted_code;

pub use child::ChildCompiler;
pub use job::{CompileJob, Outcome};

/// Why there is no compiled code.
#[derive(Debug)]
pub(crate) enum CompileError {
    /// The component cannot be compiled; the text is the engine's.
    Unusable(String),
    /// Compiling it takes more than the operator grants; the text names the resource.
    TooCostly(String),
    /// The host cannot compile any component now.
    Broken(String),
}

/// A component to be compiled.
pub(crate) struct Source<'a> {
    /// Which engine it is for.
    pub kind: EngineKind,
    /// The digest of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: &'a str,
    /// The component.
    pub bytes: &'a [u8],
}

/// Takes the code of a component from the cache, or compiles the component and stores its code
/// there.
pub(crate) fn compile(engine: &Engine, config: &Config, source: &Source<'_>) -> Result<Component, CompileError> {
    let file = config.compiled_cache.as_deref().map(|folder| folder.join(file_name(engine, source.sha256)));
    if let Some(component) = file.as_deref().and_then(|file| files::load(engine, file)) {
        return Ok(component);
    }
    match (&config.compiler, file) {
        (Compiler::InProcess, file) => in_process(engine, source, file),
        (Compiler::Child(child), Some(file)) => {
            child.compile(config, source)?;
            let lost = || CompileError::Broken(format!("the compiler left nothing that can be used in {}", file.display()));
            files::load(engine, &file).ok_or_else(lost)
        }
        (Compiler::Child(_), None) => Err(CompileError::Broken("a compiler in a process of its own needs a folder for its code".into())),
    }
}

fn in_process(engine: &Engine, source: &Source<'_>, file: Option<PathBuf>) -> Result<Component, CompileError> {
    let component = compiled(engine, source.bytes).map_err(CompileError::Unusable)?;
    if let Some(file) = file {
        // A cache that cannot be written costs time, nothing else.
        if let Err(error) = component.serialize().map_err(std::io::Error::other).and_then(|code| files::store(&file, &code)) {
            tracing::warn!(file = %file.display(), "cannot keep compiled code: {error}");
        }
    }
    Ok(component)
}

/// Compiles in this process, or says why the component cannot be compiled.
fn compiled(engine: &Engine, bytes: &[u8]) -> Result<Component, String> {
    bounds::check(bytes)?;
    Component::new(engine, bytes).map_err(|error| format!("{error:#}"))
}

fn file_name(engine: &Engine, sha256: &str) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{sha256}-{:016x}.cwasm", hasher.finish())
}
