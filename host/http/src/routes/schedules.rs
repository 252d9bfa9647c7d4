//! The timers of the current deployment.

use http::{Method, StatusCode};
use longhaul_core::Timestamp;
use serde::Serialize;

use super::{Handled, Need, Route, handler, root};
use crate::answer;
use crate::context::Api;
use crate::describe::{Kind, NO_ADMIN_KEY, NOT_LOCAL, Operation, Reply, Shape, look, parameter};
use crate::request::Asked;
use longhaul_app::cron::Upcoming;
use longhaul_app::schedules::ScheduleStatus;
use longhaul_engine::clock;

/// The routes of timers.
pub(super) const ROUTES: &[Route] = &[
    root(Some(Method::GET), "/admin/timers", Need::Admin, &LIST_TIMERS, handler!(list)),
    root(Some(Method::POST), "/admin/timers/{timerName}/{operation}", Need::Admin, &OPERATE_TIMER, handler!(operate)),
];

const LIST_TIMERS: Operation = Operation {
    query: &[parameter("next", Kind::Count, "Show this many due times to come of each, at most 100; default none")],
    ..look("listTimers", "List the timers of the current deployment by name", &[Reply(200, Shape::List("Timer"), "All timers"), NOT_LOCAL])
};

const OPERATE_TIMER: Operation = look(
    "operateTimer",
    "Pause or resume a timer, or run it now; the operation is `pause`, `resume` or `run`",
    &[
        Reply(200, Shape::Object("Timer"), "How the timer stands now"),
        Reply(400, Shape::Object("Message"), "There is no such timer; it says which there are"),
        NO_ADMIN_KEY,
        NOT_LOCAL,
        Reply(404, Shape::Empty, "There is no such operation"),
        Reply(503, Shape::Object("Message"), "The store or a new deployment is in the way; try again"),
    ],
);

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
    #[serde(skip_serializing_if = "Option::is_none")]
    upcoming: Option<Vec<ShownUpcoming>>,
}

/// A due time to come.
#[derive(Serialize)]
struct ShownUpcoming {
    due: String,
    local: String,
    note: Option<String>,
}

impl From<Upcoming> for ShownUpcoming {
    fn from(Upcoming { due, local, note }: Upcoming) -> Self {
        Self { due: due.to_iso_seconds(), local, note }
    }
}

/// Most due times to come that are shown of a timer.
const MAX_UPCOMING: u32 = 100;

impl From<ScheduleStatus> for Shown {
    fn from(status: ScheduleStatus) -> Self {
        let ScheduleStatus { entry, paused, next_due, last_due, last_instance } = status;
        Self {
            name: entry.name.to_string(),
            schedule: entry.schedule.text().to_owned(),
            time_zone: entry.schedule.zone().to_owned(),
            orchestrator: entry.orchestrator.to_string(),
            paused,
            next_due: next_due.map(|due| due.to_iso_seconds()),
            last_due: last_due.map(|due| due.to_iso_seconds()),
            last_instance: last_instance.map(|id| id.to_string()),
            upcoming: None,
        }
    }
}

/// All timers, ordered by name; with `next` each with that many due times to come, for a paused timer those that it would have.
async fn list(api: &Api, asked: &Asked) -> Handled {
    let wanted = asked.query.count("next").map(|count| usize::try_from(count.min(MAX_UPCOMING)).unwrap_or_default());
    let now = clock::now();
    let shown = api.schedules.list().into_iter().map(|status| {
        let from = status.next_due.map_or(now, |due| Timestamp(due.0.saturating_sub(1)));
        let upcoming = wanted.map(|count| status.entry.schedule.upcoming(from, count).into_iter().map(Into::into).collect());
        Shown { upcoming, ..Shown::from(status) }
    });
    let shown: Vec<_> = shown.collect();
    Ok(answer::json(StatusCode::OK, &shown))
}

/// Pauses, resumes or runs a timer, and shows how it stands then.
async fn operate(api: &Api, asked: &Asked) -> Handled {
    let (name, operation) = (asked.part(0), asked.part(1).to_ascii_lowercase());
    let status = match operation.as_str() {
        "pause" => api.schedules.pause(name).await?,
        "resume" => api.schedules.resume(name).await?,
        "run" => api.schedules.run_now(name).await?,
        _ => return Ok(answer::empty(StatusCode::NOT_FOUND)),
    };
    Ok(answer::json(StatusCode::OK, &Shown::from(status)))
}
