//! Whole programs in a small world of activities, children, entities, timers and events, in which
//! activities fail at first.
//!
//! A program whose instances are rewound until it completes must come to what it comes to where
//! nothing fails, and nothing that succeeded may have been done twice. Each turn of each instance
//! is also folded from its records (see [`super::script`]).

mod author;

use std::collections::{BTreeMap, HashMap, VecDeque};

use author::Author;

use super::script::Script;
use super::words::*;
use crate::entity::{GuestBatch, GuestOperationResult};
use crate::message::{ActivityRun, Effect, Message, Outgoing, Start};
use crate::model::{
    Command, EntitySignal, ExecutionId, Failure, GuestOutcome, GuestTurn, InstanceId, OrchestrationCall, Payload, RuntimeStatus, TaskId,
    TaskResult,
};
use crate::orchestration::Activation;
use crate::{DeploymentId, Entity};

/// A step of a program.
#[derive(Clone, Debug)]
enum Step {
    /// Calls activities at once; true: with a retry policy of two attempts.
    All(Vec<(String, bool)>),
    Children(Vec<Vec<Step>>),
    Sleep(u64),
    Event,
    Section(String, Vec<Step>),
    Add(String),
    Signal(String),
    /// Runs the steps, and the others if they fail, then fails all the same.
    Rescue(Vec<Step>, Vec<Step>),
}

enum Stop {
    Blocked,
    Failed(Failure),
}

/// Runs a program from its beginning over what it was told: slow, and without any state that could
/// go wrong.
struct Run<'told> {
    told: &'told HashMap<TaskId, TaskResult>,
    commands: Vec<Command>,
    next_task: u32,
    output: Vec<String>,
}

impl Run<'_> {
    fn ask(&mut self, command: Command) -> TaskId {
        let task = TaskId(self.next_task);
        self.next_task += u32::from(command.creates_task());
        self.commands.push(command);
        task
    }

    fn wait(&mut self, tasks: &[TaskId]) -> Result<(), Stop> {
        let told: Option<Vec<_>> = tasks.iter().map(|task| self.told.get(task).cloned()).collect();
        for result in told.ok_or(Stop::Blocked)? {
            match result {
                TaskResult::Completed(value) => self.output.push(value.as_str().to_owned()),
                TaskResult::Failed(failure) => return Err(Stop::Failed(failure)),
            }
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Stop> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::All(names) => {
                let call = |(name, retries): &(String, bool)| if *retries { call_with_retry(name, policy(2)) } else { call(name) };
                let tasks: Vec<_> = names.iter().map(|name| self.ask(call(name))).collect();
                self.wait(&tasks)
            }
            Step::Children(programs) => {
                let tasks: Vec<_> =
                    (0..programs.len()).map(|number| self.ask(Command::CallOrchestration(called(programs, number)))).collect();
                self.wait(&tasks)
            }
            Step::Sleep(millis) => {
                let task = self.ask(timer(*millis));
                self.wait(&[task])
            }
            Step::Event => {
                let task = self.ask(wait("go"));
                self.wait(&[task])
            }
            Step::Section(key, inside) => {
                let section = self.ask(lock(&[key, "z"]));
                self.wait(&[section])?;
                let result = self.steps(inside);
                if !matches!(result, Err(Stop::Blocked)) {
                    self.ask(unlock(section.0));
                }
                result
            }
            Step::Add(key) => {
                let task = self.ask(call_entity(key));
                self.wait(&[task])
            }
            Step::Signal(key) => {
                self.ask(Command::SignalEntity(EntitySignal { entity: entity(key), operation: "Add".into(), input: json("1"), at: None }));
                Ok(())
            }
            Step::Rescue(steps, others) => match self.steps(steps) {
                Err(Stop::Failed(failure)) => {
                    self.steps(others)?;
                    Err(Stop::Failed(failure))
                }
                result => result,
            },
        }
    }
}

/// The child's program goes to it as its input: its place in the list, printed and found again by
/// the world.
fn called(programs: &[Vec<Step>], number: usize) -> OrchestrationCall {
    OrchestrationCall { input: Payload::string(&format!("{:?}", programs[number])), ..child_call(None) }
}

struct Instance {
    script: Script,
    program: Vec<Step>,
    told: HashMap<TaskId, TaskResult>,
    issued: usize,
    mailbox: VecDeque<(Message, bool)>,
}

impl Instance {
    fn new(id: &InstanceId, program: Vec<Step>) -> Self {
        let script = Script::of(id.as_str());
        Self { script, program, told: HashMap::new(), issued: 0, mailbox: VecDeque::new() }
    }

    fn guest(program: &[Step], told: &mut HashMap<TaskId, TaskResult>, issued: &mut usize, activation: &Activation) -> GuestTurn {
        told.extend(activation.received().iter().map(|one| (one.task, one.outcome.clone())));
        let mut run = Run { told, commands: Vec::new(), next_task: 0, output: Vec::new() };
        let result = run.steps(program);
        let commands = run.commands.split_off(*issued);
        *issued += commands.len();
        let outcome = match result {
            Ok(()) => Some(GuestOutcome::Completed(Payload::string(&run.output.join(",")))),
            Err(Stop::Failed(failure)) => Some(GuestOutcome::Failed(failure)),
            Err(Stop::Blocked) => None,
        };
        GuestTurn { commands, custom_status: None, outcome }
    }

    /// Brings the guest back from history, as after a rewind or a crash.
    fn replay(&mut self) {
        (self.told, self.issued) = (HashMap::new(), 0);
        for step in self.script.folded().replay {
            let returned = Self::guest(&self.program, &mut self.told, &mut self.issued, &step.activation);
            step.compare(&returned).unwrap();
        }
    }
}

struct World {
    dice: super::programs::Dice,
    clock: u64,
    instances: BTreeMap<InstanceId, Instance>,
    entities: BTreeMap<InstanceId, (Entity, u64)>,
    to_entities: VecDeque<Outgoing>,
    running: Vec<ActivityRun>,
    /// How often each activity still fails.
    failures: HashMap<String, u32>,
    counts: BTreeMap<String, u32>,
    programs: HashMap<String, Vec<Step>>,
    events: VecDeque<u32>,
    rewinds: u32,
}

const ROOT: &str = "root";

impl World {
    fn new(seed: u64, program: &[Step], failures: HashMap<String, u32>) -> Self {
        let mut programs = HashMap::new();
        collect(program, &mut programs);
        let mut world = Self {
            dice: super::programs::Dice::new(seed),
            clock: 1_000,
            instances: BTreeMap::new(),
            entities: BTreeMap::new(),
            to_entities: VecDeque::new(),
            running: Vec::new(),
            failures,
            counts: BTreeMap::new(),
            programs,
            events: (0..count_events(program)).collect(),
            rewinds: 0,
        };
        let mut root = Instance::new(&InstanceId::trusted(ROOT), program.to_vec());
        root.mailbox.push_back((Message::Start(Box::new(Start { deployment: DeploymentId(1), ..new_start("first") })), false));
        world.instances.insert(InstanceId::trusted(ROOT), root);
        world
    }

    fn root(&mut self) -> &mut Instance {
        self.instances.get_mut(&InstanceId::trusted(ROOT)).unwrap()
    }

    /// Lets things happen in random order until the root completes, rewinding it as often as it
    /// fails.
    fn run(mut self) -> (String, Self) {
        for _ in 0..20_000 {
            self.clock += 1;
            let status = self.root().script.state.status();
            if status == Some(RuntimeStatus::Completed) && self.to_entities.is_empty() {
                return (self.root().script.row.clone().unwrap().output.unwrap().as_str().to_owned(), self);
            }
            let may_raise = status.is_some_and(|status| !status.is_terminal()) && self.dice.roll(8) == 0;
            if may_raise && let Some(number) = self.events.pop_front() {
                let recorded = self.dice.roll(2) == 0;
                self.root().mailbox.push_back((event("go", &number.to_string()), recorded));
            }
            self.happen(status);
        }
        panic!("it never ends: {:?}", self.instances.iter().map(|(id, one)| (id, one.script.state.status())).collect::<Vec<_>>());
    }

    fn happen(&mut self, status: Option<RuntimeStatus>) {
        let clock = at(self.clock);
        let ready = |one: &Instance| {
            !one.mailbox.is_empty() || one.script.state.needs_turn(clock) || one.script.state.wake_at().is_some_and(|at| at <= clock)
        };
        let ready: Vec<_> = self.instances.iter().filter(|(_, one)| ready(one)).map(|(id, _)| id.clone()).collect();
        match self.dice.roll(3) {
            0 if !ready.is_empty() => {
                let place = self.dice.roll(ready.len() as u64) as usize;
                self.turn(&ready[place].clone());
            }
            1 if !self.running.is_empty() => {
                let place = self.dice.roll(self.running.len() as u64) as usize;
                let run = self.running.remove(place);
                self.finish(run);
            }
            2 if !self.to_entities.is_empty() => self.operate(),
            _ if status == Some(RuntimeStatus::Failed) && (self.dice.roll(20) == 0) => {
                self.rewinds += 1;
                self.root().mailbox.push_back((rewind(), false));
            }
            _ => {}
        }
    }

    fn turn(&mut self, id: &InstanceId) {
        let crashes = self.dice.roll(6) == 0;
        let limit = 1 + self.dice.roll(3) as usize;
        let clock = self.clock;
        let one = self.instances.get_mut(id).unwrap();
        one.script.at(clock);
        for (message, recorded) in one.mailbox.drain(..limit.min(one.mailbox.len())) {
            if recorded {
                one.script.record(message);
            } else if one.script.state.admit(&message).is_ok() || !matches!(message, Message::Rewind { .. } | Message::Event { .. }) {
                one.script.arrive(message);
            }
        }
        let (program, told, issued) = (one.program.clone(), &mut one.told, &mut one.issued);
        let taken = one.script.turn_with(|activation| {
            if matches!(activation, Activation::Start(_)) {
                (*told, *issued) = (HashMap::new(), 0);
            }
            Instance::guest(&program, told, issued, activation)
        });
        let rewound = taken.record.rewound.is_some();
        if rewound || crashes {
            one.replay();
        }
        if rewound {
            let again = one.script.state.running_activities();
            self.running.extend(again);
        }
        for effect in taken.effects {
            match effect {
                Effect::RunActivity(run) => self.running.push(run),
                Effect::CancelActivity(task) => self.running.retain(|run| run.caller != task),
            }
        }
        taken.outgoing.into_iter().for_each(|one| self.deliver(one));
    }

    fn deliver(&mut self, Outgoing { to, message }: Outgoing) {
        if to.is_entity() {
            self.to_entities.push_back(Outgoing { to, message });
            return;
        }
        if let Message::Start(start) = &message
            && !self.instances.contains_key(&to)
        {
            let text: String = serde_json::from_str(start.input.as_str()).unwrap();
            let child = Instance::new(&to, self.programs[&text].clone());
            self.instances.insert(to.clone(), child);
        }
        self.instances.get_mut(&to).unwrap().mailbox.push_back((message, true));
    }

    fn finish(&mut self, run: ActivityRun) {
        *self.counts.entry(run.name.to_string()).or_default() += 1;
        let left = self.failures.entry(run.name.to_string()).or_default();
        let result = if *left > 0 { failed("503") } else { TaskResult::Completed(Payload::string(&run.name)) };
        *left = left.saturating_sub(1);
        let ActivityRun { caller, attempt, .. } = run;
        let message = Message::ActivityDone { execution: caller.execution, task: caller.task, attempt, result };
        self.instances.get_mut(&caller.instance).unwrap().mailbox.push_back((message, false));
    }

    fn operate(&mut self) {
        let Some(Outgoing { to, message }) = self.to_entities.pop_front() else { return };
        let (entity, count) = self.entities.entry(to.clone()).or_insert_with(|| (Entity::blank(to.entity().unwrap()), 0));
        let mut batch = entity.begin_batch(at(self.clock));
        entity.receive(&mut batch, message, true);
        let operations = batch.guest_operations().len();
        *count += operations as u64;
        let result = || GuestOperationResult { outcome: Ok(json("1")), signals: Vec::new(), starts: Vec::new() };
        let guest = (operations > 0).then(|| GuestBatch { state: Some(json("1")), results: (0..operations).map(|_| result()).collect() });
        let step = entity.end_batch(batch, guest, &ExecutionId::trusted("fresh"), DeploymentId(1));
        step.outgoing.into_iter().for_each(|one| self.deliver(one));
    }

    fn entity_counts(&self) -> Vec<(&InstanceId, u64)> {
        self.entities.iter().map(|(id, (_, count))| (id, *count)).collect()
    }
}

fn collect(steps: &[Step], programs: &mut HashMap<String, Vec<Step>>) {
    for step in steps {
        match step {
            Step::Children(children) => {
                for child in children {
                    programs.insert(format!("{child:?}"), child.clone());
                    collect(child, programs);
                }
            }
            Step::Section(_, inside) => collect(inside, programs),
            Step::Rescue(steps, others) => {
                collect(steps, programs);
                collect(others, programs);
            }
            Step::All(_) | Step::Sleep(_) | Step::Event | Step::Add(_) | Step::Signal(_) => {}
        }
    }
}

fn count_events(program: &[Step]) -> u32 {
    let one = |step: &Step| match step {
        Step::Event => 1,
        Step::Section(_, inside) => count_events(inside),
        Step::Rescue(steps, _) => count_events(steps),
        Step::All(_) | Step::Children(_) | Step::Sleep(_) | Step::Add(_) | Step::Signal(_) => 0,
    };
    program.iter().map(one).sum()
}

#[test]
fn a_program_that_is_rewound_until_it_completes_comes_to_the_same_as_one_that_never_fails() {
    let mut rewinds = 0;
    for seed in 1..=80 {
        let (program, failures) = Author::program(seed);
        let result = std::panic::catch_unwind(|| {
            let (expected, good) = World::new(seed, &program, HashMap::new()).run();
            let (output, world) = World::new(seed + 1_000, &program, failures.clone()).run();
            assert_eq!(output, expected);
            assert_eq!(world.entity_counts(), good.entity_counts(), "an operation ran twice or not at all");
            for (name, count) in &world.counts {
                let wanted = 1 + failures[name];
                let is_right = if name.starts_with("rescue") { *count <= wanted } else { *count == wanted };
                assert!(is_right, "{name} ran {count} times, not {wanted}");
            }
            world.rewinds
        });
        match result {
            Ok(count) => rewinds += count,
            Err(_) => panic!("seed {seed}: {program:?}"),
        }
    }
    assert!(rewinds > 50, "only {rewinds}");
}
