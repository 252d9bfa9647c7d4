//! The rules of entities, one sentence each. Every batch is also run by an entity that was just
//! folded from the records (see [`ledger`]).

mod batches;
mod bounds;
mod ledger;
mod locks;
mod scheduled;
