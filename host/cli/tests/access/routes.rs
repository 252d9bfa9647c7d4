//! An address for every route of the table.

use longhaul_http::router::{Base, MANAGEMENT_PREFIX};
use longhaul_http::routes::Route;

/// The instance that routes of one instance are asked for.
pub const INSTANCE_ID: &str = "order-7";

/// The address of a route on the host, with something for every open part.
pub fn path_of(route: &Route) -> String {
    let prefix = match route.base {
        Base::Management => MANAGEMENT_PREFIX,
        Base::Root => "",
    };
    let open = [
        ("{functionName}", "NoSuchOrchestrator"),
        ("{instanceId}", INSTANCE_ID),
        ("{eventName}", "go"),
        ("{entityName}", "counter"),
        ("{entityKey}", "a"),
        ("{timerName}", "none"),
        ("{operation}", "none"),
        ("{challenge}", "00"),
        ("{scope}", "functions"),
        ("{keyName}", "no name"),
        ("{*route}", "HttpStart"),
    ];
    let path = open.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, &value.replace(' ', "%20")));
    assert!(!path.contains('{'), "the test knows nothing to put into {path}");
    format!("{prefix}{path}")
}
