//! Pages of other sites that the app's manifest lists.

use longhaul_http::authorize::Need;
use longhaul_http::router::MANAGEMENT_PREFIX;
use longhaul_http::routes as table;
use serde_json::Value;

use super::routes::{INSTANCE_ID, path_of};
use super::support::Answered;
use super::{Guarded, app_with};

const PAGE: &str = "https://status.example";
const CORS: &str = "\n[http.cors]\nallowed-origins = [\"https://status.example\"]\n";

fn header<'a>(answered: &'a Answered, name: &str) -> &'a str {
    answered.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

async fn from_page(guarded: &Guarded, method: &str, path: &str, origin: &str) -> Answered {
    guarded.host.send_with(method, path, &[("origin", origin)], "").await
}

/// What a browser asks before a page's request.
async fn preflight(guarded: &Guarded, method: &str, path: &str, origin: &str) -> Answered {
    let headers =
        [("origin", origin), ("access-control-request-method", method), ("access-control-request-headers", "content-type,idempotency-key")];
    guarded.host.send_with("OPTIONS", path, &headers, "").await
}

#[tokio::test]
async fn pages_of_listed_origins_use_addresses_of_instances_and_functions_and_nothing_else() {
    let guarded = Guarded::with(app_with(CORS));
    let started = guarded.send("POST", &format!("{MANAGEMENT_PREFIX}/orchestrators/WaitForGo/{INSTANCE_ID}"), &guarded.admin).await;
    let payload: Value = serde_json::from_str(&started.body).expect("JSON");
    let status = payload["statusQueryGetUri"].as_str().and_then(|uri| uri.strip_prefix(&guarded.origin())).expect("an address");

    let read = from_page(&guarded, "GET", status, PAGE).await;
    assert_eq!((read.status.as_u16(), header(&read, "access-control-allow-origin")), (202, PAGE), "{read:?}");
    assert!(header(&read, "access-control-expose-headers").contains("location") && header(&read, "vary") == "origin");
    assert_eq!(header(&read, "access-control-allow-credentials"), "");
    // The page sees that its address is worthless.
    let refused = from_page(&guarded, "GET", &format!("{MANAGEMENT_PREFIX}/instances/{INSTANCE_ID}"), PAGE).await;
    assert_eq!((refused.status.as_u16(), header(&refused, "access-control-allow-origin")), (401, PAGE));
    for other in ["https://evil.example", "null", "http://status.example", "https://status.example:444"] {
        let foreign = from_page(&guarded, "GET", status, other).await;
        assert_eq!((foreign.status.as_u16(), header(&foreign, "access-control-allow-origin")), (403, ""), "{other}");
        assert_eq!(header(&foreign, "vary"), "origin", "a cache keeps it from others");
        assert_eq!(preflight(&guarded, "GET", status, other).await.status, 403, "{other}");
    }

    for route in table::all() {
        let method = route.method.as_ref().map_or("POST", |method| method.as_str());
        let asked = preflight(&guarded, method, &path_of(route), PAGE).await;
        let is_open = route.need.verb().is_some() || route.need == Need::Function;
        let expected = if is_open { (204, PAGE, method, "content-type,idempotency-key") } else { (404, "", "", "") };
        let granted = ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"];
        let [origin, methods, headers] = granted.map(|name| header(&asked, name));
        assert_eq!((asked.status.as_u16(), origin, methods, headers), expected, "{method} {}", route.path);
        // Even with a key, which no page has.
        if !is_open && route.need != Need::Nothing {
            let headers = [("origin", PAGE), ("x-functions-key", guarded.admin.as_str())];
            let sent = guarded.host.send_with(method, &path_of(route), &headers, "").await;
            assert_eq!((sent.status.as_u16(), header(&sent, "access-control-allow-origin")), (403, ""), "{method} {}", route.path);
        }
    }
    let called = from_page(&guarded, "GET", "/api/anonymous", PAGE).await;
    assert_eq!((called.status.as_u16(), header(&called, "access-control-allow-origin")), (202, PAGE));
    assert_eq!(preflight(&guarded, "DELETE", "/api/anonymous", PAGE).await.status, 404, "the function does not take it");
}

#[tokio::test]
async fn without_a_list_no_page_of_another_site_gets_anything() {
    let guarded = Guarded::start().await;
    for path in [format!("{MANAGEMENT_PREFIX}/instances/{INSTANCE_ID}"), "/api/anonymous".into()] {
        let asked = preflight(&guarded, "GET", &path, PAGE).await;
        assert_eq!((asked.status.as_u16(), header(&asked, "access-control-allow-origin")), (404, ""), "{path}");
        let read = from_page(&guarded, "GET", &path, PAGE).await;
        assert_eq!((header(&read, "access-control-allow-origin"), header(&read, "vary")), ("", ""), "{path}");
    }
}
