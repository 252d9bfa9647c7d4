//! Sends HTTP requests through WASI.

use wasip2::clocks::monotonic_clock::{now, subscribe_duration};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
    http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use crate::http::{Error, ErrorKind, MAX_RESPONSE_BYTES, Request, Response, Target};

/// How much of an answer is asked for at a time.
const PIECE_BYTES: u64 = 64 * 1024;

/// Sends a request and waits for the whole answer.
pub(crate) fn send(request: &Request, target: &Target<'_>) -> Result<Response, Error> {
    let time = Time::new(request);
    let (outgoing, body) = outgoing_request(request, target)?;
    let pending = outgoing_handler::handle(outgoing, options(request)).map_err(|code| answer_error(request, &code))?;
    // What is left of a body that the server did not want: to let go of it breaks the connection
    // off, and with it the answer.
    let _unsent = body.map(|body| write_body(body, &pending, &time)).transpose()?;
    time.wait_for(&[&pending.subscribe()])?;
    match pending.get() {
        Some(Ok(Ok(incoming))) => read_response(request, &incoming, &time),
        Some(Ok(Err(code))) => Err(answer_error(request, &code)),
        Some(Err(())) | None => Err(request.error(ErrorKind::Protocol, "no answer came")),
    }
}

/// The time that the whole request may take.
struct Time<'a> {
    request: &'a Request,
    /// What ends it, and the moment of that, nanoseconds of the monotonic clock.
    end: Option<(Pollable, u64)>,
}

impl<'a> Time<'a> {
    fn new(request: &'a Request) -> Self {
        let end = request.total_timeout.map(|limit| {
            let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            (subscribe_duration(limit), now().saturating_add(limit))
        });
        Self { request, end }
    }

    /// Waits until one of these is ready.
    fn wait_for(&self, events: &[&Pollable]) -> Result<(), Error> {
        let Some((alarm, _)) = &self.end else {
            drop(poll(events));
            return Ok(());
        };
        let mut all = events.to_vec();
        all.push(alarm);
        drop(poll(&all));
        self.check()
    }

    /// An answer that is ready without a wait ends as well.
    fn check(&self) -> Result<(), Error> {
        match &self.end {
            Some((_, end)) if now() >= *end => {
                let limit = self.request.total_timeout.unwrap_or_default();
                Err(self.request.error(ErrorKind::Timeout, format!("it took longer than {limit:?} in all")))
            }
            _ => Ok(()),
        }
    }
}

fn outgoing_request(request: &Request, target: &Target<'_>) -> Result<(OutgoingRequest, Option<OutgoingBody>), Error> {
    let invalid = |what: String| request.error(ErrorKind::InvalidRequest, what);
    let headers = Fields::new();
    for (name, value) in &request.headers {
        if name.eq_ignore_ascii_case("content-length") {
            return Err(invalid("'content-length' is the length of the body, which is known; leave it out".to_owned()));
        }
        headers.append(name, value.as_bytes()).map_err(|_| invalid(format!("'{name}' is not a header that may be sent")))?;
    }
    let method = method(&request.method);
    // RFC 9110, 8.6: without content only those methods tell its length that anticipate some. With
    // content, the body would be sent in chunks otherwise, which small servers do not always
    // understand.
    let has_body = !request.body.is_empty();
    if has_body || matches!(method, Method::Post | Method::Put | Method::Patch) {
        let length = request.body.len().to_string();
        headers.append("content-length", length.as_bytes()).map_err(|_| invalid("the length cannot be sent".to_owned()))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if target.https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method).map_err(|()| invalid("the method is malformed".to_owned()))?;
    outgoing.set_scheme(Some(&scheme)).map_err(|()| invalid("the scheme is malformed".to_owned()))?;
    outgoing.set_authority(Some(target.authority)).map_err(|()| invalid("the host is malformed".to_owned()))?;
    outgoing.set_path_with_query(Some(&target.path_and_query)).map_err(|()| invalid("the path is malformed".to_owned()))?;
    let body = has_body.then(|| outgoing.body().map_err(|()| invalid("it has no body".to_owned()))).transpose()?;
    Ok((outgoing, body))
}

fn method(name: &str) -> Method {
    match name.to_ascii_uppercase().as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        _ => Method::Other(name.to_owned()),
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

/// The stream goes before the body that it is of.
type Unsent = (OutputStream, OutgoingBody);

/// Writes the body until it is sent, or the answer is there, or the connection takes no more: the
/// server may answer before it has read all, and what went wrong is what the answer says.
fn write_body(body: OutgoingBody, pending: &FutureIncomingResponse, time: &Time<'_>) -> Result<Option<Unsent>, Error> {
    let Ok(stream) = body.write() else { return Ok(None) };
    let answered = pending.subscribe();
    let mut rest = time.request.body.as_slice();
    while !rest.is_empty() {
        match stream.check_write() {
            Ok(0) => {
                time.wait_for(&[&stream.subscribe(), &answered])?;
                if answered.ready() {
                    return Ok(Some((stream, body)));
                }
            }
            Ok(room) => {
                let (piece, later) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
                if stream.write(piece).is_err() {
                    return Ok(Some((stream, body)));
                }
                rest = later;
            }
            Err(_closed) => return Ok(Some((stream, body))),
        }
    }
    // The stream must be gone before the body is finished.
    drop(stream);
    // An error would say that the length is wrong, and it is that of the body.
    let _ = OutgoingBody::finish(body, None);
    Ok(None)
}

fn read_response(request: &Request, incoming: &IncomingResponse, time: &Time<'_>) -> Result<Response, Error> {
    let broken = |reason: &str| request.error(ErrorKind::Protocol, reason);
    let headers = incoming.headers().entries().into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()));
    let headers = headers.collect();
    let status = incoming.status();
    let body = incoming.consume().map_err(|()| broken("the answer has no body"))?;
    let stream = body.stream().map_err(|()| broken("the answer has no body"))?;
    Ok(Response { status, headers, body: read_body(request, &stream, time)? })
}

fn read_body(request: &Request, stream: &InputStream, time: &Time<'_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        match stream.read(PIECE_BYTES) {
            Ok(piece) if piece.is_empty() => time.wait_for(&[&stream.subscribe()])?,
            Ok(piece) => {
                bytes.extend_from_slice(&piece);
                time.check()?;
            }
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(code) => answer_error(request, &code),
                    None => request.error(ErrorKind::Protocol, format!("the answer broke off: {}", error.to_debug_string())),
                });
            }
        }
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(request.error(ErrorKind::TooLarge, format!("the answer has more than {MAX_RESPONSE_BYTES} bytes")));
        }
    }
}

fn answer_error(request: &Request, code: &ErrorCode) -> Error {
    let (kind, reason) = told(code);
    request.error(kind, reason)
}

fn told(code: &ErrorCode) -> (ErrorKind, String) {
    use ErrorCode as E;
    let (kind, reason) = match code {
        E::ConnectionRefused => (ErrorKind::Connect, "the connection was refused"),
        E::DnsError(_) | E::DestinationNotFound => (ErrorKind::Dns, "there is no such host"),
        E::DestinationUnavailable | E::DestinationIpUnroutable | E::ConnectionLimitReached => {
            (ErrorKind::Connect, "the host cannot be reached")
        }
        E::HttpRequestDenied => (ErrorKind::Denied, "the app's manifest or the operator does not allow this host"),
        E::DestinationIpProhibited => (ErrorKind::Denied, "it leads to the Longhaul host itself, which functions cannot call over HTTP"),
        E::ConnectionTimeout | E::DnsTimeout => (ErrorKind::Timeout, "connecting took too long"),
        E::ConnectionWriteTimeout => (ErrorKind::Timeout, "the server takes no more of the request"),
        E::ConnectionReadTimeout | E::HttpResponseTimeout => (ErrorKind::Timeout, "the answer took too long"),
        E::TlsCertificateError => (ErrorKind::Tls, "the server's certificate is not trusted or not for this name; the log says why"),
        E::TlsProtocolError | E::TlsAlertReceived(_) => (ErrorKind::Tls, "no secure connection; the log says why"),
        E::ConnectionTerminated | E::HttpResponseIncomplete => {
            (ErrorKind::Protocol, "the connection was closed before the answer was complete")
        }
        E::HttpResponseHeaderSectionSize(_) => {
            (ErrorKind::Protocol, "the answer has too many headers, or too long ones; the log says more")
        }
        E::HttpProtocolError => (ErrorKind::Protocol, "the answer is not HTTP; the log says more"),
        E::HttpRequestMethodInvalid | E::HttpRequestUriInvalid | E::HttpRequestUriTooLong => {
            (ErrorKind::InvalidRequest, "the method or the URL is malformed")
        }
        E::InternalError(Some(reason)) => return (ErrorKind::Protocol, reason.clone()),
        // The rest are rare; their names say what they are.
        other => return (ErrorKind::Protocol, format!("{other:?}")),
    };
    (kind, reason.to_owned())
}
