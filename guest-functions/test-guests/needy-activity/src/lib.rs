//! An activity that does what a server says: the test outside decides whether and how often it fails.

use longhaul::{ActivityContext, Failure, http};

/// Posts its idempotency key to a URL and returns the body; any status but 200 is a failure.
#[longhaul::activity]
pub fn needy(ctx: ActivityContext, url: String) -> Result<String, Failure> {
    let answer = http::post(url).header("idempotency-key", ctx.idempotency_key).send()?;
    match answer.status() {
        200 => Ok(answer.text()),
        status => Err(Failure::new("Refused", format!("the server said {status}"))),
    }
}
