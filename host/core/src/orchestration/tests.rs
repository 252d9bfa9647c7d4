//! The rules of orchestrations, one sentence each.
//!
//! How to read these tests:
//! - A [`script::Script`] is one instance. `Script::started([call("A")])` has taken its first turn,
//!   in which the code called activity A. `at(2_000)` sets the clock, in milliseconds.
//! - `arrive(message)` puts a message into the mailbox of the next turn, `record(message)` also
//!   writes it to the chain first. Nothing happens until a turn is taken.
//! - `turn(guest)` takes a turn in which the code returns `guest`, if it is called: `asks([..])` is
//!   a list of commands, `returns("1")` the end. Tasks count from 0 in the order of the commands
//!   that create them, so `done(1, "2")` is the result of the second one.
//! - The turn comes back as a [`taken::Taken`]: `told()` is what the code got, `runs()` the
//!   activities that begin, `record` what was written. [`words`] has all short words for messages
//!   and commands.
//! - Each turn is also taken by a twin that was just folded from the records, and must come out the
//!   same; so each test of a rule tests its replay, too. `worlds` and `programs` take random turns.

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
