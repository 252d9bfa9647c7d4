//! Programs made up by chance.

use std::collections::HashMap;

use super::Step;
use crate::orchestration::tests::programs::Dice;

/// Makes programs up.
pub(super) struct Author {
    dice: Dice,
    next_activity: u32,
    failures: HashMap<String, u32>,
}

impl Author {
    /// A program, and how often each of its activities fails.
    pub(super) fn program(seed: u64) -> (Vec<Step>, HashMap<String, u32>) {
        let mut author = Self { dice: Dice::new(seed), next_activity: 0, failures: HashMap::new() };
        (author.steps(3, true, false), author.failures)
    }

    fn activity(&mut self, prefix: &str) -> (String, bool) {
        self.next_activity += 1;
        let name = format!("{prefix}{}", self.next_activity);
        let failures = self.dice.roll(3).saturating_sub(self.dice.roll(2)) as u32;
        self.failures.insert(name.clone(), failures);
        (name, self.dice.roll(4) == 0)
    }

    fn steps(&mut self, depth: u32, events: bool, in_section: bool) -> Vec<Step> {
        (0..1 + self.dice.roll(3)).map(|_| self.step(depth, events, in_section)).collect()
    }

    fn step(&mut self, depth: u32, events: bool, in_section: bool) -> Step {
        let key = self.dice.pick(&["a", "b"]).to_owned();
        match self.dice.roll(11) {
            0 => Step::Sleep(self.dice.roll(2_000)),
            1 if events => Step::Event,
            2 if depth > 0 && !in_section => {
                Step::Children((0..1 + self.dice.roll(3)).map(|_| self.steps(depth - 1, false, false)).collect())
            }
            3 if depth > 0 && !in_section => Step::Section(key, self.steps(depth - 1, events, true)),
            4 if !in_section => Step::Add(key),
            5 if in_section => Step::Add("z".into()),
            6 => Step::Signal("s".into()),
            7 if depth > 0 => {
                let steps = self.steps(depth - 1, events, in_section);
                Step::Rescue(steps, vec![Step::All(vec![self.activity("rescue "), self.activity("rescue ")])])
            }
            _ => Step::All((0..1 + self.dice.roll(3)).map(|_| self.activity("a ")).collect()),
        }
    }
}
