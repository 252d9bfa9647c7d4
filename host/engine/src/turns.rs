//! What guest threads do: turns of orchestrations, batches of entities.

pub(crate) mod entity;
pub(crate) mod orchestration;
pub(crate) mod outcome;
pub(crate) mod replay;
pub(crate) mod suspects;
pub(crate) mod turn;
pub(crate) mod watchdog;
pub(crate) mod workers;
