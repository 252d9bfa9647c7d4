use std::cell::RefCell;
use std::rc::Rc;

use longhaul::testing::{answer_http, set_app_setting};
use longhaul::{Activity, ActivityContext};
use serde_json::{Value, json};

use super::*;

/// Runs the activity against an API that answers with this status, or refuses the connection. Returns what the API was sent, too.
fn run(error_likelihood_percentage: u8, status: Option<u16>) -> (Result<Value, Failure>, Vec<Value>) {
    set_app_setting("JOB_API_URL", "http://localhost:5000/api/Job");
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    answer_http(move |request| {
        assert_eq!((request.method(), request.url()), ("POST", "http://localhost:5000/api/Job"));
        sink.borrow_mut().push(serde_json::from_slice(request.body_bytes()).unwrap());
        status.map(|status| http::Response::new(status, "body text"))
    });
    let input = json!({"callbackUri": "http://host/cb", "errorLikelihoodPercentage": error_likelihood_percentage});
    let output = <call_api_activity as Activity>::run(ActivityContext::default(), &input.to_string());
    let seen = seen.borrow().clone();
    (output.map(|text| serde_json::from_str(&text).unwrap()), seen)
}

#[test]
fn a_good_answer_is_returned() {
    let (output, seen) = run(0, Some(200));
    assert_eq!(output, Ok(json!({"statusCode": 200, "statusText": "OK"})));
    assert_eq!(seen, [json!({"returnError": false, "callbackUri": "http://host/cb"})]);
}

#[test]
fn a_likelihood_of_a_hundred_always_asks_for_an_error() {
    let (_, seen) = run(100, Some(200));
    assert_eq!(seen[0]["returnError"], true);
}

#[test]
fn an_error_of_the_api_is_a_failure_that_tells_the_answer() {
    let failure = run(0, Some(500)).0.unwrap_err();
    assert_eq!(failure.message, "the job API answered 500 Internal Server Error: body text");
}

#[test]
fn an_api_that_cannot_be_reached_is_a_failure_that_says_so() {
    let failure = run(0, None).0.unwrap_err();
    assert_eq!(failure.message, "cannot POST http://localhost:5000/api/Job: the connection was refused");
}
