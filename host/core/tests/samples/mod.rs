//! One record of each kind and variant, each with all its members.

use longhaul_core::message::{Caller, Operation, Section, Start, TaskRef};
use longhaul_core::record::{EntityRecord, MessageRecord, NextExecution, Outcome, ParkedRecord, Received, Rewound, TurnRecord};
use longhaul_core::{
    ActivityCall, Command, Continuation, DeploymentId, EntityCall, EntityId, EntitySignal, EventTo, ExecutionId, Failure, GuestOutcome,
    InstanceId, Message, OnReturn, OrchestrationCall, Payload, Record, RetryPolicy, RuntimeStatus, Tags, TaskId, TaskResult, Timestamp,
};

/// The format of the files that were written first. What it has, every later one has too.
const FIRST: u32 = 1;
const EXECUTION: &str = "0198c0ffee00700080000000000000aa";

/// By the name of its file.
pub fn all() -> Vec<(&'static str, Record)> {
    let messages = messages().into_iter().map(|(name, message)| {
        let at = Timestamp(1_790_000_000_123);
        (name, Record::Message(MessageRecord { format: FIRST, at, message }))
    });
    let commands = commands().into_iter().map(|(name, command)| (name, turn(TurnRecord { commands: vec![command], ..blank_turn() })));
    let outcomes = outcomes().into_iter().map(|(name, outcome)| (name, turn(TurnRecord { outcome: Some(outcome), ..blank_turn() })));
    let all = messages.chain(commands).chain(outcomes).chain(turns()).chain(entities());
    let parked = ParkedRecord { format: FIRST, at: Timestamp(9), reason: "the guest trapped".into() };
    all.chain([("parked", Record::Parked(parked))]).collect()
}

fn messages() -> Vec<(&'static str, Message)> {
    let (execution, task) = (ExecutionId::trusted(EXECUTION), TaskId(3));
    let completed = TaskResult::Completed(json("{\"a\": [1, null]}"));
    vec![
        ("message-start", Message::Start(Box::new(full_start()))),
        ("message-start-least", Message::Start(Box::new(Start { version: None, parent: None, at: None, ..full_start() }))),
        ("message-start-tagged", Message::Start(Box::new(Start { tags: tags(), ..full_start() }))),
        ("message-start-born", Message::Start(Box::new(Start { born_at: Some(Timestamp(7)), ..full_start() }))),
        ("message-start-nested", Message::Start(Box::new(Start { nesting: 3, ..full_start() }))),
        ("message-start-waiting", Message::Start(Box::new(Start { on_return: OnReturn::WaitForOpenTasks, ..full_start() }))),
        ("message-event", Message::Event { name: "Call back".into(), data: json("true") }),
        (
            "message-activity-done",
            Message::ActivityDone { execution: execution.clone(), task, attempt: 2, result: TaskResult::Failed(full_failure()) },
        ),
        ("message-child-done", Message::ChildDone { execution: execution.clone(), task, result: completed.clone() }),
        ("message-entity-reply", Message::EntityReply { execution: execution.clone(), task, result: completed }),
        ("message-lock-granted", Message::LockGranted { execution, task }),
        ("message-timer-fired", Message::TimerFired { task }),
        ("message-retry-due", Message::RetryDue { task }),
        ("message-terminate", Message::Terminate { reason: Some("enough".into()), recursive: true, parent: None }),
        ("message-terminate-child", Message::Terminate { reason: None, recursive: true, parent: Some(owner()) }),
        ("message-terminate-least", Message::Terminate { reason: None, recursive: false, parent: None }),
        ("message-suspend", Message::Suspend { reason: Some("audit".into()) }),
        ("message-resume", Message::Resume { reason: None }),
        ("message-rewind", full_rewind()),
        ("message-rewind-least", Message::Rewind { reason: None, caller: None, deployment: None }),
        ("message-operation", Message::Operation(full_operation())),
        ("message-operation-least", Message::Operation(Operation { caller: None, at: None, ..full_operation() })),
        ("message-lock", Message::Lock(section())),
        ("message-release", Message::Release(section())),
    ]
}

fn commands() -> Vec<(&'static str, Command)> {
    let call = ActivityCall { name: "Charge".into(), input: json("1"), retry: Some(full_policy()), timeout_ms: Some(30_000) };
    let least_policy = RetryPolicy { max_interval_ms: None, retry_timeout_ms: None, jitter: 0.0, give_up_on: Vec::new(), ..full_policy() };
    let child = OrchestrationCall {
        name: "Ship".into(),
        input: json("\"now\""),
        instance_id: Some("shipment 7".into()),
        version: Some("2".into()),
        retry: Some(least_policy),
        tags: Tags::new(),
        at: None,
    };
    let least_child = OrchestrationCall { instance_id: None, version: None, retry: None, ..child.clone() };
    let tagged_child = OrchestrationCall { tags: tags(), at: Some(Timestamp(99)), ..child.clone() };
    let signal = EntitySignal { entity: entity("a@b"), operation: "Add".into(), input: json("1.5e300"), at: Some(Timestamp(5)) };
    let event = EventTo { instance_id: InstanceId::trusted("other"), name: "E".into(), data: json("null") };
    vec![
        ("command-call-activity", Command::CallActivity(call.clone())),
        ("command-call-activity-least", Command::CallActivity(ActivityCall { retry: None, timeout_ms: None, ..call })),
        ("command-call-orchestration", Command::CallOrchestration(child)),
        ("command-call-orchestration-tagged", Command::CallOrchestration(tagged_child)),
        ("command-create-timer", Command::CreateTimer(Timestamp(u64::MAX))),
        ("command-wait-for-event", Command::WaitForEvent("Call back".into())),
        ("command-call-entity", Command::CallEntity(EntityCall { entity: entity(""), operation: "Get".into(), input: Payload::null() })),
        ("command-lock-entities", Command::LockEntities(vec![entity("b"), entity("a")])),
        ("command-cancel", Command::Cancel(TaskId(0))),
        ("command-signal-entity", Command::SignalEntity(signal.clone())),
        ("command-signal-entity-least", Command::SignalEntity(EntitySignal { at: None, ..signal })),
        ("command-unlock-entities", Command::UnlockEntities(TaskId(4))),
        ("command-start-orchestration", Command::StartOrchestration(least_child)),
        ("command-raise-event", Command::RaiseEvent(event)),
    ]
}

fn outcomes() -> Vec<(&'static str, Outcome)> {
    let next = NextExecution { start: full_start(), events: vec![("E".into(), json("[1]")), ("F".into(), json("null"))] };
    vec![
        ("outcome-completed", Outcome::Completed(json("\"Grüße\""))),
        ("outcome-failed", Outcome::Failed(full_failure())),
        ("outcome-terminated", Outcome::Terminated(Some("enough".into()))),
        ("outcome-terminated-least", Outcome::Terminated(None)),
        ("outcome-continued-as-new", Outcome::ContinuedAsNew(Box::new(next))),
    ]
}

fn turns() -> Vec<(&'static str, Record)> {
    let full = TurnRecord {
        number: 0,
        received: vec![Received::Inbox, Received::Inline(Message::TimerFired { task: TaskId(1) })],
        without_guest: true,
        custom_status: Some(json("{\"done\": 0.5}")),
        began: Some(ExecutionId::trusted(EXECUTION)),
        started: Some(Box::new(full_start())),
        resumed: true,
        wake_at: Some(Timestamp(77)),
        pending: true,
        inbox_before: 3,
        ..blank_turn()
    };
    let mut turns = vec![("turn", turn(full)), ("turn-least", turn(blank_turn()))];
    turns.extend(returned().into_iter().map(|(name, returned)| (name, turn(TurnRecord { returned: Some(returned), ..blank_turn() }))));
    let rewound = Rewound { execution: ExecutionId::trusted(EXECUTION), deployment: DeploymentId(4), parent: Some(owner()) };
    let least = Rewound { parent: None, ..rewound.clone() };
    for (name, rewound) in [("turn-rewound", rewound), ("turn-rewound-least", least)] {
        turns.push((
            name,
            turn(TurnRecord { received: vec![Received::Inbox], rewound: Some(Box::new(rewound)), pending: true, ..blank_turn() }),
        ));
    }
    let names = [
        "turn-running",
        "turn-completed",
        "turn-continued",
        "turn-failed",
        "turn-canceled",
        "turn-terminated",
        "turn-pending",
        "turn-suspended",
    ];
    turns.extend(names.into_iter().zip(RuntimeStatus::ALL).map(|(name, status)| (name, turn(TurnRecord { status, ..blank_turn() }))));
    turns
}

fn returned() -> Vec<(&'static str, GuestOutcome)> {
    let continuation = Continuation { input: json("1"), keep_events: true, version: Some("2".into()) };
    vec![
        ("turn-returned-completed", GuestOutcome::Completed(json("[]"))),
        ("turn-returned-failed", GuestOutcome::Failed(full_failure())),
        ("turn-returned-continued", GuestOutcome::ContinuedAsNew(continuation)),
    ]
}

fn entities() -> Vec<(&'static str, Record)> {
    let least = EntityRecord {
        format: FIRST,
        now: Timestamp(10),
        received: vec![Received::Inline(Message::Operation(full_operation()))],
        state: None,
        failures: Vec::new(),
        lock: None,
        deferred: Vec::new(),
        scheduled: Vec::new(),
        wake_at: None,
        inbox_before: 0,
    };
    let full = EntityRecord {
        received: vec![Received::Inbox],
        state: Some(json("{\"count\": 12345678901234567890}")),
        failures: vec![("Add".into(), full_failure())],
        lock: Some(section()),
        deferred: vec![Message::Lock(section())],
        scheduled: vec![full_operation()],
        wake_at: Some(Timestamp(12)),
        inbox_before: 1,
        ..least.clone()
    };
    vec![("entity", Record::Entity(Box::new(full))), ("entity-least", Record::Entity(Box::new(least)))]
}

fn turn(record: TurnRecord) -> Record {
    Record::Turn(Box::new(record))
}

fn blank_turn() -> TurnRecord {
    TurnRecord {
        format: FIRST,
        number: 7,
        now: Timestamp(1_790_000_000_456),
        received: Vec::new(),
        commands: Vec::new(),
        without_guest: false,
        custom_status: None,
        returned: None,
        outcome: None,
        began: None,
        started: None,
        resumed: false,
        rewound: None,
        status: RuntimeStatus::Running,
        wake_at: None,
        pending: false,
        inbox_before: 0,
    }
}

fn full_rewind() -> Message {
    let waits = TaskRef { execution: ExecutionId::trusted("q"), ..owner() };
    let caller = Some(Box::new(Caller { known: owner(), waits }));
    Message::Rewind { reason: Some("fixed".into()), caller, deployment: Some(DeploymentId(4)) }
}

fn full_start() -> Start {
    Start {
        name: "Order".into(),
        input: json("{\"items\": 2}"),
        execution: ExecutionId::trusted(EXECUTION),
        deployment: DeploymentId(3),
        created_at: Timestamp(8),
        born_at: None,
        version: Some("1.2".into()),
        parent: Some(owner()),
        at: Some(Timestamp(99)),
        tags: Tags::new(),
        on_return: OnReturn::default(),
        nesting: 0,
    }
}

fn tags() -> Tags {
    Tags::from([("region".into(), "eu".into()), ("customer".into(), "Grüße & Söhne".into())])
}

fn owner() -> TaskRef {
    TaskRef { instance: InstanceId::trusted("parent"), execution: ExecutionId::trusted("p"), task: TaskId(2) }
}

fn full_operation() -> Operation {
    Operation { name: "Add".into(), input: json("1"), caller: Some(owner()), at: Some(Timestamp(11)) }
}

fn section() -> Section {
    Section { owner: owner(), set: vec![entity("a"), entity("b")], next: 1 }
}

fn full_failure() -> Failure {
    Failure {
        error_type: "Http".into(),
        message: "503".into(),
        details: Some("line 1\nline 2".into()),
        non_retriable: true,
        inner: vec!["refused".into()],
    }
}

fn full_policy() -> RetryPolicy {
    RetryPolicy {
        max_attempts: 5,
        first_interval_ms: 100,
        backoff_coefficient: 1.5,
        max_interval_ms: Some(60_000),
        retry_timeout_ms: Some(600_000),
        jitter: 0.25,
        give_up_on: vec!["Fatal".into()],
    }
}

fn entity(key: &str) -> EntityId {
    EntityId::new("Stock", key).unwrap()
}

fn json(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}
