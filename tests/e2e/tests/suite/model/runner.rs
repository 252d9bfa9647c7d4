//! Runs scenarios on one host, several at a time.

use std::pin::Pin;
use std::rc::Rc;

use e2e::{AppFolder, Host, HostOptions};
use tokio::task::{JoinSet, LocalSet};

/// Scenarios that run at the same time on one host.
const WIDTH: usize = 6;

/// Something that must hold, with its name.
pub type Scenario = (&'static str, fn(Rc<Host>) -> Holds);

/// The future of a scenario.
pub type Holds = Pin<Box<dyn Future<Output = ()>>>;

/// A list of scenarios from a list of functions.
macro_rules! scenarios {
    ($($function:path),+ $(,)?) => {
        vec![$((stringify!($function), (|host| Box::pin($function(host))) as fn(std::rc::Rc<e2e::Host>) -> $crate::model::runner::Holds)),+]
    };
}
pub(super) use scenarios;

/// A host and the scenarios that are to run on it.
pub struct OneHost {
    host: Rc<Host>,
    arguments: Vec<&'static str>,
    scenarios: Vec<Scenario>,
}

impl OneHost {
    /// Starts a host with an app for those of the scenarios that are wanted.
    pub async fn start(app: AppFolder, arguments: &[&'static str], mut scenarios: Vec<Scenario>) -> Self {
        let wanted = std::env::var("LONGHAUL_SCENARIO").unwrap_or_default();
        scenarios.retain(|(name, _)| name.contains(&wanted));
        let host = Host::start(HostOptions { app: Some(&app), arguments: arguments.to_vec() }).await;
        Self { host: Rc::new(host), arguments: arguments.to_vec(), scenarios }
    }

    /// Runs the scenarios. A failed one does not stop the others.
    pub async fn run_all(self) {
        let failed = LocalSet::new().run_until(failures(&self.host, self.scenarios)).await;
        assert!(failed.is_empty(), "with {:?} these do not hold: {}", self.arguments, failed.join(", "));
    }
}

async fn failures(host: &Rc<Host>, scenarios: Vec<Scenario>) -> Vec<&'static str> {
    let mut failed = Vec::new();
    let mut running = JoinSet::new();
    let mut waiting = scenarios.into_iter();
    loop {
        while running.len() < WIDTH
            && let Some((name, scenario)) = waiting.next()
        {
            let host = host.clone();
            // In a task of its own, so that its panic is its own.
            running.spawn_local(async move { (name, tokio::task::spawn_local(scenario(host)).await.is_ok()) });
        }
        match running.join_next().await {
            Some(Ok((_, true))) => {}
            Some(Ok((name, false))) => failed.push(name),
            Some(Err(error)) => panic!("a scenario's task ended strangely: {error}"),
            None => return failed,
        }
    }
}

/// Does something for each of these, `width` at a time, and returns what came of it in the order of the ends.
pub async fn for_each<T, Output, Job>(items: impl IntoIterator<Item = T>, width: usize, act: impl Fn(T) -> Job) -> Vec<Output>
where
    Output: 'static,
    Job: Future<Output = Output> + 'static,
{
    let mut done = Vec::new();
    let mut jobs = JoinSet::new();
    for item in items {
        if jobs.len() == width {
            done.push(jobs.join_next().await.expect("there is one").expect("no job panics"));
        }
        jobs.spawn_local(act(item));
    }
    while let Some(ended) = jobs.join_next().await {
        done.push(ended.expect("no job panics"));
    }
    done
}
