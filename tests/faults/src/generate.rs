//! Random programs.

use interpreter_programs::Step;

use seeded::Random;

/// The accounts that all programs share, so that they get in each other's way.
pub const ACCOUNTS: [&str; 4] = ["north", "east", "south", "west"];
/// Bytes of the inputs of [`Step::Big`].
const BIG_BYTES: usize = 100_000;
/// Most steps of a program that no other program calls.
const MAX_STEPS: u64 = 9;
/// Most steps of a child's program.
const MAX_CHILD_STEPS: u64 = 4;
/// How far children may have children.
const MAX_DEPTH: u32 = 2;

/// Makes up a program.
pub fn program(random: &mut Random) -> Vec<Step> {
    Generator { random, token: 0 }.steps(0)
}

struct Generator<'a> {
    random: &'a mut Random,
    /// The latest token. They are never used twice in one program, its children included.
    token: u32,
}

impl Generator<'_> {
    fn steps(&mut self, depth: u32) -> Vec<Step> {
        let most = if depth == 0 { MAX_STEPS } else { MAX_CHILD_STEPS };
        (0..self.random.within(1, most + 1)).map(|index| self.step(index, depth)).collect()
    }

    fn step(&mut self, index: u64, depth: u32) -> Step {
        match self.random.within(0, 100) {
            0..14 => Step::Activity { token: self.token() },
            14..22 => Step::FanOut { tokens: (0..self.random.within(2, 9)).map(|_| self.token()).collect() },
            22..27 => Step::Big { token: self.token(), bytes: BIG_BYTES },
            27..35 => self.flaky(),
            35..38 => Step::Abandon { token: self.token() },
            38..46 if depth < MAX_DEPTH => Step::Child { steps: self.steps(depth + 1) },
            38..46 => Step::Activity { token: self.token() },
            46..52 => Step::Converse { number: self.token() },
            52..64 => Step::Collect { event: format!("go-{index}"), count: self.random.within(1, 4) as usize },
            64..71 => Step::Timer { ms: self.random.within(1, 400) },
            71..77 => Step::Signal { account: self.account(), amount: self.random.within(1, 1_000) },
            77..82 => Step::Deposit { account: self.account(), amount: self.random.within(1, 1_000) },
            82..91 => self.transfer(),
            91..95 => Step::Status { text: format!("after {index}") },
            _ => Step::Renew,
        }
    }

    /// Half of them succeed in the end. Those have attempts to spare, for what fails without being told to.
    fn flaky(&mut self) -> Step {
        let failures = self.random.within(1, 4) as u32;
        let attempts = if self.random.percent(50) { failures } else { failures + 50 };
        Step::Flaky { token: self.token(), failures, attempts }
    }

    fn transfer(&mut self) -> Step {
        let from = self.random.within(0, ACCOUNTS.len() as u64) as usize;
        let to = (from + self.random.within(1, ACCOUNTS.len() as u64) as usize) % ACCOUNTS.len();
        Step::Transfer { from: ACCOUNTS[from].to_owned(), to: ACCOUNTS[to].to_owned(), amount: self.random.within(1, 100) }
    }

    fn account(&mut self) -> String {
        (*self.random.choose(&ACCOUNTS)).to_owned()
    }

    fn token(&mut self) -> u32 {
        self.token += 1;
        self.token
    }
}
