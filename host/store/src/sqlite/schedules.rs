//! How the timers of apps stand.

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::Database;
use super::error::{of_read, of_write};
use super::rows::{time_of, time_value};
use crate::contract::{Error, ScheduleFired, ScheduleState};

/// Notes inside the caller's transaction what timers have started. A batch has few of these, so
/// each may cost a statement.
pub(super) async fn note_fired(connection: &mut SqliteConnection, fired: &[ScheduleFired]) -> Result<(), sqlx::Error> {
    let sql = "
UPDATE timers
SET handled = max(handled, coalesce($3, handled)),
    last_due = coalesce($3, last_due),
    last_instance = $4
WHERE app = $1
    AND name = $2";
    for ScheduleFired { app, name, due, instance } in fired {
        let update = sqlx::query(sql).bind(app.as_str()).bind(name.as_str()).bind(due.map(time_value)).bind(instance.as_str());
        update.execute(&mut *connection).await?;
    }
    Ok(())
}

/// All timers, ordered by app and name.
pub(super) async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<ScheduleState>, Error> {
    let sql = "
SELECT app, name, plan, paused, handled, last_due, last_instance
FROM timers
ORDER BY app, name";
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(|error| of_read("read timers", &error))?;
    rows.iter().map(timer).collect::<Result<_, _>>().map_err(|error| of_read("read timers", &error))
}

fn timer(row: &SqliteRow) -> Result<ScheduleState, sqlx::Error> {
    Ok(ScheduleState {
        app: row.try_get(0)?,
        name: row.try_get(1)?,
        plan: row.try_get(2)?,
        paused: row.try_get(3)?,
        handled: time_of(row.try_get(4)?),
        last_due: row.try_get::<Option<i64>, _>(5)?.map(time_of),
        last_instance: row.try_get::<Option<&str>, _>(6)?.map(InstanceId::trusted),
    })
}

impl Database {
    pub(super) async fn put_schedule(&mut self, timer: ScheduleState) -> Result<(), Error> {
        let sql = "
INSERT INTO timers (app, name, plan, paused, handled, last_due, last_instance)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (app, name) DO UPDATE SET
    plan = excluded.plan,
    paused = excluded.paused,
    handled = excluded.handled,
    last_due = excluded.last_due,
    last_instance = excluded.last_instance";
        let doing = "store a timer";
        let put = async |connection: &mut SqliteConnection| {
            let ScheduleState { app, name, plan, paused, handled, last_due, last_instance } = timer;
            let insert = sqlx::query(sql).bind(app).bind(name).bind(plan).bind(paused).bind(time_value(handled));
            let insert = insert.bind(last_due.map(time_value)).bind(last_instance.map(|id| id.to_string()));
            insert.execute(connection).await.map(|_| ()).map_err(|error| of_write(doing, &error))
        };
        self.in_transaction(doing, put).await
    }

    pub(super) async fn remove_schedule(&mut self, app: String, name: String) -> Result<(), Error> {
        let doing = "remove a timer";
        let remove = async |connection: &mut SqliteConnection| {
            let delete = sqlx::query("DELETE FROM timers WHERE app = $1 AND name = $2").bind(app).bind(name);
            delete.execute(connection).await.map(|_| ()).map_err(|error| of_write(doing, &error))
        };
        self.in_transaction(doing, remove).await
    }
}
