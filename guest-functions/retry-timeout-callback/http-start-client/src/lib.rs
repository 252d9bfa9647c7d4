//! Starts the main orchestration by HTTP.

use domain::{MainInput, Settings};
use longhaul::client::{self, StartOptions};
use longhaul::{Failure, Request, Response, random_u64};
use serde_json::Value;

/// Starts `MainOrchestrator` and answers 202 with the URIs to manage the new instance. The body, if any, holds the settings.
///
/// The instance's id is chosen here, because a URI that the host hands out is good for one instance only: the one that
/// the orchestration passes on must have been made for its own id.
#[longhaul::client]
pub fn http_start_client(request: Request) -> Result<Response, Failure> {
    let settings = match read_settings(&request) {
        Ok(settings) => settings,
        Err(reason) => return Ok(Response::json(400, &serde_json::json!({"Message": reason}))),
    };
    let instance_id = format!("{:016x}{:016x}", random_u64(), random_u64());
    let uris = client::create_http_management_payload(&instance_id)?;
    let input = MainInput { send_event_post_uri: uris.send_event_post_uri, settings };
    let options = StartOptions { instance_id: Some(instance_id), ..StartOptions::default() };
    let instance_id = client::start_with("MainOrchestrator", &input, options)?;
    Ok(client::create_check_status_response(&request, &instance_id)?)
}

fn read_settings(request: &Request) -> Result<Settings, String> {
    let body: Value = request.json().map_err(|error| error.to_string())?;
    let settings: Option<Settings> = serde_json::from_value(body).map_err(|error| format!("the settings are wrong: {error}"))?;
    let settings = settings.unwrap_or_default();
    settings.check().map(|()| settings)
}

#[cfg(test)]
mod tests;
