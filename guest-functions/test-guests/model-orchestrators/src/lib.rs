//! Orchestrators that drive the programming model into its corners.

longhaul::export_orchestrators!(
    activities::retry_for_ever,
    activities::many_at_once,
    children::ask,
    children::ask_failing,
    children::deposit,
    children::detach,
    children::fails,
    children::grow,
    children::leave_behind,
    children::push,
    children::who_am_i,
    crowded::crowded,
    events::collect,
    events::patient,
    events::sleep,
    locks::section,
    locks::signal_later,
    locks::spoiled_transfer,
    locks::transfer,
    rounds::rounds
);

pub mod activities;
pub mod children;
pub mod crowded;
pub mod events;
pub mod locks;
pub mod rounds;
