//! Fan-out and fan-in: many activities at the same time, then one result from all of theirs.

use longhaul::{Context, Failure, join_all};

/// Counts the words of all texts, in parallel, and adds them up.
#[longhaul::orchestrator(export = false)]
pub async fn word_count(ctx: Context, texts: Vec<String>) -> Result<u64, Failure> {
    let counts = join_all(texts.iter().map(|text| ctx.call_activity::<u64>("CountWords", text))).await;
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(counts.iter().sum())
}

#[cfg(test)]
mod tests {
    use longhaul::testing::Orchestration;
    use longhaul::turn::Command;
    use patterns_activities::count_words;

    use super::*;

    #[test]
    fn all_texts_are_counted_at_once() {
        let run = Orchestration::new::<word_count>().input(&["one two", "", "three"]).real_activity::<count_words>().run();
        assert_eq!(run.output(), Ok(3_u64));
        assert!(matches!(run.commands()[..], [Command::CallActivity { .. }, Command::CallActivity { .. }, Command::CallActivity { .. }]));
        run.check_replay().unwrap();
    }

    #[test]
    fn no_texts_have_no_words() {
        assert_eq!(Orchestration::new::<word_count>().input(&[""; 0]).run().output(), Ok(0_u64));
    }
}
