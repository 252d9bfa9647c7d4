use super::*;

/// Written by hand, because the attribute refers to this crate by its name.
#[derive(Debug, Default, PartialEq, Serialize, serde::Deserialize)]
struct Notes(Vec<u32>);

impl Entity for Notes {
    const NAME: &'static str = "Notes";
    const OPERATIONS: &'static [&'static str] = &["Add", "AddThenFail", "Count", "Forget"];

    fn run_operation(&mut self, ctx: &mut EntityContext, input: &str) -> Option<Applied> {
        let other = EntityId::new("Other", ctx.key());
        match ctx.operation() {
            "Add" | "AddThenFail" => {
                self.0.push(json::read(input).expect("a number"));
                ctx.signal(&other, "Noted", &self.0.len());
                ctx.start_orchestration("Review", &(), None);
                let fails = ctx.operation() == "AddThenFail";
                let result = if fails { Err(Failure::new("E", "m")) } else { Ok("null".to_owned()) };
                Some(Applied { result, may_change: true })
            }
            "Count" => Some(Applied { result: Ok(self.0.len().to_string()), may_change: false }),
            "Forget" => {
                ctx.delete_self();
                Some(Applied { result: Ok("null".to_owned()), may_change: true })
            }
            _ => None,
        }
    }
}

fn run(state: Option<&str>, operations: &[(&str, &str)]) -> BatchResult {
    let operations = operations.iter().map(|(name, input)| Operation { name: (*name).to_owned(), input: (*input).to_owned() }).collect();
    run_batch::<Notes>(&EntityId::new("notes", "k"), state.map(str::to_owned), Timestamp::default(), operations)
}

#[test]
fn an_operation_starts_orchestrations_with_tags_and_later() {
    let options = StartOptions::new().instance_id("r1").tag("region", "eu").at(Timestamp::from_millis(5));
    let mut ctx = EntityContext::new(&EntityId::new("notes", "k"), "Add".to_owned(), Timestamp::default(), true);
    ctx.start_orchestration_with("Review", &1, options);
    let start = &ctx.starts[0];
    assert_eq!(
        (start.instance_id.as_deref(), start.at, start.tags["region"].as_str()),
        (Some("r1"), Some(Timestamp::from_millis(5)), "eu")
    );
}

#[test]
fn a_failed_operation_leaves_no_trace_and_the_others_stand() {
    let batch = run(Some("[1]"), &[("Add", "2"), ("AddThenFail", "3"), ("Add", "4")]);
    assert_eq!(batch.state.as_deref(), Some("[1,2,4]"));
    let sent: Vec<_> = batch.results.iter().map(|result| (result.outcome.is_ok(), result.signals.len(), result.starts.len())).collect();
    assert_eq!(sent, [(true, 1, 1), (false, 0, 0), (true, 1, 1)]);
    assert_eq!(batch.results[2].signals[0].input, "3");
}

#[test]
fn an_operation_that_only_reads_does_not_bring_the_entity_into_being() {
    let batch = run(None, &[("Count", "null")]);
    assert_eq!((batch.state, batch.results[0].outcome.as_deref()), (None, Ok("0")));
}

#[test]
fn a_failed_first_operation_does_not_either() {
    assert_eq!(run(None, &[("AddThenFail", "1")]).state, None);
}

#[test]
fn delete_works_without_a_method_and_a_later_operation_begins_anew() {
    assert_eq!(run(Some("[1]"), &[("DELETE", "null")]).state, None);
    assert_eq!(run(Some("[1]"), &[("delete", "null"), ("Add", "2")]).state.as_deref(), Some("[2]"));
    assert_eq!(run(Some("[1]"), &[("Forget", "null"), ("Count", "null")]).state, None);
}

#[test]
fn a_state_that_cannot_be_read_fails_operations_and_can_be_deleted() {
    let batch = run(Some("{}"), &[("Count", "null")]);
    assert_eq!(batch.state.as_deref(), Some("{}"));
    assert_eq!(batch.results[0].outcome.as_ref().unwrap_err().error_type, "InvalidState");
    assert_eq!(run(Some("{}"), &[("delete", "null")]).state, None);
}

#[test]
fn an_unknown_operation_fails_and_names_those_that_exist() {
    let batch = run(Some("[1]"), &[("Nope", "null"), ("Count", "null")]);
    let failure = batch.results[0].outcome.as_ref().unwrap_err();
    assert_eq!(failure.message, "entity Notes has no operation 'Nope'; it has Add, AddThenFail, Count, Forget");
    assert_eq!((batch.state.as_deref(), batch.results[1].outcome.as_deref()), (Some("[1]"), Ok("1")));
}
