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

use children::call_many;
use counting::{add_many, signal_many};
use sequences::{fan_out, hello_reused, hello_sequence, long_sequence};
use waiting::{sleep_for, sleep_together, sleep_until, wait_for_go};

longhaul::export_orchestrators!(
    hello_sequence,
    hello_reused,
    call_many,
    fan_out,
    long_sequence,
    wait_for_go,
    signal_many,
    add_many,
    sleep_for,
    sleep_until,
    sleep_together
);

#[cfg(test)]
mod tests;
