use longhaul::testing::{ClientCall, FakeHost};
use serde_json::{Value, json};

use super::*;

/// The input with which the orchestration was started, after a request with this body.
fn started_with(body: &str) -> (Response, Option<MainInput>) {
    let host = FakeHost::new();
    let response = http_start_client(Request::new("POST", "/api/HttpStartClient").with_body(body)).unwrap();
    let input = host.calls().into_iter().find_map(|call| match call {
        ClientCall::Start { name, input, options } => {
            assert_eq!(name, "MainOrchestrator");
            let input: MainInput = serde_json::from_str(&input).unwrap();
            let id = options.instance_id.expect("the client chooses the id");
            assert!(input.send_event_post_uri.ends_with(&format!("/instances/{id}/raiseEvent/{{eventName}}")), "{input:?}");
            Some(input)
        }
        _ => None,
    });
    (response, input)
}

#[test]
fn without_a_body_the_defaults_hold_and_the_answer_has_the_uris() {
    let (response, input) = started_with("");
    assert_eq!(input.unwrap().settings, Settings { timeout_seconds: 60, max_attempts: 5, error_likelihood_percentage: 0 });
    assert_eq!(response.status(), 202);
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let location = response.headers().iter().find(|(name, _)| name == "Location").map(|(_, value)| value.as_str());
    assert_eq!(location, body["statusQueryGetUri"].as_str());
    assert!(response.headers().contains(&("Retry-After".to_owned(), "10".to_owned())));
    assert_eq!(body["id"].as_str().unwrap().len(), 32);
}

#[test]
fn members_that_are_left_out_have_their_defaults() {
    let (_, input) = started_with(r#"{"timeoutSeconds": 2}"#);
    assert_eq!(input.unwrap().settings, Settings { timeout_seconds: 2, ..Settings::default() });
}

#[test]
fn settings_that_make_no_sense_are_refused_and_nothing_is_started() {
    for body in
        [r#"{"maxAttempts": 0}"#, r#"{"errorLikelihoodPercentage": 101}"#, r#"{"timeout": 5}"#, "[", "7", r#"{"timeoutSeconds": -1}"#]
    {
        let (response, input) = started_with(body);
        assert_eq!((response.status(), input), (400, None), "{body}");
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        assert_ne!(answer["Message"], json!(null));
    }
}
