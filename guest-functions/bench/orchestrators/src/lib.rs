//! Orchestrators that the measured workloads run. Every one returns something that the workload can check.
//!
//! - [`sequences`]: activities one after the other, and all at once.
//! - [`children`]: many instances started from inside.
//! - [`waiting`]: events and timers.
//! - [`counting`]: signals to entities, and calls.

pub mod children;
pub mod counting;
pub mod sequences;
pub mod waiting;

longhaul::export_orchestrators!(
    sequences::hello_sequence,
    sequences::hello_reused,
    children::call_many,
    sequences::fan_out,
    sequences::long_sequence,
    waiting::wait_for_go,
    counting::signal_many,
    counting::add_many,
    waiting::sleep_for,
    waiting::sleep_until,
    waiting::sleep_together
);

#[cfg(test)]
mod tests;
