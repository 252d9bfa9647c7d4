//! The host's rules for ids and names that stand in addresses.

use crate::turn::OrchestrationRequest;
use crate::{EntityId, Failure};

pub(super) fn check_request(request: &OrchestrationRequest) -> Result<(), Failure> {
    request.instance_id.as_deref().map_or(Ok(()), check_instance)
}

pub(super) fn check_instance(id: &str) -> Result<(), Failure> {
    let length = id.encode_utf16().count();
    if id.starts_with('@') || id.contains(is_forbidden) || length == 0 || length > 256 || is_dot_segment(id) {
        let text = format!(
            "'{}' is no instance id: it has 1 to 256 characters, does not begin with '@', has no '/', '\\', '#', '?' or control characters, \
             and is neither '.' nor '..'",
            id.escape_debug()
        );
        return Err(Failure::new("InvalidInstanceId", text).non_retriable());
    }
    Ok(())
}

pub(super) fn check_entity(id: &EntityId) -> Result<(), Failure> {
    let EntityId { name, key } = id;
    if is_dot_segment(name) || is_dot_segment(key) {
        let text = format!("entity '{name}' with the key '{key}': neither may be '.' or '..'");
        return Err(Failure::new("InvalidEntityId", text).non_retriable());
    }
    Ok(())
}

pub(super) fn check_event_name(name: &str) -> Result<(), Failure> {
    if is_dot_segment(name) {
        return Err(Failure::new("InvalidEventName", format!("no event is named '{name}'")).non_retriable());
    }
    Ok(())
}

fn is_forbidden(character: char) -> bool {
    matches!(character, '/' | '\\' | '#' | '?') || character.is_control()
}

/// Clients take these out of a path before they send a request.
fn is_dot_segment(text: &str) -> bool {
    matches!(text, "." | "..")
}
