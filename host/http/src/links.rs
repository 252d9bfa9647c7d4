//! The addresses that the host hands out for managing one instance.

use longhaul_core::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::auth::link::{LinkCredential, Verb};

/// What stays as it is in an address; anything else is written as `%XX`, a blank as `%20`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The name of the one storage connection there is; clients hand it back, and the host ignores it.
pub const CONNECTION: &str = "Storage";

/// Makes the addresses for one task hub, as seen from one request.
#[derive(Clone, Debug)]
pub struct Links {
    /// Scheme, host and port that the caller used, such as `http://localhost:7071`.
    pub origin: String,
    /// The path of the management routes, beginning with `/`.
    pub management_prefix: String,
    /// The task hub.
    pub task_hub: String,
    /// What callers of the addresses show to be let in.
    pub credential: LinkCredential,
    /// When the instance was started first that the addresses are for, where that is known.
    pub born_at: Option<Timestamp>,
}

/// The addresses to manage one instance. `{eventName}` and `{text}` stand in them literally, for the caller to replace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagementPayload {
    /// The instance.
    pub id: String,
    /// GET its status.
    pub status_query_get_uri: String,
    /// POST an event to it.
    pub send_event_post_uri: String,
    /// POST to end it.
    pub terminate_post_uri: String,
    /// POST to take it back to before its failure. The contract has it in the client binding and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind_post_uri: Option<String>,
    /// DELETE to remove it and its history.
    pub purge_history_delete_uri: String,
    /// POST to start it again.
    pub restart_post_uri: String,
    /// POST to hold it.
    pub suspend_post_uri: String,
    /// POST to let it go on.
    pub resume_post_uri: String,
}

impl Links {
    /// The same for an instance that is not there yet.
    pub fn ahead(self) -> Self {
        Self { credential: self.credential.ahead(), ..self }
    }

    /// The same for the instance that was started first at `born_at`, and for no later one of its id.
    pub fn for_instance_born_at(&self, born_at: Timestamp) -> Self {
        Self { born_at: Some(born_at), ..self.clone() }
    }

    /// The base of all management routes, without a slash at its end.
    pub fn base(&self) -> String {
        format!("{}{}", self.origin, self.management_prefix)
    }

    /// The address of the instance `id` without a query.
    pub fn instance(&self, id: &str) -> String {
        format!("{}/instances/{}", self.base(), escape(id))
    }

    /// The part of a query that names the hub.
    pub fn hub_query(&self) -> String {
        format!("taskHub={}&connection={CONNECTION}", escape(&self.task_hub))
    }

    /// The end of a query that lets its caller do `verb` to the instance `id`: the hub, and a token or key if one is needed.
    pub fn management_query(&self, id: &str, verb: Verb) -> String {
        let hub = self.hub_query();
        self.credential.code(id, verb, self.born_at).map_or_else(|| hub.clone(), |code| format!("{hub}&code={code}"))
    }

    /// The addresses for the instance `id`, which need not exist.
    pub fn management_payload(&self, id: &str) -> ManagementPayload {
        let instance = self.instance(id);
        let query = |verb| self.management_query(id, verb);
        ManagementPayload {
            id: id.to_owned(),
            status_query_get_uri: format!("{instance}?{}", query(Verb::Status)),
            send_event_post_uri: format!("{instance}/raiseEvent/{{eventName}}?{}", query(Verb::RaiseEvent)),
            terminate_post_uri: format!("{instance}/terminate?reason={{text}}&{}", query(Verb::Terminate)),
            rewind_post_uri: None,
            purge_history_delete_uri: format!("{instance}?{}", query(Verb::Purge)),
            restart_post_uri: format!("{instance}/restart?{}", query(Verb::Restart)),
            suspend_post_uri: format!("{instance}/suspend?reason={{text}}&{}", query(Verb::Suspend)),
            resume_post_uri: format!("{instance}/resume?reason={{text}}&{}", query(Verb::Resume)),
        }
    }
}

/// A text as one part of a path or query.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links {
            origin: "http://localhost:7071".into(),
            management_prefix: "/runtime/webhooks/durabletask".into(),
            task_hub: "TestHubName".into(),
            credential: LinkCredential::None,
            born_at: None,
        }
    }

    #[test]
    fn the_payload_has_the_members_of_the_contract_in_their_order() {
        let text = serde_json::to_string_pretty(&links().management_payload("abc")).unwrap();
        let base = "http://localhost:7071/runtime/webhooks/durabletask/instances/abc";
        let hub = "taskHub=TestHubName&connection=Storage";
        let expected = [
            "{".to_owned(),
            "  \"id\": \"abc\",".to_owned(),
            format!("  \"statusQueryGetUri\": \"{base}?{hub}\","),
            format!("  \"sendEventPostUri\": \"{base}/raiseEvent/{{eventName}}?{hub}\","),
            format!("  \"terminatePostUri\": \"{base}/terminate?reason={{text}}&{hub}\","),
            format!("  \"purgeHistoryDeleteUri\": \"{base}?{hub}\","),
            format!("  \"restartPostUri\": \"{base}/restart?{hub}\","),
            format!("  \"suspendPostUri\": \"{base}/suspend?reason={{text}}&{hub}\","),
            format!("  \"resumePostUri\": \"{base}/resume?reason={{text}}&{hub}\""),
            "}".to_owned(),
        ];
        assert_eq!(text, expected.join("\n"));
    }

    #[test]
    fn an_id_is_escaped_with_percent_signs_only() {
        let payload = links().management_payload("order 7+é@x:1");
        assert_eq!(payload.id, "order 7+é@x:1");
        assert!(payload.status_query_get_uri.contains("/instances/order%207%2B%C3%A9%40x%3A1?"), "{}", payload.status_query_get_uri);
    }
}
