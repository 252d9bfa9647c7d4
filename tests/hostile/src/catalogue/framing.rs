//! Requests that are no requests, or that two readers could read in two ways.

use crate::row::{Answer, Input, Row, bytes};

const START: &str = "/runtime/webhooks/durabletask/orchestrators/Misbehaving";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(
        LINES
            .iter()
            .map(|(name, line, status)| bytes(format!("first line: {name}"), format!("{line}\r\nhost: localhost\r\n\r\n"), *status)),
    );
    rows.extend(
        HEADERS
            .iter()
            .map(|(name, headers, status)| bytes(format!("headers: {name}"), format!("GET /healthz HTTP/1.1\r\n{headers}\r\n"), *status)),
    );
    rows.extend(LENGTHS.iter().map(|(name, headers, body, status)| {
        let text = format!("POST {START} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n{body}");
        bytes(format!("length: {name}"), text, *status)
    }));
    let old = format!("POST {START} HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    rows.push(bytes("length: a coding in HTTP/1.0", old, 400));
    rows.extend(large());
    rows.extend(CUT_OFF.iter().map(|(name, text)| {
        let input = Input::CutOff(text.as_bytes().to_vec());
        Row { name: format!("cut off: {name}"), input, answer: Answer::Closed }
    }));
    rows.extend(slow());
    rows
}

const LINES: &[(&str, &str, u16)] = &[
    ("no version", "GET /healthz", 400),
    ("an unknown version", "GET /healthz HTTP/3.0", 400),
    ("the version of HTTP/2", "GET /healthz HTTP/2.0", 400),
    ("a version in lower case", "GET /healthz http/1.1", 400),
    ("two blanks", "GET  /healthz HTTP/1.1", 400),
    ("a blank within the path", "GET /heal thz HTTP/1.1", 400),
    ("a tab for a blank", "GET\t/healthz HTTP/1.1", 400),
    ("a method with a colon", "GE:T /healthz HTTP/1.1", 400),
    ("a control character in the path", "GET /heal\u{1}thz HTTP/1.1", 400),
    ("a method in lower case", "get /healthz HTTP/1.1", 404),
    ("an unknown method", "BREW /healthz HTTP/1.1", 404),
    ("a tunnel", "CONNECT example.com:443 HTTP/1.1", 404),
    ("an asterisk", "OPTIONS * HTTP/1.1", 404),
    ("a path without a slash", "GET healthz HTTP/1.1", 400),
    ("the beginning of TLS", "\u{16}\u{3}\u{1}\u{2}", 400),
    ("another protocol", "SSH-2.0-OpenSSH_9.2", 400),
    ("nothing but noise", "%%%%%%%%%%%%%%%%", 400),
];

const HEADERS: &[(&str, &str, u16)] = &[
    ("no host", "accept: */*\r\n", 400),
    ("two hosts", "host: localhost\r\nhost: example.com\r\n", 400),
    ("the same host twice", "host: localhost\r\nhost: localhost\r\n", 400),
    ("a host with a blank", "host: local host\r\n", 400),
    ("a host with a user", "host: me@localhost\r\n", 400),
    ("a host with a path", "host: localhost/healthz\r\n", 400),
    ("a host with a bad port", "host: localhost:port\r\n", 400),
    ("a line without a colon", "host: localhost\r\nnonsense\r\n", 400),
    ("a blank before the colon", "host: localhost\r\naccept : */*\r\n", 400),
    ("a folded line", "host: localhost\r\naccept: a,\r\n b\r\n", 400),
    ("a blank at the beginning", " host: localhost\r\n", 400),
    ("no name", "host: localhost\r\n: value\r\n", 400),
    ("a zero byte in a value", "host: localhost\r\naccept: a\0b\r\n", 400),
    ("a control character in a name", "host: localhost\r\nac\u{1}cept: a\r\n", 400),
    ("a carriage return alone", "host: localhost\r\naccept: a\rb\r\n", 400),
];

const LENGTHS: &[(&str, &str, &str, u16)] = &[
    ("a length and a coding", "content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", 400),
    ("a coding and a length", "transfer-encoding: chunked\r\ncontent-length: 4\r\n", "0\r\n\r\n", 400),
    ("a length and a coding in other cases", "Content-LENGTH: 4\r\nTRANSFER-Encoding: chunked\r\n", "0\r\n\r\n", 400),
    ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n", "1", 400),
    ("a list of lengths", "content-length: 1, 2\r\n", "1", 400),
    ("a negative length", "content-length: -1\r\n", "", 400),
    ("a length with a sign", "content-length: +1\r\n", "1", 400),
    ("a hexadecimal length", "content-length: 0x1\r\n", "1", 400),
    ("a length that is a word", "content-length: one\r\n", "1", 400),
    ("an empty length", "content-length: \r\n", "", 400),
    ("a length with a fraction", "content-length: 1.0\r\n", "1", 400),
    ("a length beyond every number", "content-length: 99999999999999999999999\r\n", "1", 400),
    ("the largest length", "content-length: 18446744073709551615\r\n", "1", 431),
    ("a length beyond the limit", "content-length: 100001\r\n", "", 413),
    ("an unknown coding", "transfer-encoding: compress\r\n", "", 400),
    ("a known coding that is not taken", "transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n", 501),
    ("an unknown coding before chunked", "transfer-encoding: foo, chunked\r\n", "0\r\n\r\n", 501),
    ("an unknown coding in a header of its own", "transfer-encoding: foo\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n", 501),
    ("a coding with parameters", "transfer-encoding: gzip;q=\"a,b\", chunked\r\n", "0\r\n\r\n", 501),
    ("no coding before chunked", "transfer-encoding: identity, chunked\r\n", "0\r\n\r\n", 501),
    ("chunked twice", "transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n", 400),
    ("chunked twice in two headers", "transfer-encoding: chunked\r\ntransfer-encoding: Chunked\r\n", "0\r\n\r\n", 400),
    ("chunked twice with tabs", "transfer-encoding:\tchunked\t,\tchunked\t\r\n", "0\r\n\r\n", 400),
    ("chunked with a parameter", "transfer-encoding: chunked;a=b\r\n", "0\r\n\r\n", 400),
    ("an empty part before chunked", "transfer-encoding: , chunked\r\n", "0\r\n\r\n", 400),
    ("an empty part behind chunked", "transfer-encoding: chunked,\r\n", "0\r\n\r\n", 400),
    ("an empty coding", "transfer-encoding:\r\n", "", 400),
    ("a folded coding", "transfer-encoding: gzip,\r\n chunked\r\n", "0\r\n\r\n", 400),
    ("a length and two codings", "content-length: 4\r\ntransfer-encoding: gzip, chunked\r\n", "0\r\n\r\n", 400),
    ("a coding after chunked", "transfer-encoding: chunked, gzip\r\n", "", 400),
    ("a disguised coding", "transfer-encoding: xchunked\r\n", "0\r\n\r\n", 400),
    ("a piece whose size is no number", "transfer-encoding: chunked\r\n", "zz\r\n1\r\n0\r\n\r\n", 400),
    ("a piece of negative size", "transfer-encoding: chunked\r\n", "-1\r\n1\r\n0\r\n\r\n", 400),
    ("a piece beyond every number", "transfer-encoding: chunked\r\n", "fffffffffffffffff\r\n1\r\n0\r\n\r\n", 400),
    ("a piece that is longer than it says", "transfer-encoding: chunked\r\n", "1\r\n12345\r\n0\r\n\r\n", 400),
    ("a piece without a line end", "transfer-encoding: chunked\r\n", "1\r\n1zz0\r\n\r\n", 400),
];

fn large() -> Vec<Row> {
    let many = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let pieces = format!("{}\r\n{}\r\n", "4000", " ".repeat(0x4000)).repeat(8);
    let head = |headers: &str| format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    vec![
        bytes("large: 200 headers", head(&many), 431),
        bytes("large: a head beyond the limit", head(&format!("x: {}\r\n", "x".repeat(70_000))), 431),
        bytes("large: a path beyond the limit", format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(17_000)), 414)
            .saying("16384"),
        bytes("large: a query beyond the limit", format!("GET /healthz?{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(17_000)), 414),
        bytes(
            "large: a body in pieces beyond the limit",
            format!("POST {START} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{pieces}0\r\n\r\n"),
            413,
        )
        .saying("100000"),
        bytes(
            "large: the announced body of a client function",
            "POST /api/MisbehavingClient?do=/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100001\r\n\r\n",
            413,
        ),
    ]
}

const CUT_OFF: &[(&str, &str)] = &[
    ("nothing at all", ""),
    ("half a line", "GET /heal"),
    ("half a head", "GET /healthz HTTP/1.1\r\nhost: local"),
    ("a head without its end", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n"),
    ("empty lines", "\r\n\r\n\r\n"),
];

/// The host under test waits for 2 s.
fn slow() -> Vec<Row> {
    let half = format!("POST {START} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n12345");
    let piece = format!("POST {START} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n");
    vec![
        bytes("slow: a head that never ends", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n", 0).answered(Answer::Closed),
        bytes("slow: a client that says nothing", "", 0).answered(Answer::Closed),
        bytes("slow: a body that stops", half, 408),
        bytes("slow: pieces that stop", piece, 408),
    ]
}
