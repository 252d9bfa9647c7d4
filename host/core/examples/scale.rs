//! How long the core itself takes: `cargo run --release -p longhaul-core --example scale`.
//!
//! A fan-out of 10,000 activities, 10,000 turns in a row, and 10,000 waits that are all cancelled
//! at once. What grows with the square of the number shows here long before it shows in a host.

use std::time::{Duration, Instant};

use longhaul_core::message::Start;
use longhaul_core::orchestration::{Activation, fold};
use longhaul_core::record::Record;
use longhaul_core::{
    ActivityCall, Command, DeploymentId, ExecutionId, GuestOutcome, GuestTurn, InstanceId, Message, OnReturn, Orchestration, Payload,
    RuntimeStatus, Tags, TaskId, TaskResult, Timestamp,
};

const COUNT: u32 = 10_000;

/// Most messages in one turn, as a host takes them.
const MESSAGES_PER_TURN: usize = 512;

struct Instance {
    state: Orchestration,
    chain: Vec<(Record, bool)>,
}

impl Instance {
    fn new() -> Self {
        Self { state: Orchestration::blank(InstanceId::trusted("scale")), chain: Vec::new() }
    }

    fn turn(&mut self, messages: impl IntoIterator<Item = Message>, guest: impl FnOnce(&Activation) -> GuestTurn) {
        let now = Timestamp(self.chain.len() as u64);
        let mut turn = self.state.begin_turn(now, DeploymentId(1));
        for message in messages {
            self.state.receive(&mut turn, message, false);
        }
        for message in self.state.due(now) {
            self.state.receive(&mut turn, message, false);
        }
        self.state.activate(&mut turn);
        let guest = turn.take_activation().map(|activation| guest(&activation));
        let (record, _, _) = self.state.end_turn(turn, guest).seal(self.state.id().clone(), 0);
        self.chain.push((record.record, record.base));
    }

    fn start(&mut self, commands: Vec<Command>) {
        let start = Start {
            name: "Scale".into(),
            input: Payload::null(),
            execution: ExecutionId::trusted("execution"),
            deployment: DeploymentId(1),
            created_at: Timestamp(0),
            born_at: None,
            version: None,
            parent: None,
            at: None,
            tags: Tags::new(),
            on_return: OnReturn::default(),
            nesting: 0,
        };
        self.turn([Message::Start(Box::new(start))], |_| asks(commands));
    }

    /// Folds the chain and checks that the state is the same.
    fn fold(self) -> Duration {
        assert_eq!(self.state.status(), Some(RuntimeStatus::Completed));
        let begun = Instant::now();
        let folded = fold(self.state.id().clone(), self.chain);
        assert_eq!(folded.state.status(), self.state.status());
        begun.elapsed()
    }
}

fn asks(commands: Vec<Command>) -> GuestTurn {
    GuestTurn { commands, ..GuestTurn::default() }
}

fn call() -> Command {
    Command::CallActivity(ActivityCall { name: "Work".into(), input: Payload::null(), retry: None, timeout_ms: None })
}

fn done(task: u32) -> Message {
    let result = TaskResult::Completed(Payload::null());
    Message::ActivityDone { execution: ExecutionId::trusted("execution"), task: TaskId(task), attempt: 1, result }
}

fn ends_if(over: bool, commands: Vec<Command>) -> GuestTurn {
    GuestTurn { outcome: over.then(|| GuestOutcome::Completed(Payload::null())), ..asks(commands) }
}

fn fan_out(messages_per_turn: usize) -> Instance {
    let mut instance = Instance::new();
    instance.start((0..COUNT).map(|_| call()).collect());
    let mut tasks = 0..COUNT;
    while !tasks.is_empty() {
        let messages: Vec<_> = tasks.by_ref().take(messages_per_turn).map(done).collect();
        instance.turn(messages, |_| ends_if(tasks.is_empty(), Vec::new()));
    }
    instance
}

fn sequence() -> Instance {
    let mut instance = Instance::new();
    instance.start(vec![call()]);
    for task in 0..COUNT {
        let over = task + 1 == COUNT;
        instance.turn([done(task)], |_| ends_if(over, if over { Vec::new() } else { vec![call()] }));
    }
    instance
}

/// Waits for events that are there already, then every wait is cancelled in the activation that
/// hands the events out.
fn cancellations() -> Instance {
    let mut instance = Instance::new();
    instance.start((0..COUNT).map(|_| Command::WaitForEvent("E".into())).collect());
    let events: Vec<_> = (0..COUNT).map(|_| Message::Event { name: "E".into(), data: Payload::null() }).collect();
    instance.turn(events, |_| asks((0..COUNT).map(|task| Command::Cancel(TaskId(task))).collect()));
    instance.turn([], |_| asks(Vec::new()));
    let timer = Message::Event { name: "End".into(), data: Payload::null() };
    instance.turn([timer, Message::Terminate { reason: None, recursive: false, parent: None }], |_| asks(Vec::new()));
    instance
}

fn report(what: &str, run: impl Fn() -> Instance) {
    run();
    let begun = Instant::now();
    let instance = run();
    let took = begun.elapsed();
    let turns = instance.chain.len();
    let per_item = took.as_nanos() / u128::from(COUNT);
    let folded = match instance.state.status() {
        Some(RuntimeStatus::Completed) => format!("{:?}", instance.fold()),
        _ => "-".into(),
    };
    println!("{what}: {COUNT} items in {turns} turns, {took:?}, {per_item} ns each; folding the chain {folded}");
}

fn main() {
    report("fan-out, 512 results a turn", || fan_out(MESSAGES_PER_TURN));
    report("fan-out, one result a turn", || fan_out(1));
    report("sequence", sequence);
    report("waits cancelled at once", cancellations);
}
