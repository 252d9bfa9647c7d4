//! From records back to state.
//!
//! - `chain`: reads records turn by turn. `observer`: sees each turn as it is read.
//! - [`fold()`]: the state at the end of a chain, and the calls that bring a guest back to it.
//! - `step`: one of those calls, and how it is compared with what the guest returns.

mod chain;
mod fold;
mod observer;
mod step;

pub(crate) use chain::Chain;
pub use fold::{Folded, fold};
pub(crate) use observer::ReplayObserver;
pub use step::{Mismatch, ReplayStep};
