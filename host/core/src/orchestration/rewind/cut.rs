//! Where a rewind cuts a failed execution, and what is kept of the turns behind the cut.
//!
//! Turns before the cut stay as they are. Of the turns behind it the messages stay, but for
//! failures of activities and children and what belongs to tasks that only those turns had asked
//! for; and what their commands did goes into [`super::reuse`].

use std::collections::{HashMap, HashSet};

use super::log::{LogItem, LoggedTurn};
use super::reuse::{UndoneCommand, UndoneTasks};
use crate::message::Message;
use crate::model::{Command, ExecutionId, GuestOutcome, InstanceId, TaskId, TaskResult};
use crate::orchestration::turn::Arrived;

/// A failed execution, taken apart.
pub(crate) struct Cut {
    /// What stays as it is.
    pub(crate) kept: Vec<LogItem>,
    /// What arrived behind the cut and is taken in again.
    pub(crate) again: Vec<Arrived>,
    /// What was asked for behind the cut.
    pub(crate) commands: Vec<UndoneCommand>,
    pub(crate) undone: UndoneTasks,
}

/// Takes a failed execution apart. `late` arrived after its end; its tasks answer to `execution`.
pub(crate) fn cut(mut items: Vec<LogItem>, late: Vec<Arrived>, instance: InstanceId, execution: ExecutionId) -> Cut {
    let place = place_of_cut(&items);
    let behind = items.split_off(place);
    let open = OpenTasks::after(&items);
    for item in &mut items {
        if let Some(arrived) = item.arrived_mut() {
            arrived.retain_mut(|one| open.keeps_before(&mut one.message));
        }
    }
    let undone = UndoneTasks { instance, execution, results: HashMap::new(), refused: HashSet::new() };
    let mut sieve = Sieve { open, has_failed: false, undone };
    let (mut again, mut commands) = (Vec::new(), Vec::new());
    let mut next_task = sieve.open.next_task;
    for item in behind {
        let LogItem::Turn(turn) = item else { continue };
        again.extend(turn.arrived.into_iter().filter_map(|one| sieve.pass(one)));
        sieve.has_failed |= matches!(turn.recorded.outcome, Some(GuestOutcome::Failed(_)));
        let mut sent_to: HashMap<_, _> = turn.sent_to.into_iter().collect();
        for command in turn.recorded.commands {
            let task = command.creates_task().then_some(TaskId(next_task));
            next_task += u32::from(task.is_some());
            commands.push(UndoneCommand { command, task, sent_to: task.and_then(|task| sent_to.remove(&task)) });
        }
    }
    sieve.has_failed = true;
    again.extend(late.into_iter().filter_map(|one| sieve.pass(one)));
    Cut { kept: items, again, commands, undone: sieve.undone }
}

/// The first turn that told the code of a failure that a rewind can mend, or else the one in which
/// the code failed. If the code was in a critical section then, the turn in which it was granted:
/// the section was given back, so what the code did in it has to be done in a new one.
fn place_of_cut(items: &[LogItem]) -> usize {
    let behind_last_rewind = items.iter().rposition(|item| matches!(item, LogItem::Rewind(_))).map_or(0, |place| place + 1);
    let mendable = Mendable::of(items);
    let turns = || items.iter().enumerate().skip(behind_last_rewind).filter_map(|(place, item)| Some((place, item.turn()?)));
    let told = turns().find(|(_, turn)| turn.told_failed.iter().any(|task| mendable.0.contains(task)));
    let failed = || turns().find(|(_, turn)| matches!(turn.recorded.outcome, Some(GuestOutcome::Failed(_))));
    let Some((place, turn)) = told.or_else(failed) else { return items.len() };
    match turn.section {
        None => place,
        section => turns().find(|(_, turn)| turn.section == section).map_or(place, |(granted, _)| granted),
    }
}

/// Calls that failed because what they called failed: a call that was refused would be refused
/// again.
struct Mendable(HashSet<TaskId>);

impl Mendable {
    fn of(items: &[LogItem]) -> Self {
        let messages = items.iter().filter_map(LogItem::turn).flat_map(|turn| &turn.arrived);
        let failed = messages.filter_map(|one| match &one.message {
            Message::ActivityDone { task, result: TaskResult::Failed(_), .. } => Some(*task),
            Message::ChildDone { task, result: TaskResult::Failed(_), .. } => Some(*task),
            _ => None,
        });
        Self(failed.collect())
    }
}

/// The tasks before the cut whose end the code has not been told of.
struct OpenTasks {
    /// Tasks from this number on were asked for behind the cut.
    next_task: u32,
    told: HashSet<TaskId>,
}

impl OpenTasks {
    fn after(items: &[LogItem]) -> Self {
        let turns = || items.iter().filter_map(LogItem::turn);
        let commands = turns().flat_map(|turn| &turn.recorded.commands);
        let next_task = commands.map(|command| u32::from(Command::creates_task(command))).sum();
        Self { next_task, told: turns().flat_map(|turn| turn.told.iter().copied()).collect() }
    }

    fn has(&self, task: TaskId) -> bool {
        task.0 < self.next_task && !self.told.contains(&task)
    }

    /// Whether a message before the cut stays. Of a call with several attempts only the last one's
    /// success does, as the first one's.
    fn keeps_before(&self, message: &mut Message) -> bool {
        match message {
            Message::ActivityDone { task, attempt, result, .. } if self.has(*task) => {
                *attempt = 1;
                matches!(result, TaskResult::Completed(_))
            }
            Message::ChildDone { task, result, .. } if self.has(*task) => matches!(result, TaskResult::Completed(_)),
            Message::RetryDue { task } => !self.has(*task),
            _ => true,
        }
    }
}

/// Goes through the messages behind the cut in order.
struct Sieve {
    open: OpenTasks,
    /// The code has failed: what came later was not for it any more, but for answers.
    has_failed: bool,
    undone: UndoneTasks,
}

impl Sieve {
    fn pass(&mut self, mut one: Arrived) -> Option<Arrived> {
        let stays = match &mut one.message {
            Message::ActivityDone { execution, task, attempt, result } => {
                *attempt = 1;
                matches!(result, TaskResult::Completed(_)) && *execution == self.undone.execution && self.is_open(*task, result)
            }
            Message::ChildDone { execution, task, result } => {
                matches!(result, TaskResult::Completed(_)) && *execution == self.undone.execution && self.is_open(*task, result)
            }
            // An answer under an earlier id finds its task, or its place in the reusable commands,
            // by itself.
            Message::EntityReply { execution, task, result } => *execution != self.undone.execution || self.is_open(*task, result),
            Message::TimerFired { task } => self.open.has(*task),
            Message::RetryDue { .. } | Message::LockGranted { .. } => false,
            Message::Event { .. } => true,
            Message::Start(_) | Message::Suspend { .. } | Message::Resume { .. } => !self.has_failed,
            Message::Rewind { caller, .. } => caller.is_some() && !self.has_failed,
            Message::Terminate { .. } | Message::Operation(_) | Message::Lock(_) | Message::Release(_) => false,
        };
        stays.then_some(one)
    }

    /// Whether an end is that of a task before the cut. That of one behind it is noted.
    fn is_open(&mut self, task: TaskId, result: &TaskResult) -> bool {
        if task.0 < self.open.next_task {
            return self.open.has(task);
        }
        match result {
            TaskResult::Completed(_) => _ = self.undone.results.insert(task, result.clone()),
            TaskResult::Failed(_) => _ = self.undone.refused.insert(task),
        }
        false
    }
}

impl LogItem {
    fn turn(&self) -> Option<&LoggedTurn> {
        match self {
            Self::Turn(turn) => Some(turn),
            Self::Rewind(_) | Self::Parked(_) => None,
        }
    }
}
