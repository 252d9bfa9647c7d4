//! Sends a job to the external system.

use std::time::Duration;

use domain::{CallApiInput, CallApiOutput, JobRequest};
use longhaul::{Failure, app_setting, http, random_u64};

/// The app setting with the job API's address.
const JOB_API_URL: &str = "JOB_API_URL";

/// The job API takes some seconds by design; this is far beyond.
const TIMEOUT: Duration = Duration::from_secs(100);

/// Asks the job API for a job, and now and then, by chance, for an error. An answer of 500 and above is a failure.
#[longhaul::activity]
pub fn call_api_activity(input: CallApiInput) -> Result<CallApiOutput, Failure> {
    let url =
        app_setting(JOB_API_URL).ok_or_else(|| Failure::new("MissingSetting", format!("the app setting {JOB_API_URL} is missing")))?;
    let return_error = random_u64() % 100 < u64::from(input.error_likelihood_percentage);
    let job = JobRequest { return_error, callback_uri: input.callback_uri, callback_after_seconds: None };
    let answer = http::post(url).json(&job).timeout(TIMEOUT).send()?;
    if answer.status() >= 500 {
        return Err(Failure::new("JobApiError", told(&answer)));
    }
    Ok(CallApiOutput { status_code: answer.status(), status_text: answer.status_text().to_owned() })
}

fn told(answer: &http::Response) -> String {
    let text = format!("the job API answered {} {}: {}", answer.status(), answer.status_text(), answer.text().trim());
    text.trim_end_matches([' ', ':']).to_owned()
}

#[cfg(test)]
mod tests;
