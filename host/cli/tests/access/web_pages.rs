//! Pages on the web in the browser of somebody who can reach the host: none of them gets anything or changes anything.

use http::Method;
use longhaul_http::authorize::Need;
use longhaul_http::router::MANAGEMENT_PREFIX;
use longhaul_http::routes::{self as table, Route};

use super::routes::{INSTANCE_ID, path_of};
use super::support::Host;

/// A page of another site says so, and one whose own name points to the host calls it by that name.
const FOREIGN: [(&str, &str); 4] =
    [("origin", "https://evil.example"), ("origin", "null"), ("origin", "http://127.0.0.1:1"), ("host", "evil.example")];
/// What a page can send to another site without asking it first.
const CONTENT_TYPES_OF_FORMS: [&str; 3] = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];

fn admin_key(host: &Host) -> String {
    std::fs::read_to_string(host.data().join("admin-key")).expect("the first start made a key").trim().to_owned()
}

fn method_of(route: &Route) -> &str {
    route.method.as_ref().map_or("GET", Method::as_str)
}

/// All that management and administration can change: instances, entities, deployments, keys.
async fn everything(host: &Host, admin: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for path in ["/runtime/webhooks/durabletask/instances", "/runtime/webhooks/durabletask/entities", "/admin/deployments", "/admin/keys"] {
        let answered = host.send_with("GET", path, &[("x-functions-key", admin)], "").await;
        assert_eq!(answered.status, 200, "{path}");
        seen.push(answered.body);
    }
    seen
}

#[tokio::test]
async fn every_guarded_route_refuses_foreign_pages_and_nothing_changes() {
    for mode in ["--auth=keys", "--auth=none"] {
        let host = Host::start(&[mode]);
        let admin = if mode == "--auth=keys" { admin_key(&host) } else { String::new() };
        let before = everything(&host, &admin).await;
        let guarded = table::all().filter(|route| matches!(route.need, Need::System | Need::Instance(_) | Need::Admin));
        for route in guarded {
            for (name, value) in FOREIGN {
                // With a key, which no page has, management routes take any name: whoever set up the key knows whom it calls.
                if mode == "--auth=keys" && name == "host" && matches!(route.need, Need::System | Need::Instance(_)) {
                    continue;
                }
                let headers = [("x-functions-key", admin.as_str()), (name, value)];
                let answered = host.send_with(method_of(route), &path_of(route), &headers, "").await;
                assert_eq!(answered.status, 403, "{mode} {} {} with {name} {value}: {}", method_of(route), route.path, answered.body);
            }
        }
        assert_eq!(everything(&host, &admin).await, before, "{mode}");
    }
}

#[tokio::test]
async fn a_get_for_what_another_method_changes_changes_nothing() {
    let host = Host::start(&["--auth=none"]);
    let before = everything(&host, "").await;
    for route in table::all().filter(|route| route.method.as_ref().is_some_and(|method| *method != Method::GET)) {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let path = format!("{}?_method={}&op=delete&createdTimeFrom=2000-01-01", path_of(route), method_of(route));
            let answered = host.send_with(method, &path, &[("x-http-method-override", method_of(route))], "").await;
            // Some of these paths are there for reading, too.
            assert!([200, 404].contains(&answered.status.as_u16()), "{method} {path}: {}", answered.status);
            assert!(answered.status == 404 || method != "OPTIONS", "{method} {path}");
        }
    }
    assert_eq!(everything(&host, "").await, before);
}

#[tokio::test]
async fn what_a_form_can_send_is_neither_a_deployment_nor_an_event() {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-functions/hello-cities");
    let host = Host::start(&["--auth=none", "--app", app]);
    let started = host.send("POST", &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/{INSTANCE_ID}")).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let admin = admin_key(&host);
    for content_type in CONTENT_TYPES_OF_FORMS {
        let header = [("content-type", content_type)];
        let deployed = host.send_with("POST", "/admin/deployments", &header, "{\"manifest\":\"\",\"components\":[]}\n").await;
        assert_eq!(deployed.status, 401, "{content_type}: {}", deployed.body);
        let with_key = [header[0], ("x-functions-key", &admin)];
        let deployed = host.send_with("POST", "/admin/deployments", &with_key, "{\"manifest\":\"\",\"components\":[]}\n").await;
        assert_eq!(deployed.status, 415, "{content_type}: {}", deployed.body);
        // 400 and not 415: clients of Azure know that.
        let path = format!("{MANAGEMENT_PREFIX}/instances/{INSTANCE_ID}/raiseEvent/go");
        let raised = host.send_with("POST", &path, &header, "1").await;
        assert_eq!(raised.status, 400, "{content_type}: {}", raised.body);
    }
    let status = host.send("GET", &format!("{MANAGEMENT_PREFIX}/instances/{INSTANCE_ID}")).await;
    assert_eq!(status.status, 202, "it still waits: {}", status.body);
}

#[tokio::test]
async fn without_keys_no_page_administers_the_host_nor_does_a_program_change_it_that_cannot_read_its_data() {
    let host = Host::start(&["--auth=none"]);
    let (admin, own) = (admin_key(&host), format!("http://{}", host.address()));
    let before = everything(&host, "").await;
    let no_key = ("x-functions-key", "");
    for route in table::all().filter(|route| route.need == Need::Admin) {
        let (method, path) = (method_of(route), path_of(route));
        // What a client function answers with is of the same origin as the host.
        for page in [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")] {
            for key in [no_key, ("x-functions-key", admin.as_str())] {
                let answered = host.send_with(method, &path, &[page, key], "").await;
                assert_eq!(answered.status, 403, "{method} {path} {page:?}: {}", answered.body);
            }
        }
        let stranger = host.send_with(method, &path, &[no_key], "").await.status.as_u16();
        let operator = host.send_with(method, &path, &[("x-functions-key", &admin)], "").await.status.as_u16();
        assert_eq!(stranger == 401, method != "GET", "{method} {path}: {stranger}");
        assert!(![401, 403].contains(&operator), "{method} {path}: {operator}");
    }
    // An address that a reader types is not a page's.
    assert_eq!(host.send_with("GET", "/metrics", &[("sec-fetch-site", "none")], "").await.status, 200);
    assert_eq!(everything(&host, "").await, before);
}

#[tokio::test]
async fn pages_on_the_web_do_not_get_in_with_a_key_or_without() {
    let host = Host::start(&["--auth=keys"]);
    let admin = admin_key(&host);
    let own = format!("http://{}", host.address());
    let list = format!("{MANAGEMENT_PREFIX}/instances");
    let send = async |method: &str, path: &str, name: &str, value: &str| {
        host.send_with(method, path, &[("x-functions-key", &admin), (name, value)], "").await.status.as_u16()
    };
    for path in [list.as_str(), "/admin/deployments", "/metrics"] {
        assert_eq!(send("GET", path, "origin", &own).await, 200, "{path}");
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1", ""] {
            assert_eq!(send("GET", path, "origin", origin).await, 403, "{path} {origin}");
        }
    }
    assert_eq!(host.manage("GET", "/instances").await.status, 401);
    assert_eq!(send("POST", "/admin/deployments", "content-type", "text/plain").await, 415);
}

#[tokio::test]
async fn without_keys_only_names_that_are_the_hosts_own_lead_to_it() {
    let host = Host::start(&["--host-name=longhaul.lan"]);
    let list = format!("{MANAGEMENT_PREFIX}/instances");
    let send = async |path: &str, headers: &[(&str, &str)]| host.send_with("GET", path, headers, "").await.status.as_u16();
    for (name, status) in [("localhost", 200), ("127.0.0.1:7071", 200), ("10.0.0.7", 200), ("LONGHAUL.lan:80", 200), ("evil.example", 403)]
    {
        assert_eq!(send(&list, &[("host", name)]).await, status, "{name}");
    }
    assert_eq!(send(&list, &[("origin", "https://evil.example")]).await, 403);
    // Administration is for this machine alone, whatever the name.
    assert_eq!(send("/admin/keys", &[("host", "longhaul.lan")]).await, 403);
    assert_eq!(send("/admin/keys", &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]).await, 403);
    assert_eq!(send("/admin/keys", &[("host", "localhost")]).await, 200);
}

#[test]
fn no_get_changes_anything_but_what_a_client_function_does() {
    for route in table::all().filter(|route| route.method.as_ref().is_none_or(|method| *method == Method::GET)) {
        let reads = match route.operation.id {
            "about" | "health" | "describe" | "metrics" | "clientBinding" => true,
            "getInstance" | "listInstances" | "listEntities" | "readEntity" => true,
            "listDeployments" | "listTimers" | "listKeys" | "prove" => true,
            // The reference's own exception: a function with GET among its methods does what it does.
            "callFunction" => true,
            _ => false,
        };
        assert!(reads, "GET {} may not lead to {}", route.path, route.operation.id);
    }
}
