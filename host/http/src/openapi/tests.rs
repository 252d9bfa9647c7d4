use std::collections::BTreeSet;

use super::*;
use crate::router::MANAGEMENT_PREFIX;

fn paths() -> Map<String, Value> {
    document(MANAGEMENT_PREFIX)["paths"].as_object().unwrap().clone()
}

/// Each operation with its path and method.
fn operations() -> Vec<(String, String, Value)> {
    let of_path = |(path, item): (String, Value)| {
        let methods = item.as_object().unwrap().clone();
        methods.into_iter().map(move |(method, operation)| (path.clone(), method, operation)).collect::<Vec<_>>()
    };
    paths().into_iter().flat_map(of_path).collect()
}

#[test]
fn every_route_of_the_table_is_in_the_document_and_nothing_else() {
    let mut expected = BTreeSet::new();
    for route in routes::all() {
        let methods = route.method.as_ref().map_or(&ANY[..], std::slice::from_ref);
        let path = shown_path(route, MANAGEMENT_PREFIX);
        expected.extend(methods.iter().map(|method| (path.clone(), method.as_str().to_lowercase())));
    }
    let found: BTreeSet<_> = operations().into_iter().map(|(path, method, _)| (path, method)).collect();
    assert_eq!(found, expected);
    assert!(found.contains(&("/runtime/webhooks/durabletask/instances/{instanceId}/raiseEvent/{eventName}".into(), "post".into())));
}

#[test]
fn operations_have_names_of_their_own() {
    let names: Vec<String> = operations().iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned()).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
    for name in ["startOrchestration", "startOrchestrationWithInstanceId", "signalEntityWithEntityKey", "callFunctionByPOST"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
}

#[test]
fn every_open_part_of_a_path_is_a_parameter_and_every_operation_has_answers() {
    for (path, method, operation) in operations() {
        let parameters = operation["parameters"].as_array().unwrap();
        let in_path: BTreeSet<_> = parameters.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap()).collect();
        let open: BTreeSet<_> = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(in_path, open, "{method} {path}");
        let places: BTreeSet<_> = parameters.iter().map(|one| (one["in"].as_str(), one["name"].as_str())).collect();
        assert_eq!(places.len(), parameters.len(), "a parameter of {method} {path} is there twice");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        assert!(answers.values().all(|answer| answer["description"].is_string()), "{method} {path}");
    }
}

#[test]
fn every_schema_that_is_named_is_there_and_every_one_that_is_there_is_named() {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut named = BTreeSet::new();
    collect(&Value::Object(paths()), &mut named);
    let schemas = schemas();
    let there: BTreeSet<_> = schemas.as_object().unwrap().keys().map(|name| format!("#/components/schemas/{name}")).collect();
    assert_eq!(named, there);
}

#[test]
fn what_answers_consist_of_is_what_the_host_sends() {
    let schemas = schemas();
    let required = |name: &str| -> Vec<String> { serde_json::from_value(schemas[name]["required"].clone()).unwrap() };
    let row = crate::payload::tests::running();
    let sent = serde_json::to_value(crate::payload::InstanceStatus::new(&row, true)).unwrap();
    let members: BTreeSet<_> = sent.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, required("InstanceStatus").into_iter().collect());
}
