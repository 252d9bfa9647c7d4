//! What the contract of Azure Durable Functions calls things: its JSON, its names and numbers, its
//! sentences. The core knows none of it.

pub mod failure_text;
pub mod history_json;
pub mod status_names;
