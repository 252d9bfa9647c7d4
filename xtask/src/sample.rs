//! `cargo xtask sample`: the host, the external system and the sample app, running until Ctrl-C.

mod children;
mod endpoint;
mod walkthrough;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::guests::{self, GuestsArguments};
use crate::progress::{headline, note, step};
use crate::toolchain::{self, SetupArguments};
use crate::{process, workspace};
use children::Children;
use endpoint::Endpoint;

const HOST: &str = "longhaul";
const JOB_API: &str = "web-api";
const APP: &str = "retry-timeout-callback";

/// Time for a program to listen. Opening a large log and checking its components takes longer than a bare start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Builds everything, runs the sample app, and prints the commands to try it with.
///
/// Starts the job API (the external system) and the Longhaul host, deploys the app from
/// guest-functions/retry-timeout-callback, lists its functions, and runs until Ctrl-C. Instances survive: start it again, or
/// after a kill -9, with the same --data and they go on where they were. The first build takes several minutes.
#[derive(Args)]
pub struct SampleArguments {
    /// Where the host listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7071")]
    listen: Endpoint,
    /// Where the job API listens; the app is told
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5000")]
    api_listen: Endpoint,
    /// Where the host keeps its data [default: .longhaul/sample in the checkout]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The cargo profile of the two programs: `dev` shares its dependencies with the tests; `xtask` leaves
    /// them without optimisation, which is quicker to build and slower to run
    #[arg(long, value_name = "NAME", default_value = "dev")]
    profile: String,
    #[command(flatten)]
    setup: SetupArguments,
}

/// Runs `cargo xtask sample`.
pub fn run(arguments: &SampleArguments) -> anyhow::Result<()> {
    // Checked first, and not after a build of five minutes.
    arguments.listen.ensure_free("--listen")?;
    arguments.api_listen.ensure_free("--api-listen")?;
    toolchain::setup(&arguments.setup)?;
    // Side by side: where one of the two has work for one processor only, the other uses the rest.
    headline("Building the host and the job API (several minutes the first time), and beside them the functions");
    let programs = process::start(&mut build_of_programs(&arguments.profile))?;
    guests::build(&GuestsArguments::for_app(APP, arguments.setup.route))?;
    let programs = step("Waiting for the host and the job API", || built_programs(programs))?;

    let data = arguments.data.clone().unwrap_or_else(|| workspace::root().join(".longhaul/sample"));
    headline("Starting");
    note(&format!("data is kept in {}", data.display()));
    let mut children = Children::new()?;
    start(&mut children, &programs, arguments, &data)?;
    deploy(&programs, arguments, &data)?;
    walkthrough::print(&arguments.listen, &arguments.api_listen);
    headline("Running; Ctrl-C stops both programs");
    children.run_until_stopped()
}

fn build_of_programs(profile: &str) -> Command {
    let mut command = process::cargo();
    command.current_dir(workspace::root());
    // The whole workspace decides which features dependencies have: so that `cargo xtask test` finds them compiled.
    command.args(["build", "--workspace", "--bin", HOST, "--bin", JOB_API, "--message-format=json-render-diagnostics"]);
    command.args(["--profile", profile]);
    command
}

fn built_programs(build: process::Beside) -> anyhow::Result<HashMap<String, PathBuf>> {
    let messages = build.output()?;
    Ok(messages.lines().filter_map(built_program).collect())
}

/// Reads name and path from one of cargo's messages, when it reports a program.
fn built_program(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let program = PathBuf::from(message["executable"].as_str()?);
    Some((message["target"]["name"].as_str()?.to_owned(), program))
}

fn program<'a>(programs: &'a HashMap<String, PathBuf>, name: &str) -> anyhow::Result<&'a Path> {
    programs.get(name).map(PathBuf::as_path).with_context(|| format!("cargo built no program called `{name}`"))
}

fn start(children: &mut Children, programs: &HashMap<String, PathBuf>, arguments: &SampleArguments, data: &Path) -> anyhow::Result<()> {
    let mut job_api = Command::new(program(programs, JOB_API)?);
    job_api.arg("--listen").arg(arguments.api_listen.to_string()).stdin(Stdio::null());
    children.start("job API", job_api)?;
    children.wait_until("job API", START_LIMIT, || arguments.api_listen.accepts_connections())?;

    let mut host = Command::new(program(programs, HOST)?);
    host.arg("serve").arg("--listen").arg(arguments.listen.to_string()).arg("--data").arg(data).stdin(Stdio::null());
    if !arguments.listen.is_loopback() {
        // A host that others can reach lets guests reach nothing unless its operator says so.
        host.args(["--allow-outbound", &arguments.api_listen.url()]);
    }
    children.start("host", host)?;
    children.wait_until("host", START_LIMIT, || arguments.listen.answers_ok("/healthz"))?;
    note(&format!("the host listens at {}, the job API at {}", arguments.listen.url(), arguments.api_listen.url()));
    Ok(())
}

fn deploy(programs: &HashMap<String, PathBuf>, arguments: &SampleArguments, data: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(program(programs, HOST)?);
    command.arg("deploy").arg(workspace::guest_functions().join(APP)).args(["--host", &arguments.listen.url(), "--data"]).arg(data);
    let job_api = arguments.api_listen.url();
    command.arg("--set").arg(format!("JOB_API_URL={job_api}/api/Job")).args(["--allow-host", &job_api]);
    step(&format!("Deploying {APP}"), || process::run(command.stdin(Stdio::null())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_about_programs_name_a_program() {
        let program = r#"{"reason":"compiler-artifact","target":{"name":"longhaul"},"executable":"/t/debug/longhaul"}"#;
        let library = r#"{"reason":"compiler-artifact","target":{"name":"longhaul_core"},"executable":null}"#;
        assert_eq!(built_program(program), Some(("longhaul".to_owned(), PathBuf::from("/t/debug/longhaul"))));
        assert_eq!(built_program(library), None);
    }
}
