//! Shows the attempts of an instance.

use domain::AttemptsState;
use longhaul::{EntityId, Failure, Request, Response, client};
use serde_json::json;

/// Answers with the committed state of the entity that belongs to the instance `?instanceid=ID`.
#[longhaul::client]
pub fn http_attempt_counter_entity_client(request: Request) -> Result<Response, Failure> {
    let Some(instance_id) = request.query("instanceid").filter(|id| !id.is_empty()) else {
        return Ok(Response::json(400, &json!({"Message": "the query parameter 'instanceid' is missing"})));
    };
    let entity = EntityId::new("AttemptsEntity", instance_id);
    Ok(match client::read_entity::<AttemptsState>(&entity)? {
        Some(state) => Response::json(200, &state),
        None => Response::json(404, &json!({"Message": format!("there is no entity {entity}")})),
    })
}

#[cfg(test)]
mod tests {
    use longhaul::testing::FakeHost;

    use super::*;

    fn status(path_and_query: &str) -> u16 {
        http_attempt_counter_entity_client(Request::new("GET", path_and_query)).unwrap().status()
    }

    #[test]
    fn the_committed_state_is_shown() {
        let state = AttemptsState { overall_state: "s".to_owned(), ..AttemptsState::default() };
        FakeHost::new().set_entity_state(&EntityId::new("AttemptsEntity", "A b"), &state);
        let response = http_attempt_counter_entity_client(Request::new("GET", "/api/F?instanceid=A%20b")).unwrap();
        assert_eq!((response.status(), response.body()), (200, br#"{"attempts":{},"overallState":"s"}"#.as_slice()));
    }

    #[test]
    fn a_missing_parameter_and_an_unknown_instance_are_told_apart() {
        let _host = FakeHost::new();
        assert_eq!(status("/api/F"), 400);
        assert_eq!(status("/api/F?instanceid="), 400);
        assert_eq!(status("/api/F?instanceid=nobody"), 404);
    }
}
