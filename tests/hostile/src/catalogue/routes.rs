//! Requests for what is not there, by names that are none.

use crate::row::{Row, bytes, manage, request};

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = UNKNOWN
        .iter()
        .map(|(name, method, path, status)| bytes(format!("route: {name}"), request(method, path, "application/json", b""), *status))
        .collect();
    rows.extend(MANAGED.iter().map(|(name, method, path, status)| {
        bytes(format!("managed: {name}"), request(method, &manage(path), "application/json", b"null"), *status)
    }));
    rows.extend(IDS.iter().map(|(name, id)| {
        let path = manage(&format!("/orchestrators/Misbehaving/{id}"));
        bytes(format!("instance id: {name}"), request("POST", &path, "application/json", b"\"behave\""), 400)
    }));
    let long = manage(&format!("/orchestrators/Misbehaving/{}", "x".repeat(257)));
    rows.push(bytes("instance id: one character beyond the limit", request("POST", &long, "", b""), 400).saying("256"));
    let tags: String = (0..33).map(|number| format!("&tag=t{number}:1")).collect();
    let path = manage(&format!("/orchestrators/Misbehaving?{tags}"));
    rows.push(bytes("tags: one beyond the limit", request("POST", &path, "", b""), 400).saying("32"));
    let path = manage(&format!("/orchestrators/Misbehaving?tag={}:1", "k".repeat(65)));
    rows.push(bytes("tags: a key one character beyond the limit", request("POST", &path, "", b""), 400).saying("64"));
    let path = manage(&format!("/orchestrators/Misbehaving?tag=k:{}", "v".repeat(257)));
    // Not by the helper for requests, which shows the key.
    let bare = |header: &str| format!("POST /admin/keys/admin/mine HTTP/1.1\r\nhost: localhost\r\n{header}content-length: 0\r\n\r\n");
    rows.push(bytes("administration: a key without a key", bare(""), 401).saying("admin-key"));
    rows.push(bytes("administration: by a page of the host's own", bare("origin: http://localhost\r\n"), 403));
    rows.push(bytes("administration: by a page that a browser names", bare("sec-fetch-site: same-origin\r\n"), 403));
    rows.push(bytes("administration: through a proxy", bare("via: 1.1 proxy\r\n"), 403));
    rows.push(bytes("tags: a value one character beyond the limit", request("POST", &path, "", b""), 400).saying("256"));
    rows
}

const UNKNOWN: &[(&str, &str, &str, u16)] = &[
    ("nothing there", "GET", "/nothing", 404),
    ("a folder up", "GET", "/../../etc/passwd", 404),
    ("an encoded folder up", "GET", "/api/%2e%2e/%2e%2e/etc/passwd", 404),
    ("an encoded zero byte", "GET", "/api/%00", 404),
    ("a half encoded byte", "GET", "/api/%", 404),
    ("bytes that are no UTF-8", "GET", "/api/%ff%fe", 404),
    ("two slashes", "GET", "//healthz", 200),
    ("a client function that is not there", "POST", "/api/NoSuchClient", 404),
    ("a method that the client does not have", "DELETE", "/api/MisbehavingClient", 404),
    ("a health check by POST", "POST", "/healthz", 404),
    ("a deployment by PUT", "PUT", "/admin/deployments", 404),
    ("another prefix", "GET", "/runtime/webhooks/other/instances", 404),
    ("a timer that is not there", "POST", "/admin/timers/none/run", 400),
    ("a client function that panics", "GET", "/api/MisbehavingClient?do=/panic", 500),
    ("a client function that says nothing", "GET", "/api/MisbehavingClient?do=/silent", 500),
];

const MANAGED: &[(&str, &str, &str, u16)] = &[
    ("an orchestrator that is not there", "POST", "/orchestrators/None", 400),
    ("an activity is no orchestrator", "POST", "/orchestrators/MisbehavingActivity", 400),
    ("no orchestrator's name", "POST", "/orchestrators/", 404),
    ("status of nobody", "GET", "/instances/none", 404),
    ("history of nobody", "GET", "/instances/none?showHistory=true", 404),
    ("an event for nobody", "POST", "/instances/none/raiseEvent/Go", 404),
    ("an event for one that has ended", "POST", "/instances/ended/raiseEvent/Go", 410),
    ("an event without a name", "POST", "/instances/waits/raiseEvent/", 404),
    ("termination of nobody", "POST", "/instances/none/terminate", 404),
    ("termination of one that has ended", "POST", "/instances/ended/terminate", 410),
    ("suspension of nobody", "POST", "/instances/none/suspend", 404),
    ("suspension of one that has ended", "POST", "/instances/ended/suspend", 410),
    ("resumption of nobody", "POST", "/instances/none/resume", 404),
    ("resumption of one that goes on", "POST", "/instances/waits/resume", 500),
    ("rewinding nobody", "POST", "/instances/none/rewind", 404),
    ("rewinding one that has not failed", "POST", "/instances/waits/rewind", 412),
    ("restart of nobody", "POST", "/instances/none/restart", 400),
    ("restart of one that goes on by its own id", "POST", "/instances/waits/restart?restartWithNewInstanceId=false", 409),
    ("purge of nobody", "DELETE", "/instances/none", 404),
    ("purge of one that goes on", "DELETE", "/instances/waits", 412),
    ("purge without a date", "DELETE", "/instances", 400),
    ("purge with a date that is none", "DELETE", "/instances?createdTimeFrom=soon", 400),
    ("purge up to a date that is none", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=garbage", 400),
    ("purge up to a day that is none", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=2020-02-30", 400),
    ("purge up to a minute that is none", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=2020-01-31T24:01:00Z", 400),
    ("purge up to the end of a day long ago", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=2020-01-31T24:00:00Z", 404),
    ("purge up to nothing", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=", 400),
    ("purge up to two dates", "DELETE", "/instances?createdTimeFrom=2020-01-01&createdTimeTo=2020-02-01&createdTimeTo=2030-01-01", 400),
    ("purge of a status in lower case", "DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatus=completed", 400),
    ("purge of a status that is none", "DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatus=Completed,Faild", 400),
    ("purge of no status", "DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatus=", 400),
    ("purge by a parameter that is none", "DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatuses=Failed", 400),
    ("termination that may or may not reach children", "POST", "/instances/waits/terminate?recursive=no", 400),
    ("purge of what has not ended", "DELETE", "/instances?createdTimeFrom=2020-01-01&runtimeStatus=Running", 404),
    ("an id that is taken", "POST", "/orchestrators/Misbehaving/waits", 409),
    ("an unknown action", "POST", "/instances/waits/explode", 404),
    ("an entity that is not there", "GET", "/entities/MisbehavingEntity/none", 404),
    ("an entity function that is not there", "POST", "/entities/None/key?op=add", 400),
    ("a dot as an entity's key", "POST", "/entities/MisbehavingEntity/%2e?op=add", 400),
    ("two dots as an entity's key", "DELETE", "/entities/MisbehavingEntity/..", 400),
    ("two dots as an entity's name", "POST", "/entities/../key?op=add", 400),
    ("an entity whose key is a dot", "GET", "/entities/MisbehavingEntity/.", 404),
    ("a dot as an event's name", "POST", "/instances/waits/raiseEvent/.", 400),
    ("two encoded dots as an event's name", "POST", "/instances/waits/raiseEvent/%2E%2E", 400),
    ("two dots as an orchestrator", "POST", "/orchestrators/../a", 400),
    ("an entity without a name", "POST", "/entities?op=add", 400),
    ("another task hub", "POST", "/orchestrators/Misbehaving?taskHub=Other", 400),
    ("a start at no time", "POST", "/orchestrators/Misbehaving?scheduledStartTime=soon", 400),
    ("a tag without a colon", "POST", "/orchestrators/Misbehaving?tag=x", 400),
    ("a tag twice", "POST", "/orchestrators/Misbehaving?tag=a:1&tag=a:2", 400),
    ("a wait that is shorter than its pause", "POST", "/orchestrators/Misbehaving?timeout=1&pollingInterval=2", 400),
    ("a page of no size", "GET", "/instances?top=-1", 200),
    ("a page beyond every number", "GET", "/instances?top=99999999999999999999", 200),
    ("a status that is none", "GET", "/instances?runtimeStatus=Exploded", 200),
    ("quotes for a database", "GET", "/instances?instanceIdPrefix=%27%3B%20DROP%20TABLE%20log%3B--", 200),
    ("wildcards for a database", "GET", "/instances?instanceIdPrefix=%25_%2A", 200),
];

const IDS: &[(&str, &str)] = &[
    ("an at sign first", "@entity@key"),
    ("a dot", "."),
    ("two dots", ".."),
    ("an encoded dot", "%2E"),
    ("a dot and an encoded one", ".%2e"),
    ("a hash", "a%23b"),
    ("a question mark", "a%3Fb"),
    ("a backslash", "a%5Cb"),
    ("a line end", "a%0Ab"),
    ("a zero byte", "a%00b"),
    ("a delete character", "a%7Fb"),
];
