//! Exports a client function as a WASI HTTP handler.

use std::io::{Read, Write};
use std::marker::PhantomData;

use wasip2::http::types::{ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};

use crate::client::{Client, Request, Response};
use crate::log;

/// A component of this client function.
pub struct ClientComponent<C>(PhantomData<C>);

impl<C: Client> wasip2::exports::http::incoming_handler::Guest for ClientComponent<C> {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        super::log_panics();
        let response = match read_request(request) {
            Ok(request) => C::respond(request),
            Err(reason) => Response::json(400, &serde_json::json!({"Message": reason})),
        };
        write_response(&response, answer);
    }
}

fn read_request(incoming: IncomingRequest) -> Result<Request, String> {
    let method = method_name(incoming.method());
    let mut request = Request::new(method, incoming.path_with_query().unwrap_or_else(|| "/".to_owned()));
    for (name, value) in incoming.headers().entries() {
        request = request.with_header(name, String::from_utf8_lossy(&value));
    }
    // `wasi:http` takes the header away and gives what it said.
    if request.header("host").is_none()
        && let Some(authority) = incoming.authority()
    {
        request = request.with_header("host", authority);
    }
    // The host says how long a body may be, and answers by itself where one is longer.
    let announced = request.header("content-length").and_then(|length| length.parse().ok());
    let mut bytes = Vec::new();
    if let Ok(body) = incoming.consume()
        && let Ok(mut stream) = body.stream()
    {
        let cannot = |error: &dyn std::fmt::Display| format!("cannot read the request's body: {error}");
        bytes.try_reserve_exact(announced.unwrap_or(0)).map_err(|error| cannot(&error))?;
        stream.read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    }
    Ok(request.with_body(bytes))
}

fn method_name(method: Method) -> String {
    let name = match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return name.to_ascii_uppercase(),
    };
    name.to_owned()
}

fn write_response(response: &Response, answer: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in response.headers() {
        if let Err(error) = headers.append(name, value.as_bytes()) {
            log::warn!("header '{name}' is left out of the answer: {error:?}");
        }
    }
    let outgoing = OutgoingResponse::new(headers);
    if outgoing.set_status_code(response.status()).is_err() {
        let reason = format!("{} is not an HTTP status", response.status());
        return ResponseOutparam::set(answer, Err(ErrorCode::InternalError(Some(reason))));
    }
    let body = outgoing.body();
    ResponseOutparam::set(answer, Ok(outgoing));
    if let Ok(body) = body {
        write_body(body, response.body()).unwrap_or_else(|reason| log::warn!("cannot write the answer: {reason}"));
    }
}

/// Writes a whole body. The stream must be gone before the body is finished, and the body finished
/// for the message to be whole.
pub(super) fn write_body(body: OutgoingBody, bytes: &[u8]) -> Result<(), String> {
    if !bytes.is_empty() {
        let mut stream = body.write().map_err(|()| "its body is taken already".to_owned())?;
        stream.write_all(bytes).and_then(|()| Write::flush(&mut stream)).map_err(|error| error.to_string())?;
    }
    OutgoingBody::finish(body, None).map_err(|error| error.to_string())
}
