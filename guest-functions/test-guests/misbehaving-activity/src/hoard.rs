//! What a guest can make the host hold or compute: shared by the activity and the client function that misbehave.

use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, RequestOptions};
use wasip2::io::poll::poll;
use wasip2::random::random::get_random_bytes;

/// More than any guest may have of anything.
const MANY: usize = 50_000;

/// Does it. Returns how often it was done; `None` for an unknown word.
pub fn hoard(what: &str) -> Option<usize> {
    Some(match what {
        "keep-fields" => keep(|_| long_fields()),
        "keep-empty-fields" => keep(|_| Fields::new()),
        "keep-copied-fields" => {
            let fields = long_fields();
            keep(|number| {
                let copy = fields.clone();
                copy.append(&format!("x-{number}"), b"1").expect("there is room for it");
                copy
            })
        }
        "keep-requests" => keep(|_| OutgoingRequest::new(long_fields())),
        "keep-options" => keep(|_| RequestOptions::new()),
        "keep-pollables" => keep(|_| subscribe_duration(u64::MAX)),
        "keep-streams" => keep(|_| wasip2::cli::stdout::get_stdout()),
        "keep-bodies" => keep(|_| body_with_two_pieces()),
        "endless-fields" => {
            let fields = Fields::new();
            keep(|number| fields.append(&format!("x-{number}"), &[b'x'; 1_000]))
        }
        "many-values" => {
            let values = vec![Vec::new(); MANY];
            keep(|_| Fields::new().set("x-many", &values))
        }
        "let-fields-go" => (0..200).map(|_| drop(long_fields())).count(),
        "long-method" => {
            let (name, request) = (Method::Other("X".repeat(1 << 20)), OutgoingRequest::new(Fields::new()));
            (0..10).filter(|_| request.set_method(&name).is_err()).count()
        }
        "poll-one-often" => {
            let ready = subscribe_duration(0);
            poll(&vec![&ready; MANY]).len()
        }
        "much-chance" => get_random_bytes(64 << 20).len(),
        "some-chance" => (0..100).map(|_| get_random_bytes(64 << 10).len()).sum(),
        _ => return None,
    })
}

/// Keeps all of them until the last is made.
fn keep<T>(make: impl FnMut(usize) -> T) -> usize {
    let kept: Vec<T> = (0..MANY).map(make).collect();
    kept.len()
}

fn long_fields() -> Fields {
    let fields = Fields::new();
    fields.append("x-long", &[b'x'; 100_000]).expect("there is room for it");
    fields
}

/// A body as far as it can be written while it is not sent.
fn body_with_two_pieces() -> (OutgoingRequest, OutgoingBody) {
    let request = OutgoingRequest::new(Fields::new());
    let body = request.body().expect("it is taken once");
    let stream = body.write().expect("it is taken once");
    while let Ok(room) = stream.check_write()
        && room > 0
    {
        stream.write(&vec![b'x'; room as usize]).expect("there is room for it");
    }
    drop(stream);
    (request, body)
}
