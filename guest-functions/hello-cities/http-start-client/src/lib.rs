//! Starts one of the orchestrations by HTTP.

use longhaul::{Failure, Request, Response, client};
use serde_json::Value;

/// Starts the orchestration that the query parameter `function` names, by default `HelloSequence`, with the body as its input. A request with
/// the header `Idempotency-Key` can be sent again: it starts one instance.
#[longhaul::client(name = "HttpStart")]
pub fn http_start(request: Request) -> Result<Response, Failure> {
    let function = request.query("function").unwrap_or_else(|| "HelloSequence".to_owned());
    let idempotency_key = request.header("Idempotency-Key").map(str::to_owned);
    let options = client::StartOptions { idempotency_key, ..client::StartOptions::default() };
    let id = client::start_with(&function, &request.json::<Value>()?, options)?;
    Ok(client::create_check_status_response(&request, &id)?)
}

#[cfg(test)]
mod tests {
    use longhaul::testing::{ClientCall, FakeHost};

    use super::*;

    #[test]
    fn the_body_becomes_the_input_of_the_orchestration_that_the_query_names() {
        let host = FakeHost::new();
        let response = http_start(Request::new("POST", "/api/HttpStart?function=FanOut").with_body("5")).unwrap();
        assert_eq!(response.status(), 202);
        let start = ClientCall::Start { name: "FanOut".into(), input: "5".into(), options: client::StartOptions::default() };
        assert_eq!(host.calls(), [start]);
    }
}
