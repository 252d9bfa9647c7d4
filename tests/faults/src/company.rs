//! What is done to instances from outside, beside the programs: held, terminated, removed, taken back to before their failure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::eventually;
use http::Method;
use interpreter_programs::Step;

use crate::client;
use crate::generate::{ACCOUNTS, program};
use crate::model::Foretold;
use crate::subject::Subject;
use seeded::Random;

/// For each so many programs there is one victim, and one that fails first.
const PROGRAMS_FOR_EACH: usize = 8;
/// Why victims are terminated.
const REASON: &str = "a-victim";
/// Longest time until an instance has failed, or no longer has.
const LIMIT: Duration = Duration::from_secs(150);

/// Who is treated so.
#[derive(Debug, Default)]
pub struct Company {
    /// Programs that are suspended and resumed.
    pub held: BTreeSet<String>,
    /// Instances that are terminated at some time, unless they end before, and whether they are removed then. They have accounts of their own.
    pub victims: BTreeMap<String, (Vec<Step>, bool)>,
    /// Instances whose last activity fails until they have failed. Then they are rewound, and it succeeds.
    pub failing: BTreeMap<String, Vec<Step>>,
}

impl Company {
    /// Chooses among so many programs.
    pub fn draw(random: &mut Random, programs: &BTreeMap<String, Vec<Step>>) -> Self {
        let each = programs.len().div_ceil(PROGRAMS_FOR_EACH);
        let victim = |number, random: &mut Random| (format!("v{number}"), (alone(program(random)), random.percent(40)));
        let failing =
            |number| (format!("w{number}"), vec![Step::Activity { token: 1 }, Step::Timer { ms: 20 }, Step::Activity { token: DENIED }]);
        Self {
            held: programs.keys().filter(|_| random.percent(15)).cloned().collect(),
            victims: (0..each).map(|number| victim(number, random)).collect(),
            failing: (0..each).map(failing).collect(),
        }
    }

    /// Adds what must come of them.
    pub fn foretell(&self, foretold: &mut Foretold) {
        self.failing.iter().for_each(|(instance, steps)| foretold.add(instance, steps));
        foretold.victims.extend(self.victims.keys().cloned());
        foretold.purged.extend(self.victims.iter().filter(|(_, (_, purged))| *purged).map(|(instance, _)| instance.clone()));
    }
}

/// The token of the activity that is denied until its instance has failed.
const DENIED: u32 = 2;

/// The same program over accounts that no other program uses, and without other instances: what is terminated midway may leave anything there but
/// a lock, and what it has started goes on.
fn alone(steps: Vec<Step>) -> Vec<Step> {
    let own = |account: String| format!("victim-{account}");
    let one = |step| match step {
        Step::Signal { account, amount } => Step::Signal { account: own(account), amount },
        Step::Deposit { account, amount } => Step::Deposit { account: own(account), amount },
        Step::Transfer { from, to, amount } => Step::Transfer { from: own(from), to: own(to), amount },
        Step::Child { .. } | Step::Converse { .. } => Step::Timer { ms: 30 },
        other => other,
    };
    steps.into_iter().map(one).collect()
}

/// Pays the first money into the accounts of victims.
///
/// # Panics
/// When the host refuses it.
pub async fn fund(subject: &Subject<'_>) {
    for account in ACCOUNTS {
        client::fund(subject, &format!("victim-{account}")).await;
    }
}

/// Suspends an instance that was started, and resumes it.
///
/// # Panics
/// When the host refuses it.
pub async fn hold(subject: &Subject<'_>, random: &mut Random, instance: &str) {
    // Ended already, or in that state already: an attempt before may have had its effect without an answer.
    operate(subject, instance, "suspend", &[202, 410, 500]).await;
    tokio::time::sleep(Duration::from_millis(random.within(0, 1_500))).await;
    operate(subject, instance, "resume", &[202, 410, 500]).await;
}

/// Starts a victim, terminates it at some time, and removes it perhaps.
///
/// # Panics
/// When it ends in another way than by itself or so.
pub async fn torment(subject: &Subject<'_>, random: &mut Random, instance: &str, steps: &[Step], purged: bool) {
    client::start(subject, random, instance, &subject.ledger().url(), steps).await;
    tokio::time::sleep(Duration::from_millis(random.within(0, 2_000))).await;
    operate(subject, instance, &format!("terminate?reason={REASON}"), &[202, 410]).await;
    let (status, _) = client::until_ended(subject, instance).await;
    let sound = status["runtimeStatus"] == "Completed" || status["runtimeStatus"] == "Terminated" && status["output"] == REASON;
    assert!(sound, "{instance} was terminated and ended as {status}");
    if purged {
        let uri = subject.uri(&format!("/instances/{instance}"));
        // For a moment after its end it may be at work still, and cannot be removed.
        eventually(format!("{instance} to be gone"), LIMIT, || async {
            client::insist(subject, Method::DELETE, &uri, None, &[200, 404, 412]).await;
            match client::insist(subject, Method::GET, &uri, None, &[200, 404]).await {
                answer if answer.status == 404 => Ok(()),
                answer => Err(answer.text()),
            }
        })
        .await;
    }
}

/// Starts an instance whose last activity is denied until it has failed, and rewinds it.
///
/// # Panics
/// When it does not fail, or stays so.
pub async fn rewind(subject: &Subject<'_>, random: &mut Random, instance: &str, steps: &[Step]) {
    subject.ledger().deny(instance, DENIED);
    client::start(subject, random, instance, &subject.ledger().url(), steps).await;
    let (status, _) = client::until_ended(subject, instance).await;
    assert_eq!(status["runtimeStatus"], "Failed", "{instance} should have failed: {status}");
    subject.ledger().allow(instance, DENIED);
    // No longer failed, if an attempt before had its effect without an answer.
    operate(subject, instance, "rewind", &[202, 412]).await;
    let uri = subject.uri(&format!("/instances/{instance}"));
    eventually(format!("{instance} to go on after its rewind"), LIMIT, || async {
        let status = client::insist(subject, Method::GET, &uri, None, &[200, 202]).await.json();
        if status["runtimeStatus"] == "Failed" { Err(status.to_string()) } else { Ok(()) }
    })
    .await;
}

async fn operate(subject: &Subject<'_>, instance: &str, operation: &str, statuses: &[u16]) {
    let uri = subject.uri(&format!("/instances/{instance}/{operation}"));
    client::insist(subject, Method::POST, &uri, None, statuses).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn victims_touch_no_accounts_but_their_own_and_start_nobody() {
        let programs = (0..400).map(|number| (format!("p{number}"), Vec::new())).collect();
        let company = Company::draw(&mut Random::new(3), &programs);
        assert_eq!((company.victims.len(), company.failing.len()), (50, 50));
        assert!(company.victims.values().any(|(_, purged)| *purged) && !company.held.is_empty());
        let mut foretold = Foretold::default();
        company.victims.iter().for_each(|(instance, (steps, _))| foretold.add(instance, steps));
        assert!(foretold.balances.keys().all(|account| account.starts_with("victim-")));
        assert_eq!(foretold.ends.len(), company.victims.len());
    }
}
