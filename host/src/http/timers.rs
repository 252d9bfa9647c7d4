//! The timers of the current deployment.

use http::StatusCode;
use serde::Serialize;

use super::answer::{self, Answer};
use super::request::Asked;
use super::{Api, Handled};
use crate::timers::TimerStatus;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    schedule: String,
    time_zone: String,
    orchestrator: String,
    paused: bool,
    next_due: Option<String>,
    last_due: Option<String>,
    last_instance: Option<String>,
}

impl From<TimerStatus> for Shown {
    fn from(status: TimerStatus) -> Self {
        let TimerStatus { entry, paused, next_due, last_due, last_instance } = status;
        Self {
            name: entry.name.to_string(),
            schedule: entry.schedule.text().to_owned(),
            time_zone: entry.schedule.zone().to_owned(),
            orchestrator: entry.orchestrator.to_string(),
            paused,
            next_due: next_due.map(|due| due.to_iso_seconds()),
            last_due: last_due.map(|due| due.to_iso_seconds()),
            last_instance: last_instance.map(|id| id.to_string()),
        }
    }
}

/// All timers, ordered by name.
pub(super) fn list(api: &Api) -> Answer {
    let shown: Vec<_> = api.timers.list().into_iter().map(Shown::from).collect();
    answer::json(StatusCode::OK, &shown)
}

/// Pauses, resumes or runs a timer, and shows how it stands then.
pub(super) async fn operate(api: &Api, asked: &Asked) -> Handled {
    let (name, operation) = (asked.part(0), asked.part(1).to_ascii_lowercase());
    let status = match operation.as_str() {
        "pause" => api.timers.pause(name).await?,
        "resume" => api.timers.resume(name).await?,
        "run" => api.timers.run_now(name).await?,
        _ => return Ok(answer::empty(StatusCode::NOT_FOUND)),
    };
    Ok(answer::json(StatusCode::OK, &Shown::from(status)))
}
