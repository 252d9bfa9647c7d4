//! An activity that reports each of its runs to a server outside the host.

use std::time::Duration;

use interpreter_programs::{Entry, Job, Receipt, answer, failure_text};
use longhaul::{ActivityContext, Failure, http};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Reports, and then succeeds or fails as it is told.
#[longhaul::activity]
pub fn report(ctx: ActivityContext, job: Job) -> Result<Receipt, Failure> {
    let entry = Entry { instance: ctx.instance_id, token: job.token, attempt: ctx.attempt, key: ctx.idempotency_key };
    let reported = http::post(&job.ledger).json(&entry).timeout(TIMEOUT).send();
    if ctx.attempt <= job.failures {
        return Err(Failure::new("Deliberate", failure_text(job.token)));
    }
    match reported?.status() {
        200 => Ok(Receipt { answer: answer(job.token), ballast: job.ballast }),
        status => Err(Failure::new("Ledger", format!("the ledger answered {status}"))),
    }
}
