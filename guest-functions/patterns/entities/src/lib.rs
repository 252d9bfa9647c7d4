//! Entities: small states that live under a key, changed by one operation at a time.

longhaul::export_entities!(counter::Counter, measurements::Measurements, sessions::Sessions);

pub mod counter;
pub mod measurements;
pub mod sessions;
