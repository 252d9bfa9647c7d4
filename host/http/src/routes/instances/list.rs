//! Listing instances.

use longhaul_store::{InstanceQuery, Payloads};

use super::status::Shown;
use crate::context::Api;
use crate::pages::{MAX_PAGE_ROWS, page, page_rows, token};
use crate::payload::InstanceStatus;
use crate::query::Query;
use crate::request::Asked;
use crate::routes::Handled;

/// A page of instances.
pub(super) async fn list(api: &Api, asked: &Asked) -> Handled {
    let shown = Shown::of(&asked.query);
    let (after, limit, payloads) = (token(asked), page_rows(&asked.query), shown.payloads());
    let found = api.engine.list(InstanceQuery { after, limit, payloads, ..filter(&asked.query) }).await?;
    let (rows, next) = (found.value.rows, found.value.next);
    let rows = move || rows.iter().map(|row| InstanceStatus::new(row, shown.input)).collect();
    Ok(page(rows, next.as_ref(), found.room).await)
}

fn filter(query: &Query) -> InstanceQuery {
    InstanceQuery {
        created_from: query.date("createdTimeFrom"),
        created_to: query.date("createdTimeTo"),
        statuses: query.statuses("runtimeStatus"),
        id_prefix: query.get("instanceIdPrefix").unwrap_or_default(),
        after: None,
        limit: MAX_PAGE_ROWS,
        payloads: Payloads::NONE,
        max_bytes: None,
    }
}
