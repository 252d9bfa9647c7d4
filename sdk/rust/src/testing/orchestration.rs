//! Sets up a run of an orchestrator.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run::Run;
use super::simulation::Simulation;
use crate::entity::run_batch;
use crate::execution::Execution;
use crate::export::{RunEntity, StartOrchestrator};
use crate::{Activity, ActivityContext, Entity, EntityId, Failure, Orchestrator, Timestamp, json};

pub(super) type Fake<'a> = Box<dyn FnMut(&str) -> Result<String, Failure> + 'a>;

/// An orchestrator with everything around it faked. Names count ignoring case.
///
/// The run begins at 2026-01-01T00:00:00Z. Activities answer at once; timers make the clock jump.
/// Whatever the code calls must be set up, otherwise the test panics.
///
/// ```
/// # use longhaul::{Context, Failure, testing};
/// # use std::time::Duration;
/// #[longhaul::orchestrator]
/// async fn approval(ctx: Context) -> Result<bool, Failure> {
///     Ok(ctx.wait_for_event("Approval").timeout(Duration::from_secs(60)).await?)
/// }
///
/// let run = testing::Orchestration::new::<approval>().event_after(Duration::from_secs(30), "Approval", &true).run();
/// assert_eq!(run.output(), Ok(true));
/// run.check_replay().unwrap();
///
/// let run = testing::Orchestration::new::<approval>().run();
/// assert_eq!(run.output::<bool>().unwrap_err().message, "Event Approval not received in 00:01:00");
/// ```
pub struct Orchestration<'a> {
    pub(super) start: StartOrchestrator,
    pub(super) name: String,
    pub(super) instance_id: String,
    pub(super) input: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) begin: Timestamp,
    pub(super) max_executions: usize,
    pub(super) activities: Vec<(String, Fake<'a>)>,
    pub(super) orchestrations: Vec<(String, Fake<'a>)>,
    pub(super) entities: Vec<(String, RunEntity)>,
    pub(super) entity_states: Vec<(EntityId, String)>,
    pub(super) events: Vec<(Duration, String, String)>,
    pub(super) answers: Vec<(String, VecDeque<String>)>,
}

const BEGIN_MS: u64 = 1_767_225_600_000;

impl<'a> Orchestration<'a> {
    /// An orchestration of id `test` without input.
    pub fn new<O: Orchestrator>() -> Self {
        Self {
            start: Execution::start::<O>,
            name: O::NAME.to_owned(),
            instance_id: "test".to_owned(),
            input: json::NULL.to_owned(),
            tags: BTreeMap::new(),
            begin: Timestamp::from_millis(BEGIN_MS),
            max_executions: 100,
            activities: Vec::new(),
            orchestrations: Vec::new(),
            entities: Vec::new(),
            entity_states: Vec::new(),
            events: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// The instance's id.
    pub fn instance_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.instance_id);
        self
    }

    /// The orchestrator's input.
    pub fn input(mut self, input: &(impl Serialize + ?Sized)) -> Self {
        self.input = json::write_for_test(input);
        self
    }

    /// A tag of the instance. May be given several times.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Ends the run after this many executions of an orchestration that continues as new. Default:
    /// 100.
    pub fn max_executions(mut self, executions: usize) -> Self {
        self.max_executions = executions;
        self
    }

    /// Answers calls of an activity. A failure reaches the orchestrator worded as the host words
    /// it.
    pub fn activity<I: DeserializeOwned, O: Serialize>(mut self, name: &str, fake: impl FnMut(I) -> Result<O, Failure> + 'a) -> Self {
        self.activities.push((name.to_owned(), boxed(name, fake)));
        self
    }

    /// Answers calls of an activity by running the real one.
    pub fn real_activity<A: Activity>(mut self) -> Self {
        let context = || ActivityContext { name: A::NAME.to_owned(), attempt: 1, ..ActivityContext::default() };
        self.activities.push((A::NAME.to_owned(), Box::new(move |input| A::run(context(), input))));
        self
    }

    /// Answers calls of a sub-orchestration.
    pub fn orchestration<I: DeserializeOwned, O: Serialize>(mut self, name: &str, fake: impl FnMut(I) -> Result<O, Failure> + 'a) -> Self {
        self.orchestrations.push((name.to_owned(), boxed(name, fake)));
        self
    }

    /// Lets entities of this kind answer. None of them exists at first.
    pub fn entity<E: Entity>(mut self) -> Self {
        self.entities.push((E::NAME.to_owned(), run_batch::<E>));
        self
    }

    /// Lets an entity exist with this state.
    pub fn entity_state(mut self, entity: &EntityId, state: &(impl Serialize + ?Sized)) -> Self {
        self.entity_states.push((entity.clone(), json::write_for_test(state)));
        self
    }

    /// Raises an event at this time after the beginning, whether or not the code waits for it.
    pub fn event_after(mut self, delay: Duration, name: &str, data: &(impl Serialize + ?Sized)) -> Self {
        self.events.push((delay, name.to_owned(), json::write_for_test(data)));
        self
    }

    /// Raises an event as soon as the code waits for it. Given several times, each answers one
    /// wait, in this order.
    pub fn event_when_awaited(mut self, name: &str, data: &(impl Serialize + ?Sized)) -> Self {
        let data = json::write_for_test(data);
        match self.answers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, answers)) => answers.push_back(data),
            None => self.answers.push((name.to_owned(), VecDeque::from([data]))),
        }
        self
    }

    /// Runs the orchestration until it ends or waits for something that will not come.
    ///
    /// # Panics
    /// If the code calls something that was not set up, or takes more than 100,000 turns.
    pub fn run(self) -> Run {
        Simulation::new(self).run()
    }
}

fn boxed<'a, I: DeserializeOwned, O: Serialize>(name: &str, mut fake: impl FnMut(I) -> Result<O, Failure> + 'a) -> Fake<'a> {
    let name = name.to_owned();
    Box::new(move |input| {
        let input = json::read(input).map_err(|error| Failure::invalid_input(&name, &error))?;
        json::write(&fake(input)?).map_err(|error| Failure::invalid_output(&name, &error))
    })
}
