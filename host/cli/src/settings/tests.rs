use longhaul_http::auth::AuthMode;

use longhaul_engine::ReusePolicy;

use super::*;

fn options(text: &str) -> Result<ServeOptions, toml::de::Error> {
    toml::from_str(text)
}

fn resolve(options: ServeOptions) -> anyhow::Result<ServeConfig> {
    ServeConfig::resolve(options, "compile")
}

#[test]
fn the_command_line_goes_before_the_file_and_the_file_before_the_defaults() {
    let file = options("listen = \"0.0.0.0:80\"\ntask-hub = \"Hub\"\n").unwrap();
    let line = ServeOptions { listen: Some("127.0.0.1:0".into()), ..ServeOptions::default() };
    let config = resolve(line.or(file)).unwrap();
    assert_eq!((config.listen.as_str(), config.http.task_hub.as_str()), ("127.0.0.1:0", "Hub"));
    assert_eq!(config.http.max_body_bytes, 32 * 1024 * 1024);
    assert_eq!(config.data, Path::new("./longhaul-data"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    let error = options("max-body-byte = 1\n").unwrap_err().to_string();
    assert!(error.contains("line 1") && error.contains("max-body-byte"), "{error}");
}

#[test]
fn what_a_start_may_replace_is_named_as_in_azure() {
    let policy = |text: &str| options(text).map(|options| resolve(options).unwrap().engine.reuse);
    assert_eq!(policy(""), Ok(ReusePolicy::NonRunningStates));
    assert_eq!(policy("overridable-existing-instance-states = \"AnyState\""), Ok(ReusePolicy::AnyState));
    assert!(policy("overridable-existing-instance-states = \"Some\"").unwrap_err().to_string().contains("NonRunningStates"));
}

#[test]
fn a_limit_of_zero_is_refused_by_its_name() {
    let error = resolve(options("max-connections = 0").unwrap()).err().unwrap().to_string();
    assert!(error.contains("--max-connections"), "{error}");
}

#[test]
fn limits_of_instances_reach_those_who_hold_them() {
    let text = "[limits]\nmax-history-turns = 7\nmax-buffered-events = 8\nmax-payload-bytes = 9\nmax-json-depth = 10\nmax-nesting = 0\n";
    let config = resolve(options(text).unwrap()).unwrap();
    let limits = &config.engine.limits;
    assert_eq!((limits.max_history_turns, limits.max_buffered_events, limits.max_nesting), (7, 8, 0));
    assert_eq!((limits.values.max_payload_bytes, config.guests.limits.values.clone()), (9, limits.values.clone()));
    assert_eq!(config.http.max_json_depth, 10);
    for zero in ["max-history-turns", "max-history-bytes", "max-pending-tasks", "max-name-characters", "client-timeout-seconds"] {
        let error = resolve(options(&format!("[limits]\n{zero} = 0")).unwrap()).err().unwrap().to_string();
        assert!(error.contains(&format!("--{zero} is 0")), "{error}");
    }
}

#[test]
fn the_port_for_local_rpc_is_a_number_or_off() {
    let port = |text: &str| options(text).map(|options| options.rpc_port.unwrap());
    assert_eq!(port("rpc-port = 0").unwrap(), RpcPort::Port(0));
    assert_eq!(port("rpc-port = \"off\"").unwrap(), RpcPort::Off);
    assert!(port("rpc-port = 70000").unwrap_err().to_string().contains("70000"));
}

#[test]
fn a_public_url_that_is_none_is_refused_by_its_name() {
    let error = resolve(options("public-url = \"longhaul.example\"").unwrap()).err().unwrap().to_string();
    assert!(error.contains("--public-url"), "{error}");
}

#[test]
fn an_activitys_default_time_is_at_most_the_longest() {
    let limits = |text| resolve(options(text).unwrap()).map(|config| config.guests.limits);
    let cut = limits("max-activity-timeout-seconds = 60").unwrap();
    assert_eq!((cut.activity_deadline.as_secs(), cut.max_activity_deadline.as_secs()), (60, 60));
    let error = limits("max-activity-timeout-seconds = 60\nactivity-timeout-seconds = 61").unwrap_err().to_string();
    assert!(error.contains("--activity-timeout-seconds is 61"), "{error}");
    assert!(limits("activity-timeout-seconds = 0").is_err());
}

#[test]
fn others_who_can_reach_the_host_make_outbound_requests_opt_in() {
    let (loopback, open) = ("127.0.0.1:7071".parse().unwrap(), "0.0.0.0:7071".parse().unwrap());
    let config = resolve(ServeOptions::default()).unwrap();
    assert_eq!(config.operator_hosts(loopback), AllowedHosts::Any);
    assert_eq!(config.operator_hosts(open), AllowedHosts::default());
    let config = resolve(options("allow-outbound = [\"http://a:1\"]").unwrap()).unwrap();
    let only = AllowedHosts::parse(["http://a:1"]).unwrap();
    assert_eq!((config.operator_hosts(loopback), config.operator_hosts(open)), (only.clone(), only));
}

#[test]
fn an_outbound_host_that_is_no_address_is_refused() {
    assert!(resolve(options("allow-outbound = [\"http://a/b\"]").unwrap()).is_err());
}

#[test]
fn callers_need_keys_as_soon_as_others_can_reach_the_host() {
    let (loopback, open) = ("127.0.0.1:7071".parse().unwrap(), "0.0.0.0:7071".parse().unwrap());
    let auth = |text: &str, listening_on| resolve(options(text).unwrap()).unwrap().auth(listening_on);
    assert_eq!((auth("", loopback).unwrap(), auth("", open).unwrap()), (AuthMode::None, AuthMode::Keys));
    assert_eq!(auth("auth = \"keys\"", loopback).unwrap(), AuthMode::Keys);
    for proxy in ["public-url = \"https://a\"", "use-forwarded-host = true"] {
        assert_eq!(auth(proxy, loopback).unwrap(), AuthMode::Keys, "{proxy}");
        let none = format!("{proxy}\nauth = \"none\"");
        assert_eq!(auth(&none, loopback).unwrap(), AuthMode::None, "{proxy}");
    }
}

#[test]
fn a_host_without_keys_that_others_can_reach_has_to_be_meant() {
    let open = "0.0.0.0:7071".parse().unwrap();
    let auth = |text| resolve(options(text).unwrap()).unwrap().auth(open);
    let error = auth("auth = \"none\"").unwrap_err().to_string();
    assert!(error.contains("0.0.0.0:7071") && error.contains("--allow-unauthenticated"), "{error}");
    assert_eq!(auth("auth = \"none\"\nallow-unauthenticated = true").unwrap(), AuthMode::None);
}

#[test]
fn a_link_is_good_for_at_least_an_hour() {
    let error = resolve(options("link-lifetime-hours = 0").unwrap()).err().unwrap().to_string();
    assert!(error.contains("--link-lifetime-hours"), "{error}");
}

#[test]
fn a_certificate_and_its_key_come_together_or_not_at_all() {
    let tls = |text: &str| resolve(options(text).unwrap()).map(|config| config.tls);
    let files = tls("tls-certificate = \"c.pem\"\ntls-key = \"k.pem\"").unwrap().unwrap();
    assert_eq!((files.certificate.as_path(), files.key.as_path()), (Path::new("c.pem"), Path::new("k.pem")));
    assert!(tls("").unwrap().is_none());
    for (half, missing) in [("tls-certificate", "--tls-key"), ("tls-key", "--tls-certificate")] {
        let error = tls(&format!("{half} = \"a.pem\"")).unwrap_err().to_string();
        assert!(error.contains(&format!("without {missing}")), "{error}");
    }
}

#[test]
fn the_table_has_the_defaults_that_the_engine_and_the_guests_have_by_themselves() {
    let config = resolve(ServeOptions::default()).unwrap();
    let guests = longhaul_wasm::Limits::default();
    assert_eq!(*config.engine.limits, longhaul_core::limits::InstanceLimits::default());
    assert_eq!(config.engine.max_hot_instances, EngineConfig::default().max_hot_instances);
    assert_eq!(config.engine.max_page_bytes, EngineConfig::default().max_page_bytes);
    assert_eq!(format!("{:?}", config.guests.limits), format!("{guests:?}"));
    assert_eq!(config.http.client_places, longhaul_http::ClientPlaces::default());
}
