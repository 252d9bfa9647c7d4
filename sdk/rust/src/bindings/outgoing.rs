//! Sends HTTP requests through WASI.

use std::io::Read;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};

use crate::http::{Error, ErrorKind, MAX_RESPONSE_BYTES, Request, Response, Target};

/// Sends a request and waits for the whole answer.
pub(crate) fn send(request: &Request, target: &Target<'_>) -> Result<Response, Error> {
    let (outgoing, body) = outgoing_request(request, target)?;
    let pending = outgoing_handler::handle(outgoing, options(request)).map_err(|code| answer_error(request, &code))?;
    // A failure to write the body is not the end: the server may have answered before it read all of it.
    let written = super::client_component::write_body(body, &request.body);
    pending.subscribe().block();
    match pending.get() {
        Some(Ok(Ok(incoming))) => read_response(request, incoming),
        Some(Ok(Err(code))) => Err(answer_error(request, &code)),
        Some(Err(())) | None => Err(request.error(ErrorKind::Protocol, written.err().unwrap_or_else(|| "no answer came".to_owned()))),
    }
}

fn outgoing_request(request: &Request, target: &Target<'_>) -> Result<(OutgoingRequest, OutgoingBody), Error> {
    let invalid = |what: String| request.error(ErrorKind::InvalidRequest, what);
    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers.append(name, value.as_bytes()).map_err(|_| invalid(format!("'{name}' is not a header that may be sent")))?;
    }
    // Without it the body would be sent in chunks, which small servers do not always understand.
    let length = request.body.len().to_string();
    headers.append("content-length", length.as_bytes()).map_err(|_| invalid("the length cannot be sent".to_owned()))?;
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if target.https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method(&request.method)).map_err(|()| invalid("the method is malformed".to_owned()))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the scheme is malformed".to_owned()))?;
    outgoing.set_authority(Some(target.authority)).map_err(|()| invalid("the host is malformed".to_owned()))?;
    outgoing.set_path_with_query(Some(&target.path_and_query)).map_err(|()| invalid("the path is malformed".to_owned()))?;
    let body = outgoing.body().map_err(|()| invalid("it has no body".to_owned()))?;
    Ok((outgoing, body))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn options(request: &Request) -> Option<RequestOptions> {
    let timeout_ns = u64::try_from(request.timeout?.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    // A host may refuse each of them; then its own limits hold.
    let _ = options.set_connect_timeout(Some(timeout_ns));
    let _ = options.set_first_byte_timeout(Some(timeout_ns));
    let _ = options.set_between_bytes_timeout(Some(timeout_ns));
    Some(options)
}

fn read_response(request: &Request, incoming: IncomingResponse) -> Result<Response, Error> {
    let broken = |reason: String| request.error(ErrorKind::Protocol, reason);
    let headers = incoming.headers().entries().into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()));
    let headers = headers.collect();
    let status = incoming.status();
    let body = incoming.consume().map_err(|()| broken("the answer has no body".to_owned()))?;
    let stream = body.stream().map_err(|()| broken("the answer has no body".to_owned()))?;
    let limit = u64::try_from(MAX_RESPONSE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes).map_err(|error| broken(error.to_string()))?;
    if bytes.len() > MAX_RESPONSE_BYTES {
        return Err(broken(format!("the answer has more than {MAX_RESPONSE_BYTES} bytes")));
    }
    Ok(Response { status, headers, body: bytes })
}

fn answer_error(request: &Request, code: &ErrorCode) -> Error {
    use ErrorCode as E;
    let (kind, reason) = match code {
        E::ConnectionRefused => (ErrorKind::Connect, "the connection was refused".to_owned()),
        E::DnsError(_) | E::DestinationNotFound => (ErrorKind::Connect, "there is no such host".to_owned()),
        E::DestinationUnavailable | E::DestinationIpUnroutable | E::ConnectionLimitReached => {
            (ErrorKind::Connect, "the host cannot be reached".to_owned())
        }
        E::HttpRequestDenied | E::DestinationIpProhibited => {
            (ErrorKind::Denied, "the app's manifest or the operator does not allow this host".to_owned())
        }
        E::ConnectionTimeout | E::DnsTimeout => (ErrorKind::Timeout, "connecting took too long".to_owned()),
        E::ConnectionReadTimeout | E::ConnectionWriteTimeout | E::HttpResponseTimeout => {
            (ErrorKind::Timeout, "the answer took too long".to_owned())
        }
        E::TlsCertificateError => {
            (ErrorKind::Connect, "the server's certificate is not trusted or not for this name; the log says why".to_owned())
        }
        E::TlsProtocolError | E::TlsAlertReceived(_) => (ErrorKind::Protocol, "no secure connection; the log says why".to_owned()),
        E::ConnectionTerminated | E::HttpResponseIncomplete => (ErrorKind::Protocol, "the connection was closed".to_owned()),
        E::HttpRequestMethodInvalid | E::HttpRequestUriInvalid | E::HttpRequestUriTooLong => {
            (ErrorKind::InvalidRequest, "the method or the URL is malformed".to_owned())
        }
        E::InternalError(Some(reason)) => (ErrorKind::Protocol, reason.clone()),
        // The rest are rare; their names say what they are.
        other => (ErrorKind::Protocol, format!("{other:?}")),
    };
    request.error(kind, reason)
}
