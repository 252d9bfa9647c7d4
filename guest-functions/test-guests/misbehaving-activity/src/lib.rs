//! Does what its input, a JSON string, asks for. `"get http://host/path"` answers with the status and body or fails with the
//! error code as its error type; `"try n http://host/path"` succeeds at the n-th attempt. `"authorized NAME http://host/path"` sends the
//! setting or secret of that name along, and `"tell NAME"` gives it away wherever it can; so does `"panic aloud"` with `TOKEN`.

wit_bindgen::generate!({ path: "../../../wit", world: "activity-function", generate_all });

use exports::longhaul::durable::activity::{Context, Guest};
use longhaul::durable::log::{Level, log};
use longhaul::durable::types::Failure;
use wasip2::http::outgoing_handler::{OutgoingRequest, handle};
use wasip2::http::types::{ErrorCode, Fields, Scheme};

mod hoard;

struct Misbehaving;

export!(Misbehaving);

impl Guest for Misbehaving {
    fn run(context: Context, input: String) -> Result<String, Failure> {
        let what = input.trim_matches('"');
        match what {
            "behave" => Ok("\"well\"".into()),
            "context" => Ok(format!(r#"["{}", "{}", {}, {}]"#, context.name, context.instance_id, context.task, context.attempt)),
            "panic aloud" => {
                log(Level::Error, &format!("panicked at src/lib.rs:7:8: {}", variable("TOKEN")));
                panic!("this activity panics aloud")
            }
            "panic" => panic!("this activity panics"),
            "panic once" if context.attempt == 1 => panic!("this activity panics at first"),
            "panic once" => Ok(context.attempt.to_string()),
            "fail" => Err(failure("Deliberate", "this activity fails")),
            // Some 100 ms.
            "compute" => Ok((0..100_000_000_u64).fold(1, |sum: u64, step| std::hint::black_box(sum.rotate_left(7) ^ step)).to_string()),
            "spin" => loop {
                std::hint::black_box(what);
            },
            "sleep" => {
                wasip2::clocks::monotonic_clock::subscribe_duration(3_600_000_000_000).block();
                Ok("null".into())
            }
            "eat memory" => eat_memory(),
            "refuse" => Err(Failure { non_retriable: true, ..failure("Refused", "trying again would not help") }),
            "recurse" => Ok(recurse(1).to_string()),
            "deep output" => Ok(format!("{}{}", "[".repeat(101), "]".repeat(101))),
            "output beyond floats" => Ok("[1e400]".into()),
            "huge error" => Err(failure("Huge", &"x".repeat(2 << 20))),
            "dial" => Ok(format!("\"{}\"", dial())),
            "huge output" => Ok(format!("\"{}\"", "x".repeat(2 << 20))),
            "flood log" => {
                (0..100_000).for_each(|line| log(Level::Info, &format!("flood {line}")));
                Ok("\"flooded\"".into())
            }
            "not JSON" => Ok("{not JSON".into()),
            "settings" => Ok(format!(
                "{:?}",
                wasip2::cli::environment::get_environment().iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
            )),
            _ if let Some(done) = hoard::hoard(what) => Ok(done.to_string()),
            "one long line" => {
                log(Level::Info, &" \n".repeat(8 << 20));
                Ok("\"said\"".into())
            }
            "long lines" => {
                (0..200).for_each(|_| log(Level::Info, &"x".repeat(8_000)));
                Ok("\"said\"".into())
            }
            "forge a line" => {
                log(Level::Info, "one\nINFO forged\r\x1b[31mred\u{2028}end");
                Ok("\"said\"".into())
            }
            "hand over too much" => Ok(format!("\"{}\"", "x".repeat(40 << 20))),
            _ if what.starts_with("try ") => try_until(&context, what),
            _ if what.starts_with("authorized ") => authorized(what),
            _ if what.starts_with("tell ") => tell(&what["tell ".len()..]),
            _ => match what.strip_prefix("get ").and_then(|address| address.split_once("://")) {
                Some((scheme, rest)) => get(scheme, rest, &[]),
                None => panic!("nobody taught this activity to {what}"),
            },
        }
    }
}

/// `try 3 http://host/path` tells that address of each attempt, and succeeds at the third.
fn try_until(context: &Context, what: &str) -> Result<String, Failure> {
    let (wanted, address) = what["try ".len()..].split_once(' ').expect("a number and an address");
    let (_, rest) = address.split_once("://").expect("an address");
    let Context { attempt, idempotency_key, .. } = context;
    get("http", &format!("{rest}?attempt={attempt}&key={idempotency_key}"), &[])?;
    match *attempt < wanted.parse().expect("a number") {
        true => Err(failure("Flaky", &format!("attempt {attempt} fails"))),
        false => Ok(format!("[{attempt}, \"{idempotency_key}\"]")),
    }
}

/// Sends requests to addresses that nobody allowed, and reads no answer. Returns how many were refused at once.
fn dial() -> usize {
    let authorities = ["169.254.169.254", "10.0.0.1:22", "localhost:1", "[::1]:1", "metadata.google.internal"];
    let open = (0..200).map(|number| {
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).expect("a known scheme");
        request.set_authority(Some(authorities[number % authorities.len()])).expect("an authority");
        handle(request, None)
    });
    // All stay open until the last has been sent.
    let open: Vec<_> = open.collect();
    open.iter().filter(|answer| answer.is_err()).count()
}

/// Not a tail call, and with a frame that the optimiser cannot drop.
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    if frame[0] == 0 { 0 } else { recurse(depth + 1) + std::hint::black_box(frame[15]) }
}

fn eat_memory() -> ! {
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    loop {
        eaten.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

/// `authorized NAME http://host/path`.
fn authorized(what: &str) -> Result<String, Failure> {
    let (name, address) = what["authorized ".len()..].split_once(' ').expect("a name and an address");
    let (scheme, rest) = address.split_once("://").expect("an address");
    get(scheme, rest, &[("authorization".into(), variable(name).into_bytes())])
}

fn tell(name: &str) -> Result<String, Failure> {
    let value = variable(name);
    log(Level::Warn, &format!("logged: {value}"));
    Err(Failure {
        details: Some(format!("details: {value}")),
        inner: vec![format!("cause: {value}")],
        ..failure("Told", &format!("failed: {value}"))
    })
}

fn variable(name: &str) -> String {
    let all = wasip2::cli::environment::get_environment();
    all.into_iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("there is no {name}")).1
}

fn get(scheme: &str, rest: &str, headers: &[(String, Vec<u8>)]) -> Result<String, Failure> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    send(scheme, authority, &format!("/{path}"), headers).map_err(|code| {
        let text = format!("{code:?}");
        // `ErrorCode::InternalError(Some("…"))`: the variant is the type, the whole is the message.
        let name = text.trim_start_matches("ErrorCode::").split('(').next().unwrap_or_default();
        failure(name, &text)
    })
}

fn send(scheme: Scheme, authority: &str, path: &str, headers: &[(String, Vec<u8>)]) -> Result<String, ErrorCode> {
    let request = OutgoingRequest::new(Fields::from_list(headers).expect("good headers"));
    request.set_scheme(Some(&scheme)).expect("a known scheme");
    request.set_authority(Some(authority)).expect("an authority");
    request.set_path_with_query(Some(path)).expect("a path");
    let answer = handle(request, None)?;
    answer.subscribe().block();
    let response = answer.get().expect("it is ready").expect("it is taken once")?;
    let status = response.status();
    let body = response.consume().expect("it is taken once");
    let stream = body.stream().expect("it is taken once");
    let mut text = Vec::new();
    while let Ok(mut bytes) = stream.blocking_read(4_096) {
        text.append(&mut bytes);
    }
    Ok(format!("\"{status} {}\"", String::from_utf8_lossy(&text)))
}

fn failure(error_type: &str, message: &str) -> Failure {
    Failure { error_type: error_type.into(), message: message.into(), details: None, non_retriable: false, inner: Vec::new() }
}
