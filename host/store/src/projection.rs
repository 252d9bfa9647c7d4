//! What every database needs in order to keep a table of instances beside the log. Pure: no
//! database is called here.
//!
//! - `overlay`: the records that the tables do not show yet. `cadence`: when the tables are brought
//!   up to date.
//! - `fold`: from pending records to rows. `trim`: where a chain can be cut behind a base.
//! - `range`: which ids a list covers. `list`: what the tables have, merged with what is pending.
//!   `page`: how a page fills up.

pub(crate) mod cadence;
pub(crate) mod fold;
pub(crate) mod list;
pub(crate) mod overlay;
pub(crate) mod page;
pub(crate) mod range;
pub(crate) mod trim;
