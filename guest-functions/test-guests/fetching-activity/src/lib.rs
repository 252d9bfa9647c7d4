//! An activity that sends one request through the SDK, as its input describes it.

use std::time::Duration;

use longhaul::{Failure, http};
use serde::Deserialize;
use serde_json::{Value, json};

/// A request in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// The body is this many bytes instead.
    body_bytes: Option<usize>,
    timeout_ms: Option<u64>,
    total_timeout_ms: Option<u64>,
    /// How the answer is read: as `json`, strictly as text (`try`), as its `length`, or as text
    /// with replacements.
    #[serde(default)]
    read: String,
}

/// Answers with status and text. A failure is the request's own.
#[longhaul::activity]
pub fn fetch(input: Fetch) -> Result<Value, Failure> {
    let mut request = http::request(input.method, input.url).body(input.body);
    for (name, value) in input.headers {
        request = request.header(name, value);
    }
    if let Some(bytes) = input.body_bytes {
        request = request.body(vec![b'x'; bytes]);
    }
    if let Some(ms) = input.timeout_ms {
        request = request.timeout(Duration::from_millis(ms));
    }
    if let Some(ms) = input.total_timeout_ms {
        request = request.total_timeout(Duration::from_millis(ms));
    }
    let answer = request.send()?;
    let text = match input.read.as_str() {
        "json" => answer.json()?,
        "try" => Value::String(answer.try_text()?),
        "length" => json!(answer.body().len()),
        _ => Value::String(answer.text()),
    };
    Ok(json!({"status": answer.status(), "text": text}))
}
