//! Converts the core's types to the guest's and back. What a guest returns is checked, and an error
//! names the field.

mod from_guest;
mod to_guest;

pub(crate) use from_guest::{activity_outcome, batch, client_entity_id, client_payload, known_entity_id, turn};
pub(crate) use to_guest::{completion, entity_id_out, operation, start_context};
