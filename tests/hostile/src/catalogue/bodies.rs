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
        ("a mark of byte order", b"\xef\xbb\xbf{}".to_vec()),
        ("a comment", b"{} // none".to_vec()),
        ("blanks alone", b"   ".to_vec()),
        ("one array too deep", nested("[", "]", 101)),
        ("one object too deep", nested("{\"a\":", "}", 101)),
        ("30,000 arrays deep", nested("[", "]", 30_000)),
    ]
}
