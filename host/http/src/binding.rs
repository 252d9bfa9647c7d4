//! What a client library of Azure Durable Functions is configured with: the JSON of its client binding.

use serde::Serialize;

use super::links::{CONNECTION, Links, ManagementPayload};
use crate::auth::link::Verb;

/// Stands for an instance's id in the management addresses.
const ID_PLACEHOLDER: &str = "INSTANCEID";

/// The binding. Placeholders stand in it literally, for the library to replace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientBinding {
    task_hub_name: String,
    connection_name: &'static str,
    creation_urls: CreationUrls,
    management_urls: ManagementPayload,
    base_url: String,
    required_query_string_parameters: String,
    /// Left out without a local RPC listener: a library that finds none uses the addresses above.
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc_base_url: Option<String>,
    /// Always null: it has a value only for libraries that speak gRPC.
    http_base_url: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationUrls {
    create_new_instance_post_uri: String,
    create_and_wait_on_new_instance_post_uri: String,
}

impl ClientBinding {
    /// The binding for whoever reaches the host by `links`, with the local RPC base if there is one. `key` is a key for the management
    /// routes, if they ask for one. Libraries send none to local RPC, so there it is part of the address.
    pub fn new(links: &Links, rpc_base: Option<&str>, key: Option<&str>) -> Self {
        let start = format!("{}/orchestrators/{{functionName}}[/{{instanceId}}]", links.base());
        let rewind =
            format!("{}/rewind?reason={{text}}&{}", links.instance(ID_PLACEHOLDER), links.management_query(ID_PLACEHOLDER, Verb::Rewind));
        // What every query has to have.
        let required = key.map_or_else(String::new, |key| format!("code={key}"));
        let with_key = |base: &str| key.map_or_else(|| base.to_owned(), |key| format!("{base}{key}/"));
        Self {
            task_hub_name: links.task_hub.clone(),
            connection_name: CONNECTION,
            creation_urls: CreationUrls {
                create_new_instance_post_uri: format!("{start}?{required}"),
                create_and_wait_on_new_instance_post_uri: format!(
                    "{start}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&{required}"
                ),
            },
            management_urls: ManagementPayload { rewind_post_uri: Some(rewind), ..links.management_payload(ID_PLACEHOLDER) },
            base_url: links.base(),
            required_query_string_parameters: required,
            rpc_base_url: rpc_base.map(with_key),
            http_base_url: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::link::LinkCredential;

    fn text(rpc_base: Option<&str>, key: Option<&str>) -> String {
        let credential = key.map_or(LinkCredential::None, |key| LinkCredential::Key(key.into()));
        let (origin, prefix) = ("http://h:1".into(), "/m".into());
        let links = Links { origin, management_prefix: prefix, task_hub: "Hub".into(), credential, born_at: None };
        serde_json::to_string_pretty(&ClientBinding::new(&links, rpc_base, key)).unwrap()
    }

    #[test]
    fn the_binding_has_the_members_of_the_contract_with_their_placeholders() {
        let expected = r#"{
  "taskHubName": "Hub",
  "connectionName": "Storage",
  "creationUrls": {
    "createNewInstancePostUri": "http://h:1/m/orchestrators/{functionName}[/{instanceId}]?",
    "createAndWaitOnNewInstancePostUri": "http://h:1/m/orchestrators/{functionName}[/{instanceId}]?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&"
  },
  "managementUrls": {
    "id": "INSTANCEID",
    "statusQueryGetUri": "http://h:1/m/instances/INSTANCEID?taskHub=Hub&connection=Storage",
    "sendEventPostUri": "http://h:1/m/instances/INSTANCEID/raiseEvent/{eventName}?taskHub=Hub&connection=Storage",
    "terminatePostUri": "http://h:1/m/instances/INSTANCEID/terminate?reason={text}&taskHub=Hub&connection=Storage",
    "rewindPostUri": "http://h:1/m/instances/INSTANCEID/rewind?reason={text}&taskHub=Hub&connection=Storage",
    "purgeHistoryDeleteUri": "http://h:1/m/instances/INSTANCEID?taskHub=Hub&connection=Storage",
    "restartPostUri": "http://h:1/m/instances/INSTANCEID/restart?taskHub=Hub&connection=Storage",
    "suspendPostUri": "http://h:1/m/instances/INSTANCEID/suspend?reason={text}&taskHub=Hub&connection=Storage",
    "resumePostUri": "http://h:1/m/instances/INSTANCEID/resume?reason={text}&taskHub=Hub&connection=Storage"
  },
  "baseUrl": "http://h:1/m",
  "requiredQueryStringParameters": "",
  "rpcBaseUrl": "http://127.0.0.1:17071/durabletask/",
  "httpBaseUrl": null
}"#;
        assert_eq!(text(Some("http://127.0.0.1:17071/durabletask/"), None), expected);
    }

    #[test]
    fn without_a_local_listener_the_binding_names_none() {
        assert!(!text(None, None).contains("rpcBaseUrl"));
    }

    #[test]
    fn a_host_that_asks_for_keys_gives_its_binding_one_that_works_everywhere() {
        let text = text(Some("http://127.0.0.1:17071/durabletask/"), Some("K"));
        let binding: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(binding["requiredQueryStringParameters"], "code=K");
        assert_eq!(binding["rpcBaseUrl"], "http://127.0.0.1:17071/durabletask/K/");
        assert_eq!(binding["creationUrls"]["createNewInstancePostUri"], "http://h:1/m/orchestrators/{functionName}[/{instanceId}]?code=K");
        let addresses = binding["managementUrls"].as_object().unwrap();
        let all = addresses.iter().filter(|(name, _)| *name != "id");
        assert_eq!(all.filter(|(_, uri)| uri.as_str().unwrap().ends_with("taskHub=Hub&connection=Storage&code=K")).count(), 8);
    }
}
