//! The async HTTP API: the answer comes at once, the work goes on, and the caller is told where to follow it.

use longhaul::{Failure, Request, Response, client};
use serde_json::Value;

/// Starts `LongWork` with the body as its input; answers 202 with the URIs to follow and steer it.
#[longhaul::client]
pub fn start_work(request: Request) -> Result<Response, Failure> {
    let id = client::start("LongWork", &request.json::<Value>()?)?;
    Ok(client::create_check_status_response(&request, &id)?)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::{ClientCall, FakeHost};

    use super::*;

    #[test]
    fn the_answer_says_where_to_follow_the_work() {
        let host = FakeHost::new();
        let response = start_work(Request::new("POST", "/api/work").with_body(r#"{"steps": 3}"#)).unwrap();
        assert_eq!(response.status(), 202);
        assert!(response.headers().iter().any(|(name, value)| name == "Location" && value.contains("/instances/")));
        let start = ClientCall::Start { name: "LongWork".into(), input: r#"{"steps":3}"#.into(), options: client::StartOptions::default() };
        assert_eq!(host.calls(), [start]);
    }

    #[test]
    fn a_body_that_is_not_json_is_refused_and_starts_nothing() {
        let host = FakeHost::new();
        assert!(start_work(Request::new("POST", "/api/work").with_body("{")).is_err());
        assert_eq!(host.calls(), []);
    }
}
