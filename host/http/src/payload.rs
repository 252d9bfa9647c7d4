//! What the contract shows of instances and entities: members, order and nulls are exact.

use longhaul_core::{InstanceKind, InstanceRow, Payload};
use serde::Serialize;

use super::azure::history_json::EventJson;
use super::azure::status_names;

/// An instance as status and list show it. Members that are null are written as `null`, only `historyEvents` is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    name: String,
    instance_id: String,
    runtime_status: &'static str,
    input: Option<Payload>,
    custom_status: Option<Payload>,
    output: Option<Payload>,
    created_time: String,
    last_updated_time: String,
    /// Ours, not the contract's: why the instance is set aside. Left out unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    parked_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_events: Option<Vec<EventJson>>,
}

impl InstanceStatus {
    /// Shows a row, with its input if `show_input`.
    pub fn new(row: &InstanceRow, show_input: bool) -> Self {
        let (name, input, custom_status) = match row.kind {
            InstanceKind::Orchestration => (row.name.clone(), row.input.clone(), row.custom_status.clone()),
            InstanceKind::Entity => (row.id.to_string(), row.state.clone(), entity_custom_status(row)),
        };
        Self {
            name,
            instance_id: row.id.to_string(),
            runtime_status: status_names::name(row.status),
            input: input.filter(|_| show_input).map(|input| input.shown()),
            custom_status: custom_status.map(|status| status.shown()),
            output: row.output.as_ref().map(Payload::shown),
            created_time: row.created_at.to_iso_seconds(),
            last_updated_time: row.updated_at.to_iso_seconds(),
            parked_reason: row.parked.clone(),
            history_events: None,
        }
    }

    /// The same with its history.
    pub fn with_history(self, events: Vec<EventJson>) -> Self {
        Self { history_events: Some(events), ..self }
    }
}

/// What an entity's record says of it where an instance would have a custom status; false, 0 and null are left out.
fn entity_custom_status(row: &InstanceRow) -> Option<Payload> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct EntityCustomStatus<'a> {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        entity_exists: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        queue_size: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        locked_by: Option<&'a str>,
    }
    let status = EntityCustomStatus {
        entity_exists: row.state.is_some(),
        queue_size: Some(row.queue_size).filter(|size| *size > 0),
        locked_by: row.locked_by.as_ref().map(|id| id.as_str()),
    };
    Payload::of(&status).ok()
}

/// An entity as its list shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityStatus {
    entity_id: EntityName,
    last_operation_time: String,
    state: Option<Payload>,
}

#[derive(Serialize)]
struct EntityName {
    name: String,
    key: String,
}

impl EntityStatus {
    /// Shows an entity's row, with its state if `fetch_state`; `None` if the row is no entity's.
    pub fn new(row: &InstanceRow, fetch_state: bool) -> Option<Self> {
        let entity = row.id.entity()?;
        Some(Self {
            entity_id: EntityName { name: entity.name.to_string(), key: entity.key.to_string() },
            last_operation_time: row.updated_at.to_iso_millis(),
            state: row.state.as_ref().filter(|_| fetch_state).map(Payload::shown),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use longhaul_core::{EntityId, InstanceId, Timestamp};

    use super::*;

    /// A running instance `order-7` of `Approval`, started with `{"a":1}`.
    pub(crate) fn running() -> InstanceRow {
        InstanceRow {
            name: "Approval".into(),
            updated_at: Timestamp(2_000_123),
            input: Some(Payload::parse("{\"a\":1}").unwrap()),
            ..InstanceRow::blank(&InstanceId::trusted("order-7"), InstanceKind::Orchestration, Timestamp(1_000_999))
        }
    }

    fn text<T: Serialize>(value: T) -> String {
        serde_json::to_string(&value).unwrap()
    }

    #[test]
    fn a_status_shows_every_member_in_order_and_nulls_as_null() {
        let expected = r#"{"name":"Approval","instanceId":"order-7","runtimeStatus":"Running","input":{"a":1},"customStatus":null,"output":null,"createdTime":"1970-01-01T00:16:40Z","lastUpdatedTime":"1970-01-01T00:33:20Z"}"#;
        assert_eq!(text(InstanceStatus::new(&running(), true)), expected);
    }

    #[test]
    fn a_hidden_input_is_null_and_a_history_comes_last() {
        let status = text(InstanceStatus::new(&running(), false).with_history(vec![]));
        assert!(status.contains(r#""input":null"#) && status.ends_with(r#","historyEvents":[]}"#), "{status}");
    }

    #[test]
    fn a_parked_instance_says_why() {
        let row = InstanceRow { parked: Some("replay differs".into()), ..running() };
        assert!(text(InstanceStatus::new(&row, true)).contains(r#""parkedReason":"replay differs""#));
    }

    #[test]
    fn an_entity_shows_its_id_as_name_and_its_lock_as_custom_status() {
        let id = EntityId::new("Counter", "a@b").unwrap().instance_id();
        let state = Some(Payload::parse("7").unwrap());
        let row =
            InstanceRow { id, kind: InstanceKind::Entity, state, locked_by: Some(InstanceId::trusted("o")), input: None, ..running() };
        let status = text(InstanceStatus::new(&row, true));
        assert!(status.contains(r#""name":"@counter@a@b""#), "{status}");
        assert!(status.contains(r#""customStatus":{"entityExists":true,"lockedBy":"o"}"#), "{status}");
        let listed = r#"{"entityId":{"name":"counter","key":"a@b"},"lastOperationTime":"1970-01-01T00:33:20.123Z","state":null}"#;
        assert_eq!(text(EntityStatus::new(&row, false)), listed);
        assert!(text(EntityStatus::new(&row, true)).ends_with(r#""state":7}"#));
        assert!(EntityStatus::new(&running(), true).is_none());
    }
}
