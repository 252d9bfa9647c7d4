//! What each guest does, and the right outcome.

/// A guest.
#[derive(Clone)]
pub struct Row {
    /// What it does, in words; no two rows have the same. With dashes it is the instance's id.
    pub name: &'static str,
    /// How it is brought to do it.
    pub attack: Attack,
    /// What has to come of it.
    pub outcome: Outcome,
}

/// How a guest is brought to do it.
#[derive(Clone)]
pub enum Attack {
    /// An orchestration of this function is started with this input.
    Orchestration {
        /// The function.
        function: &'static str,
        /// The input, which tells it what to do.
        input: &'static str,
    },
    /// An orchestration behaves, waits, and then does this.
    AfterGo(&'static str),
    /// The client function is called.
    Client(&'static str),
    /// So many events are raised for an instance that waits for another one.
    Events(usize),
    /// An entity signals itself for ever.
    Chatter,
}

/// What has to come of it. Texts are parts of what is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The orchestration completes.
    Completed(&'static str),
    /// It fails.
    Failed(&'static str),
    /// It is set aside, visibly, and can be terminated.
    Parked(&'static str),
    /// It goes on for ever, and can be terminated.
    GoesOn,
    /// The request is answered with this status.
    Answered(u16, &'static str),
    /// The answer begins and breaks off.
    CutOff,
}

use Outcome::{Answered, Completed, CutOff, Failed, GoesOn, Parked};

/// Guests that do much, and nothing wrong: far within every limit.
pub fn honest() -> Vec<Row> {
    started(&[
        ("an orchestrator computes", "compute", Completed("well")),
        ("an activity computes", "ask activity compute", Completed("")),
        ("an orchestrator's output is large", "large output", Completed("xxx")),
        ("an activity's input is large", "large input", Completed("well")),
        ("an orchestrator calls 50 activities", "many activities", Completed("well")),
        ("an orchestrator makes 1000 timers", "some timers", Completed("well")),
        ("an orchestrator asks an entity", "ask entity get", Completed("")),
    ])
}

/// All broken guests. Those that take longest come first.
pub fn broken() -> Vec<Row> {
    let lists = [orchestrators(), entities(), activities(), clients(), modules()];
    let events = [
        Row { name: "events flood one instance", attack: Attack::Events(150), outcome: Completed("well") },
        Row { name: "an entity signals itself for ever", attack: Attack::Chatter, outcome: GoesOn },
    ];
    lists.into_iter().flatten().chain(events).collect()
}

fn started(rows: &[(&'static str, &'static str, Outcome)]) -> Vec<Row> {
    let row = |(name, input, outcome): &(&'static str, &'static str, Outcome)| Row {
        name,
        attack: Attack::Orchestration { function: "Misbehaving", input },
        outcome: *outcome,
    };
    rows.iter().map(row).collect()
}

fn orchestrators() -> Vec<Row> {
    let mut rows = started(&[
        ("an orchestrator loops", "spin", Parked("did not return within 1000 ms")),
        ("an orchestrator eats memory", "eat memory", Parked("memory")),
        ("an orchestrator recurses for ever", "recurse", Parked("trapped")),
        ("an orchestrator panics", "panic", Parked("this orchestrator panics")),
        ("an orchestrator aborts", "abort", Parked("trapped")),
        ("an orchestrator's output is not JSON", "not JSON", Parked("broke the contract")),
        ("an activity's input is not JSON", "bad activity input", Parked("broke the contract: commands[1]")),
        ("an orchestrator signals no entity", "bad entity", Failed("entity name 'a@b'")),
        ("an orchestrator asks for 100001 things", "flood commands", Failed("at most 100000 are taken")),
        ("an orchestrator's status is huge", "long status", Failed("at most 16384 are taken")),
        ("an orchestrator's output is huge", "huge output", Failed("the output has 2097154 bytes; at most 1000000")),
        ("an orchestrator's output is deep", "deep output", Failed("101 arrays and objects")),
        ("an orchestrator's output is beyond floats", "output beyond floats", Failed("the output contains the number 1e400")),
        ("an activity's input is beyond floats", "input beyond floats", Failed("the activity's input contains the number 1e400")),
        ("an orchestrator's status has half a character", "half a character", Failed("the custom status contains the escape")),
        ("an activity's input is huge", "huge input", Failed("commands[0]: the activity's input has 2097154 bytes")),
        ("an event's name is long", "long name", Failed("has 300 characters; at most 256")),
        ("an orchestrator's error is huge", "huge error", Failed("[cut: 2097152 bytes in all]")),
        ("an orchestrator floods the log", "flood log", Completed("null")),
        ("an orchestrator cancels tasks that are not there", "unknown tasks", Completed("well")),
        ("an orchestrator starts one child twice", "twins", Completed("well")),
        ("an orchestrator starts itself for ever", "breed", Completed("well")),
        ("an orchestrator continues as new for ever", "continue for ever", GoesOn),
        ("an orchestrator raises events for itself for ever", "talk to itself", Failed("the history has 100 turns")),
        ("an orchestrator makes timers for ever", "tick for ever", Failed("the history has 100 turns")),
        ("an orchestrator hoards tasks", "hoard tasks", Failed("20000 are open; at most 20000 may be")),
        ("an orchestrator makes 20000 timers at once", "many timers", Completed("well")),
        ("an orchestrator locks 1000 entities", "lock many", Failed("of 1000 entities; at most 100")),
    ]);
    let outcome = Parked("replay does not match the history");
    rows.push(Row { name: "an orchestrator replays differently", attack: Attack::AfterGo("replayed differently"), outcome });
    rows.push(Row { name: "an orchestrator panics later", attack: Attack::AfterGo("panic"), outcome: Parked("trapped") });
    rows
}

fn entities() -> Vec<Row> {
    started(&[
        ("an entity loops", "ask entity spin", Completed("EntityStopped")),
        ("an entity eats memory", "ask entity eat memory", Completed("EntityStopped")),
        ("an entity recurses for ever", "ask entity recurse", Completed("EntityStopped")),
        ("an entity panics", "ask entity panic", Completed("EntityStopped")),
        ("an entity returns too few results", "ask entity too few results", Completed("EntityStopped")),
        ("an entity returns too many results", "ask entity too many results", Completed("EntityStopped")),
        ("an entity's result is not JSON", "ask entity bad result", Completed("EntityStopped")),
        ("an entity's state is not JSON", "ask entity bad state", Completed("EntityStopped")),
        ("an entity's state is huge", "ask entity huge state", Completed("PayloadTooLarge")),
        ("an entity's state is deep", "ask entity deep state", Completed("PayloadTooDeep")),
        ("an entity's state has half a character", "ask entity half a character", Completed("PayloadNotPortable")),
        ("an entity's result is beyond floats", "ask entity result beyond floats", Completed("PayloadNotPortable")),
        ("an entity's result is huge", "ask entity huge result", Completed("PayloadTooLarge")),
        ("an entity's error is huge", "ask entity huge error", Completed("Deliberate of 65")),
        ("an entity signals no entity", "ask entity bad signal", Completed("EntityStopped")),
        ("an entity floods the log", "ask entity flood log", Completed("flooded")),
    ])
}

fn activities() -> Vec<Row> {
    started(&[
        ("an activity loops", "ask activity spin", Completed("Timeout")),
        ("an activity loops with little time", "ask hasty spin", Completed("Timeout")),
        ("an activity sleeps for an hour", "ask activity sleep", Completed("Timeout")),
        ("an activity eats memory", "ask activity eat memory", Completed("OutOfMemory")),
        ("an activity recurses for ever", "ask activity recurse", Completed("Trap")),
        ("an activity panics", "ask activity panic", Completed("Trap")),
        ("an activity's output is not JSON", "ask activity not JSON", Completed("Protocol")),
        ("an activity's output is huge", "ask activity huge output", Completed("PayloadTooLarge")),
        ("an activity's output is deep", "ask activity deep output", Completed("PayloadTooDeep")),
        ("an activity's output is beyond floats", "ask activity output beyond floats", Completed("PayloadNotPortable")),
        ("an activity's error is huge", "ask activity huge error", Completed("Huge of 65")),
        ("an activity floods the log", "ask activity flood log", Completed("flooded")),
        ("an activity keeps header fields", "ask activity keep-fields", Completed("TooManyResources")),
        ("an activity keeps pollables", "ask activity keep-pollables", Completed("TooManyResources")),
        ("an activity keeps bodies half written", "ask activity keep-bodies", Completed("TooManyResources")),
        ("an activity's header fields have no end", "ask activity endless-fields", Completed("TooManyResources")),
        ("an activity asks for 64 MiB of chance", "ask activity much-chance", Completed("Trap")),
        ("an activity names a method of a MiB", "ask activity long-method", Completed("10")),
        ("an activity logs one line of 16 MiB", "ask activity one long line", Completed("said")),
        ("an activity's line would be two", "ask activity forge a line", Completed("said")),
        ("an activity dials where it must not and reads nothing", "ask activity dial", Completed("")),
    ])
}

fn clients() -> Vec<Row> {
    let rows = [
        ("a client panics", "panic", Answered(500, "MisbehavingClient")),
        ("a client does not answer", "silent", Answered(500, "MisbehavingClient")),
        ("a client loops", "spin", Answered(504, "MisbehavingClient")),
        ("a client eats memory", "eat-memory", Answered(500, "MisbehavingClient")),
        ("a client panics in its answer", "panic-in-body", CutOff),
        ("a client loops in its answer", "half-and-hang", CutOff),
        ("a client's status is none", "bad-status", Answered(200, "4")),
        ("a client's status promises another answer", "switch-protocols", Answered(500, "MisbehavingClient")),
        ("a client's headers are huge", "huge-headers", Answered(500, "MisbehavingClient")),
        ("a client keeps header fields", "keep-fields", Answered(500, "keeps more than the host holds")),
        ("a client keeps many empty fields", "keep-empty-fields", Answered(500, "keeps more than the host holds")),
        ("a client keeps copies of fields", "keep-copied-fields", Answered(500, "keeps more than the host holds")),
        ("a client keeps output streams", "keep-streams", Answered(500, "keeps more than the host holds")),
        ("a client sets one field many times", "many-values", Answered(500, "keeps more than the host holds")),
        ("a client asks for 64 MiB of chance", "much-chance", Answered(500, "MisbehavingClient")),
        ("a client waits for one thing 50000 times", "poll-one-often", Answered(500, "MisbehavingClient")),
        ("a client starts with bad inputs", "bad-start", Answered(200, "[true, true, true]")),
    ];
    rows.into_iter().map(|(name, what, outcome)| Row { name, attack: Attack::Client(what), outcome }).collect()
}

fn modules() -> Vec<Row> {
    let rows = [
        ("a module that behaves", "ModuleGood", Completed("well")),
        ("a module runs into unreachable", "ModuleUnreachable", Parked("unreachable")),
        ("a module divides by zero", "ModuleDividesByZero", Parked("divide by zero")),
        ("a module reads beyond its memory", "ModuleReadsBeyondItsMemory", Parked("out of bounds")),
        ("a module calls an empty place of its table", "ModuleCallsNothing", Parked("uninitialized element")),
        ("a module calls itself for ever", "ModuleCallsItselfForEver", Parked("call stack exhausted")),
        ("a module loops", "ModuleLoops", Parked("did not return within")),
        ("a module loops when it is made", "ModuleLoopsAtOnce", Parked("did not return within")),
        ("a module grows its table for ever", "ModuleGrowsItsTable", Parked("did not return within")),
        ("a module grows its memory for ever", "ModuleGrowsItsMemory", Parked("did not return within")),
        ("a module returns no turn", "ModuleReturnsNoTurn", Parked("trapped")),
        ("a module returns an odd address", "ModuleReturnsAnOddAddress", Parked("trapped")),
        ("a module's output is no text", "ModuleOutputIsNoText", Parked("utf-8")),
        ("a module's output is beyond its memory", "ModuleOutputIsBeyondItsMemory", Parked("trapped")),
        ("a module allocates nowhere", "ModuleAllocatesNowhere", Parked("trapped")),
    ];
    let row = |(name, function, outcome)| Row { name, attack: Attack::Orchestration { function, input: "behave" }, outcome };
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_many_broken_guests_and_each_has_a_name_of_its_own() {
        assert!(broken().len() >= 70, "{}", broken().len());
        // Honest ones run beside them.
        let rows = [broken(), honest()].concat();
        let names: HashSet<_> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows.len());
    }
}
