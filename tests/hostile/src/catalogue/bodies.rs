//! Bodies that are no JSON, for every route that reads one.

use crate::row::{Row, bytes, manage, request};

/// Where bodies go: the name, the path.
const ROUTES: [(&str, &str); 3] = [
    ("a start", "/orchestrators/Misbehaving"),
    ("an event", "/instances/waits/raiseEvent/Other"),
    ("an operation", "/entities/MisbehavingEntity/kept?op=add"),
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (route, path) in ROUTES {
        for (name, body) in bad() {
            rows.push(bytes(format!("body of {route}: {name}"), request("POST", &manage(path), "application/json", &body), 400));
        }
        for (name, headers) in [
            ("compressed", "content-type: application/json\r\ncontent-encoding: gzip\r\n"),
            ("compressed twice", "content-type: application/json\r\ncontent-encoding: identity\r\ncontent-encoding: br\r\n"),
            ("in another charset", "content-type: application/json; charset=utf-16\r\n"),
        ] {
            let text = format!("POST {} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: 1\r\n\r\n1", manage(path));
            rows.push(bytes(format!("body of {route}: {name}"), text, 415));
        }
        let long = format!("\"{}\"", "x".repeat(99_999));
        rows.push(bytes(
            format!("body of {route}: one byte beyond the limit"),
            request("POST", &manage(path), "application/json", long.as_bytes()),
            413,
        ));
    }
    for content_type in ["text/plain", "application/xml", ""] {
        let name = format!("body of an event: content type '{content_type}'");
        rows.push(bytes(name, request("POST", &manage(ROUTES[1].1), content_type, b"1"), 400));
    }
    rows
}

fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes();
    vec![
        ("half an object", b"{\"a\":".to_vec()),
        ("a comma too many", b"[1,]".to_vec()),
        ("two values", b"1 2".to_vec()),
        ("single quotes", b"{'a':1}".to_vec()),
        ("a word", b"undefined".to_vec()),
        ("no number", b"NaN".to_vec()),
        ("a number that begins with zero", b"01".to_vec()),
        ("half a string", b"\"abc".to_vec()),
        ("a bad escape", b"\"\\x41\"".to_vec()),
        ("a control character in a string", b"\"a\nb\"".to_vec()),
        ("bytes that are no UTF-8", b"\"\xff\xfe\"".to_vec()),
        ("a mark of byte order behind another", b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec()),
        ("a mark of byte order and nothing else", b"\xef\xbb\xbf ".to_vec()),
        ("UTF-16", b"\xff\xfe1\x00".to_vec()),
        ("a number beyond every float", b"{\"a\":[1e400]}".to_vec()),
        ("a whole number beyond every float", [b"-1".to_vec(), vec![b'0'; 400]].concat()),
        ("half of a surrogate pair", b"\"\\ud800\"".to_vec()),
        ("half of a surrogate pair as a name", b"{\"\\uDFFF\":1}".to_vec()),
        ("a comment", b"{} // none".to_vec()),
        ("blanks alone", b"   ".to_vec()),
        ("one array too deep", nested("[", "]", 101)),
        ("one object too deep", nested("{\"a\":", "}", 101)),
        ("30,000 arrays deep", nested("[", "]", 30_000)),
    ]
}
