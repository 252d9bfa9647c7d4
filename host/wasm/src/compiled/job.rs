//! The work of the process that compiles a component from outside. It bounds itself before it reads
//! the component.

use std::io::Read;
use std::path::PathBuf;

use longhaul_core::Sha256;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use serde::{Deserialize, Serialize};

use super::{compiled, file_name, files};
use crate::engine::{self, EngineKind};

/// The niceness of a compiling process, which gives way to everything else on the machine.
const NICENESS: i32 = 10;

/// One component to compile, read from standard input: what the program is started with that a
/// [`ChildCompiler`](crate::ChildCompiler) names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompileJob {
    /// Which engine it is for.
    pub(super) kind: EngineKind,
    /// Linear memory that a guest may have, which the code depends on.
    pub(super) guest_memory_bytes: usize,
    /// Digest of the component.
    pub(super) sha256: String,
    /// Where the code goes.
    pub(super) folder: PathBuf,
    /// Most memory for compiling, besides what the program takes before it reads the component.
    pub(super) memory_bytes: u64,
    /// Most processor time for compiling.
    pub(super) seconds: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The code is in the folder.
    Done,
    /// The component cannot be compiled; the text is the engine's.
    Unusable(String),
    /// Something besides the component went wrong.
    Broken(String),
}

impl CompileJob {
    /// Compiles. Bounds this process before the component is read: call it in a process that does
    /// nothing else.
    pub fn carry_out(&self) -> Outcome {
        self.compile().unwrap_or_else(|outcome| outcome)
    }

    fn compile(&self) -> Result<Outcome, Outcome> {
        let broken = |what: &str, why: &dyn std::fmt::Display| Outcome::Broken(format!("cannot {what}: {why}"));
        self.bound_time().map_err(|error| broken("bound the compiler's time", &error))?;
        let engine = engine::for_compiling(self.kind, self.guest_memory_bytes).map_err(|error| broken("compile", &error))?;
        self.bound_memory().map_err(|error| broken("bound the compiler's memory", &error))?;
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| broken("read the component", &error))?;
        if Sha256::of(&bytes).to_string() != self.sha256 {
            return Err(broken("compile", &"the component did not arrive whole"));
        }
        let component = compiled(&engine, &bytes).map_err(Outcome::Unusable)?;
        let code = component.serialize().map_err(|error| broken("write down the code", &error))?;
        let file = self.folder.join(file_name(&engine, &self.sha256));
        files::store(&file, &code).map_err(|error| broken(&format!("write {}", file.display()), &error))?;
        Ok(Outcome::Done)
    }

    fn bound_time(&self) -> rustix::io::Result<()> {
        // A host that is gone needs no code.
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        nice(NICENESS)?;
        // If memory runs out in spite of all bounds, the kernel ends this process first. Nothing
        // else depends
        // on it.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        // A compiler that runs out of memory aborts; a core dump would only fill the disk.
        limit(Resource::Core, 0, 0)?;
        // With a hard bound slightly above the soft one, the kernel's signal says which was met.
        limit(Resource::Cpu, self.seconds, self.seconds + 1)
    }

    /// Memory is bounded as address space, the only bound that the kernel has for a process. What
    /// the engine has reserved until now for a guest comes on top.
    fn bound_memory(&self) -> std::io::Result<()> {
        let most = address_space_bytes()?.saturating_add(self.memory_bytes);
        limit(Resource::As, most, most).map_err(Into::into)
    }
}

fn limit(resource: Resource, current: u64, most: u64) -> rustix::io::Result<()> {
    setrlimit(resource, Rlimit { current: Some(current), maximum: Some(most) })
}

fn address_space_bytes() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| std::io::Error::other("/proc/self/statm does not begin with a number"))?;
    Ok(pages * rustix::param::page_size() as u64)
}
