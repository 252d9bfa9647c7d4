//! Short lives of a host, each about one thing, for kills at every write.

use std::collections::BTreeMap;

use http::Method;
use interpreter_programs::Step;
use serde_json::Value;

use crate::client;
use crate::model::{Events, FUNDS, Foretold};
use crate::round::{Ends, join_all};
use crate::subject::Subject;
use seeded::Random;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// An orchestration with two activities.
    Hello,
    /// Events are raised before the orchestration waits for them, one of them twice.
    EarlyEvents,
    /// Money is moved between entities within a critical section.
    Transfer,
    /// Activities at once, and one that fails first and is tried again.
    FanOut,
    /// An orchestration continues as new, with events on their way.
    Renew,
    /// An orchestration calls a child and talks to another instance.
    Family,
    /// The first start on an empty folder, which deploys the app.
    FirstStart,
    /// SIGTERM while an orchestration waits.
    Stop,
    /// An orchestration that has ended is removed.
    Purge,
    /// An orchestration in a critical section is terminated; another one wants the same lock.
    Terminate,
    /// An orchestration is suspended and resumed while events come.
    Suspend,
    /// Keys are made, rotated and revoked on a host that has just been started for the first time.
    Keys,
}

/// What a scenario has come to, which must stay so.
#[derive(Debug, Default)]
pub struct Kept {
    /// How instances ended.
    pub ends: Ends,
    /// Addresses with the key shown and the status that must be answered.
    pub answers: Vec<(String, String, u16)>,
}

/// What some scenarios set up.
const FIRST: &str = "/instances/first";

impl Scenario {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::Hello,
        Self::EarlyEvents,
        Self::Transfer,
        Self::FanOut,
        Self::Renew,
        Self::Family,
        Self::FirstStart,
        Self::Stop,
        Self::Purge,
        Self::Terminate,
        Self::Suspend,
        Self::Keys,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::EarlyEvents => "early-events",
            Self::Transfer => "transfer",
            Self::FanOut => "fan-out",
            Self::Renew => "renew",
            Self::Family => "family",
            Self::FirstStart => "first-start",
            Self::Stop => "stop",
            Self::Purge => "purge",
            Self::Terminate => "terminate",
            Self::Suspend => "suspend",
            Self::Keys => "keys",
        }
    }

    /// Whether writes are counted from the start of the first process on an empty folder; else from when the host is ready.
    pub fn is_first_start(self) -> bool {
        matches!(self, Self::FirstStart | Self::Keys)
    }

    /// More of the host's command line.
    pub fn arguments(self) -> &'static [&'static str] {
        if self == Self::Keys { &["--auth=keys"] } else { &[] }
    }

    /// What it needs of the app. A first start stores every component, which is a write for every two kilobytes.
    pub fn functions(self) -> &'static [&'static str] {
        match self {
            Self::FirstStart => &["Interpreter"],
            Self::Keys => &["ShapeShifter"],
            _ => &["Interpreter", "Report", "Account", "Section"],
        }
    }

    /// The programs that must complete, with those that they start.
    pub fn programs(self) -> BTreeMap<String, Vec<Step>> {
        let one = |steps: Vec<Step>| BTreeMap::from([("main".to_owned(), steps)]);
        let activity = |token| Step::Activity { token };
        let wait = |count| Step::Collect { event: "go".into(), count };
        let move_to = |to: &str| Step::Transfer { from: "north".into(), to: to.into(), amount: 30 };
        match self {
            Self::FirstStart => {
                one(vec![Step::Timer { ms: 20 }, Step::Status { text: "half".into() }, Step::Renew, Step::Timer { ms: 20 }])
            }
            Self::Hello | Self::Purge => one(vec![activity(1), Step::Status { text: "half".into() }, activity(2)]),
            Self::EarlyEvents => one(vec![Step::Timer { ms: 120 }, activity(1), wait(3)]),
            Self::Transfer => one(vec![move_to("east"), move_to("south")]),
            Self::FanOut => one(vec![Step::FanOut { tokens: vec![1, 2, 3, 4] }, Step::Flaky { token: 5, failures: 2, attempts: 52 }]),
            Self::Renew => one(vec![activity(1), Step::Renew, wait(2), Step::Renew, activity(2)]),
            Self::Family => one(vec![Step::Child { steps: vec![activity(1)] }, Step::Converse { number: 7 }]),
            Self::Stop | Self::Suspend => one(vec![activity(1), wait(2), activity(2)]),
            Self::Terminate => one(vec![move_to("east")]),
            Self::Keys => BTreeMap::new(),
        }
    }

    /// What must come of it.
    pub fn foretold(self) -> Foretold {
        let mut foretold = Foretold::default();
        self.programs().iter().for_each(|(instance, steps)| foretold.add(instance, steps));
        if self == Self::Terminate {
            foretold.victims.insert("first".to_owned());
        }
        foretold
    }

    /// What the host has done before.
    ///
    /// # Panics
    /// When it does not do it.
    pub async fn set_up(self, subject: &Subject<'_>) {
        match self {
            Self::Transfer | Self::Terminate => {
                for account in ["north", "east", "south"] {
                    client::fund(subject, account).await;
                    client::until_balance(subject, account, FUNDS).await;
                }
                if self == Self::Terminate {
                    client::lock(subject, "first", &["north", "east"]).await;
                }
            }
            Self::Purge => {
                self.start(subject, &mut Random::new(0), "first", &self.programs()["main"]).await;
                client::until_ended(subject, "first").await;
            }
            _ => {}
        }
    }

    /// Does what the scenario is about, whenever the host is there to be asked.
    ///
    /// # Panics
    /// When the host refuses, or does not come to the end.
    pub async fn act(self, subject: &Subject<'_>, random: &mut Random, foretold: &Foretold) -> Kept {
        match self {
            Self::Keys => return keys(subject).await,
            Self::Purge => purge(subject).await,
            _ => {}
        }
        for (instance, steps) in self.programs() {
            self.start(subject, random, &instance, &steps).await;
        }
        match self {
            Self::Stop => subject.terminate(),
            Self::Terminate => terminate(subject).await,
            // Suspended already, if an attempt before did it.
            Self::Suspend => operate(subject, "main", "suspend", &[202, 500]).await,
            _ => {}
        }
        let raises = foretold.events.iter().map(|events: &Events| {
            let mut random = random.fork();
            async move { client::raise(subject, &mut random, events, events.instance != "main").await }
        });
        join_all(raises).await;
        if self == Self::Suspend {
            operate(subject, "main", "resume", &[202, 410, 500]).await;
        }
        let ends = join_all(foretold.ends.keys().map(async |id| (id.clone(), client::until_ended(subject, id).await))).await;
        join_all(foretold.balances.iter().map(|(account, &balance)| client::until_balance(subject, account, balance))).await;
        let mut answers = Vec::new();
        if self == Self::Purge {
            answers.push((subject.uri(FIRST), String::new(), 404));
        }
        Kept { ends: ends.into_iter().collect(), answers }
    }

    async fn start(self, subject: &Subject<'_>, random: &mut Random, instance: &str, steps: &[Step]) {
        client::start(subject, random, instance, &subject.ledger().url(), steps).await;
    }
}

/// Operates on an instance until the answer has one of these statuses.
async fn operate(subject: &Subject<'_>, instance: &str, operation: &str, statuses: &[u16]) {
    let uri = subject.uri(&format!("/instances/{instance}/{operation}"));
    client::insist(subject, Method::POST, &uri, None, statuses).await;
}

async fn purge(subject: &Subject<'_>) {
    // Unknown, if an attempt before did it and nobody heard of it.
    client::insist(subject, Method::DELETE, &subject.uri(FIRST), None, &[200, 404]).await;
    client::insist(subject, Method::GET, &subject.uri(FIRST), None, &[404]).await;
}

async fn terminate(subject: &Subject<'_>) {
    operate(subject, "first", "terminate?reason=enough", &[202, 410]).await;
    let (status, _) = client::until_ended(subject, "first").await;
    assert_eq!([&status["runtimeStatus"], &status["output"]], ["Terminated", "enough"], "the end of one that was terminated");
}

/// Makes, rotates and revokes keys. Each that was shown must do what it should from then on, and no other.
async fn keys(subject: &Subject<'_>) -> Kept {
    let admin = client::admin_key(subject).await;
    let change = async |method: Method, path: &str, statuses: &[u16]| {
        let uri = subject.root_uri(&format!("/admin/keys/system/{path}"));
        client::insist(subject, method, &uri, Some(&admin), statuses).await
    };
    let list = subject.uri("/instances");
    let mut answers = vec![(subject.root_uri("/admin/keys"), admin.clone(), 200), (list.clone(), String::new(), 401)];
    let opens = async |key: &Value, status: u16| {
        let key = key.as_str().expect("a key is a text").to_owned();
        client::insist(subject, Method::GET, &list, Some(&key), &[status]).await;
        (list.clone(), key, status)
    };
    // There already, if an attempt before made it and nobody heard of it; then nobody knows it.
    let made = change(Method::POST, "shop", &[201, 409]).await;
    if made.status == 201 {
        opens(&made.json()["key"], 200).await;
    }
    let rotated = change(Method::POST, "shop/rotate", &[200]).await.json();
    answers.push(opens(&rotated["key"], 200).await);
    if made.status == 201 {
        answers.push(opens(&made.json()["key"], 401).await);
    }
    change(Method::POST, "gone", &[201, 409]).await;
    let gone = change(Method::POST, "gone/rotate", &[200]).await.json();
    change(Method::DELETE, "gone", &[204, 404]).await;
    answers.push(opens(&gone["key"], 401).await);
    Kept { answers, ..Kept::default() }
}
