//! The rules of orchestrations, one sentence each. Every turn that a test takes is also folded from its records and compared
//! (see [`script`]).

mod bounds;
mod chains;
mod children;
mod completion;
mod dot_segments;
mod endings;
mod events;
mod locks;
pub(crate) mod programs;
mod retries;
mod rewind_cuts;
mod rewinds;
pub(crate) mod script;
mod starts;
mod suspension;
mod tags;
pub(crate) mod taken;
mod tasks;
mod timers;
pub(crate) mod words;
mod worlds;
