//! A client function that does what the last part of the path asks for.

wit_bindgen::generate!({ path: "../../../wit", world: "client-function", generate_all });

use longhaul::durable::client::{self, StartOptions};
use longhaul::durable::types::EntityId;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

#[path = "../../misbehaving-activity/src/hoard.rs"]
mod hoard;

struct Misbehaving;

wasip2::http::proxy::export!(Misbehaving);

impl Guest for Misbehaving {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        match path.rsplit('/').next().unwrap_or_default() {
            "echo" => {
                let body = read(request.consume().expect("it is taken once"));
                respond(answer, 200, &body);
            }
            "start" => {
                let input = String::from_utf8(read(request.consume().expect("it is taken once"))).expect("text");
                let options =
                    StartOptions { instance_id: Some("chosen".into()), version: None, tags: Vec::new(), at: None, idempotency_key: None };
                match client::start("Misbehaving", &input, &options) {
                    Ok(id) => respond(answer, 202, client::management_payload(&id).as_bytes()),
                    Err(error) => respond(answer, 400, format!("{error:?}").as_bytes()),
                }
            }
            "status" => respond(answer, 200, format!("{:?}", client::get_status("unknown")).as_bytes()),
            "entity" => {
                let id = EntityId { name: "Counter".into(), key: "1".into() };
                client::signal_entity(&id, "add", "1").expect("it is taken");
                respond(answer, 200, format!("{:?}", client::read_entity(&id)).as_bytes());
            }
            "head" => respond(answer, 200, head_of(&request).as_bytes()),
            "hand-over" => respond(answer, 200, hand_over().as_bytes()),
            "panic" => panic!("this client function panics"),
            "silent" => {}
            "spin" => loop {
                std::hint::black_box(&path);
            },
            "panic-in-body" => {
                let body = begin(answer, 200);
                write(&body, b"the beginning");
                panic!("this client function panics in the middle of its answer");
            }
            "eat-memory" => {
                let mut eaten: Vec<Vec<u8>> = Vec::new();
                loop {
                    eaten.push(std::hint::black_box(vec![1; 1 << 20]));
                }
            }
            "bad-status" => {
                let response = OutgoingResponse::new(Fields::new());
                let refused = [0, 99, 1_000, u16::MAX].into_iter().filter(|status| response.set_status_code(*status).is_err()).count();
                respond(answer, 200, refused.to_string().as_bytes());
            }
            "switch-protocols" => {
                let response = OutgoingResponse::new(Fields::new());
                response.set_status_code(101).expect("a known status");
                ResponseOutparam::set(answer, Ok(response));
            }
            "huge-headers" => {
                let headers = Fields::new();
                for number in 0..200 {
                    // The host may refuse as many as it likes.
                    let _ = headers.append(&format!("x-huge-{number}"), &[b'x'; 10_000]);
                }
                ResponseOutparam::set(answer, Ok(OutgoingResponse::new(headers)));
            }
            "bad-start" => {
                let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
                let long = format!("\"{}\"", "x".repeat(2 << 20));
                let options = StartOptions { instance_id: None, version: None, tags: Vec::new(), at: None, idempotency_key: None };
                let refused = [deep.as_str(), &long, "{not JSON"].map(|input| client::start("Misbehaving", input, &options).is_err());
                respond(answer, 200, format!("{refused:?}").as_bytes());
            }
            "half-and-hang" => {
                let body = begin(answer, 200);
                write(&body, b"the beginning");
                loop {
                    std::hint::black_box(&body);
                }
            }
            other => match hoard::hoard(other) {
                Some(done) => respond(answer, 200, done.to_string().as_bytes()),
                None => respond(answer, 404, other.as_bytes()),
            },
        }
    }
}

/// All that a request's head says, as this guest sees it.
fn head_of(request: &IncomingRequest) -> String {
    let entries = request.headers().entries();
    let headers: Vec<_> = entries.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    format!("{}\n{}", request.path_with_query().unwrap_or_default(), headers.join("\n"))
}

/// Hands its secret over in every text that the client interface takes. Returns a line for each: what was said to that.
fn hand_over() -> String {
    let settings = wasip2::cli::environment::get_environment();
    let (_, secret) = settings.into_iter().find(|(name, _)| name == "API_TOKEN").expect("the secret is given");
    let text = format!("a {secret} z");
    let json = format!("{:?}", text);
    let none = || StartOptions { instance_id: None, version: None, tags: Vec::new(), at: None, idempotency_key: None };
    let start = |options: StartOptions| client::start("Misbehaving", "\"behave\"", &options).err();
    let entity = |name: &str, key: &str| EntityId { name: name.into(), key: key.into() };
    let said = [
        ("a name", client::start(&text, "1", &none()).err()),
        ("an input", client::start("Misbehaving", &json, &none()).err()),
        ("an id", start(StartOptions { instance_id: Some(text.clone()), ..none() })),
        ("a version", start(StartOptions { version: Some(text.clone()), ..none() })),
        ("a tag's name", start(StartOptions { tags: vec![(text.clone(), "1".into())], ..none() })),
        ("a tag", start(StartOptions { tags: vec![("one".into(), text.clone())], ..none() })),
        ("an idempotency key", start(StartOptions { idempotency_key: Some(text.clone()), ..none() })),
        ("an event's name", client::raise_event("waits", &text, "1").err()),
        ("an event's data", client::raise_event("waits", "Go", &json).err()),
        ("a reason", client::terminate("waits", Some(&text)).err()),
        ("an entity's key", client::signal_entity(&entity("MisbehavingEntity", &text), "add", "1").err()),
        ("an operation", client::signal_entity(&entity("MisbehavingEntity", "one"), &text, "1").err()),
        ("an operation's input", client::signal_entity(&entity("MisbehavingEntity", "one"), "add", &json).err()),
    ];
    said.map(|(what, error)| format!("{what}: {error:?}")).join("\n")
}

fn read(body: IncomingBody) -> Vec<u8> {
    let stream = body.stream().expect("it is taken once");
    let mut bytes = Vec::new();
    while let Ok(mut piece) = stream.blocking_read(65_536) {
        bytes.append(&mut piece);
    }
    bytes
}

fn respond(answer: ResponseOutparam, status: u16, bytes: &[u8]) {
    let body = begin(answer, status);
    write(&body, bytes);
    OutgoingBody::finish(body, None).expect("it is whole");
}

fn begin(answer: ResponseOutparam, status: u16) -> OutgoingBody {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a known status");
    let body = response.body().expect("it is taken once");
    ResponseOutparam::set(answer, Ok(response));
    body
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("it is taken once");
    bytes.chunks(4_096).for_each(|piece| stream.blocking_write_and_flush(piece).expect("somebody reads"));
}
