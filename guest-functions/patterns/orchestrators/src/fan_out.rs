//! Fan-out and fan-in: many activities at the same time, then one result from all of theirs.

use longhaul::{Context, Failure, join_all, map_bounded};

/// Counts the words of all texts, in parallel, and adds them up.
#[longhaul::orchestrator(export = false)]
pub async fn word_count(ctx: Context, texts: Vec<String>) -> Result<u64, Failure> {
    let counts = join_all(texts.iter().map(|text| ctx.call_activity::<u64>("CountWords", text))).await;
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(counts.iter().sum())
}

/// Most texts counted at a time by [`gentle_word_count`].
const AT_A_TIME: usize = 4;

/// The same for a system that must not be overrun: the next text is begun when one of those before it is done.
#[longhaul::orchestrator(export = false)]
pub async fn gentle_word_count(ctx: Context, texts: Vec<String>) -> Result<u64, Failure> {
    let counts = map_bounded(AT_A_TIME, texts, |text| ctx.call_activity::<u64>("CountWords", &text)).await;
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

    #[test]
    fn a_bounded_count_counts_every_text_once() {
        let texts = ["a b"; 20];
        let bounded = Orchestration::new::<gentle_word_count>().input(&texts).real_activity::<count_words>().run();
        assert_eq!(bounded.output(), Ok(40_u64));
        assert_eq!(bounded.commands().len(), 20);
        bounded.check_replay().unwrap();
    }
}
