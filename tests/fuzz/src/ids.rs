//! Names of instances and entities.

use http::Method;
use longhaul_core::{EntityId, ExecutionId, InstanceId, Timestamp, tags_of};
use longhaul_http::auth::link::LinkCredential;
use longhaul_http::links::Links;
use longhaul_http::router::{MANAGEMENT_PREFIX, Router};

use crate::input::{first_line, text};

/// Longest id in UTF-16 units.
const MAX_ID_UNITS: usize = 256;

/// Two lines: an instance's id or an entity's name, and an entity's key.
///
/// What is taken keeps the rules, and the address that is handed out for it leads back to it and to nothing else.
pub fn ids(data: &[u8]) {
    let text = text(data);
    let (first, second) = first_line(&text);
    match InstanceId::orchestration(first) {
        Ok(id) => {
            assert!(!id.is_entity() && id.entity().is_none() && id.as_str() == first);
            keeps_the_rules(&id);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(entity) = EntityId::new(first, second) {
        assert_eq!(entity.check(), Ok(()), "an id that was taken is taken again");
        let id = entity.instance_id();
        assert_eq!(id.entity(), Some(entity), "an entity's instance id names the entity");
        assert!(id.is_entity() && InstanceId::orchestration(id.as_str()).is_err());
        keeps_the_rules(&id);
    }
    // Taken as they are, wherever they come from: whoever reads them must live with any text.
    let _ = (InstanceId::trusted(first).entity(), ExecutionId::trusted(first).derive(Timestamp(data.len() as u64), second));
    let _ = tags_of([(first.to_owned(), second.to_owned())]);
}

fn keeps_the_rules(id: &InstanceId) {
    let text = id.as_str();
    assert!((1..=MAX_ID_UNITS).contains(&text.encode_utf16().count()), "{} units", text.encode_utf16().count());
    assert!(!text.chars().any(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control()), "{text:?}");
    let links = Links {
        origin: String::new(),
        management_prefix: MANAGEMENT_PREFIX.into(),
        task_hub: "Hub".into(),
        credential: LinkCredential::None,
        born_at: None,
    };
    let matched = Router::new(MANAGEMENT_PREFIX).route(&Method::GET, &links.instance(text)).expect("an address leads somewhere");
    assert_eq!((matched.route.operation.id, matched.parts), ("getInstance", vec![text.to_owned()]), "an address leads back");
}
