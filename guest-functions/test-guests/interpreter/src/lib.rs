//! An orchestrator that runs programs given as data, so that a harness can make up orchestrations at random.

use std::time::Duration;

use interpreter_programs::{Job, PING, Program, Receipt, Step, child_id, partner, pong};
use longhaul::{ActivityCall, Context, EntityId, Failure, RetryPolicy, join_all};
use serde_json::{Value, json};

/// For what nobody told to fail: a host that was paused finds its requests timed out.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Runs a program and returns what its steps gave.
#[longhaul::orchestrator]
pub async fn interpreter(ctx: Context, program: Program) -> Result<Vec<Value>, Failure> {
    let Program { ledger, steps, mut done } = program;
    let mut run = Run { ctx, ledger, abandoned: Vec::new() };
    let mut steps = steps.into_iter();
    while let Some(step) = steps.next() {
        if step == Step::Renew {
            done.push(Value::Null);
            run.ctx.continue_as_new(&Program { ledger: run.ledger, steps: steps.collect(), done });
            return Ok(Vec::new());
        }
        done.push(run.step(step, done.len()).await?);
    }
    Ok(done)
}

struct Run {
    ctx: Context,
    ledger: String,
    /// Calls that stay open until the execution ends.
    abandoned: Vec<ActivityCall<Receipt>>,
}

impl Run {
    async fn step(&mut self, step: Step, index: usize) -> Result<Value, Failure> {
        let ctx = &self.ctx;
        Ok(match step {
            Step::Activity { token } => json!(self.report(token, 0, TRIES, String::new()).await?.answer),
            Step::FanOut { tokens } => {
                let receipts = join_all(tokens.into_iter().map(|token| self.report(token, 0, TRIES, String::new()))).await;
                json!(receipts.into_iter().collect::<Result<Vec<_>, _>>()?.iter().map(|receipt| receipt.answer).sum::<u64>())
            }
            Step::Big { token, bytes } => self.big(token, bytes).await?,
            Step::Flaky { token, failures, attempts } => match self.report(token, failures, attempts, String::new()).await {
                Ok(receipt) => json!(receipt.answer),
                Err(failure) => json!(failure.to_string()),
            },
            Step::Abandon { token } => {
                let call = self.report(token, u32::MAX, u32::MAX, String::new());
                self.abandoned.push(call);
                // A call that is dropped in the turn that made it is never made.
                self.ctx.timer(PAUSE).await?;
                Value::Null
            }
            Step::Child { steps } => {
                let id = child_id(&ctx.instance_id(), index);
                ctx.call_orchestration("Interpreter", &self.program(steps)).instance_id(id).await?
            }
            Step::Converse { number } => {
                let id = child_id(&ctx.instance_id(), index);
                let program = self.program(partner(&ctx.instance_id(), index, number));
                ctx.start_orchestration("Interpreter", &program).instance_id(&id);
                ctx.raise_event(&id, PING, &number);
                ctx.wait_for_event(&pong(index)).await?
            }
            Step::Tell { instance, event, number } => {
                ctx.raise_event(&instance, &event, &number);
                Value::Null
            }
            Step::Collect { event, count } => {
                let mut payloads: Vec<Value> = Vec::new();
                for _ in 0..count {
                    payloads.push(ctx.wait_for_event(&event).await?);
                }
                json!(payloads)
            }
            Step::Timer { ms } => ctx.timer(Duration::from_millis(ms)).await.map(|()| Value::Null)?,
            Step::Signal { account: to, amount } => {
                ctx.signal_entity(&account(&to), "deposit", &amount);
                Value::Null
            }
            Step::Deposit { account: to, amount } => {
                ctx.call_entity::<u64>(&account(&to), "deposit", &amount).await?;
                Value::Null
            }
            Step::Transfer { from, to, amount } => self.transfer(&account(&from), &account(&to), amount).await?,
            Step::Status { text } => {
                ctx.set_custom_status(&text);
                Value::Null
            }
            Step::Renew => return Err(Failure::new("Mistake", "the program's loop carries this step out")),
        })
    }

    fn program(&self, steps: Vec<Step>) -> Program {
        Program { ledger: self.ledger.clone(), steps, done: Vec::new() }
    }

    fn report(&self, token: u32, failures: u32, attempts: u32, ballast: String) -> ActivityCall<Receipt> {
        let job = Job { ledger: self.ledger.clone(), token, failures, ballast };
        self.ctx.call_activity("Report", &job).retry(RetryPolicy::new(attempts, PAUSE))
    }

    async fn big(&self, token: u32, bytes: usize) -> Result<Value, Failure> {
        let ballast: String = ('a'..='z').cycle().skip(token as usize % 26).take(bytes).collect();
        let receipt = self.report(token, 0, TRIES, ballast.clone()).await?;
        if receipt.ballast != ballast {
            return Err(Failure::new("Damaged", format!("{} bytes came back for {bytes}, and not the same", receipt.ballast.len())));
        }
        Ok(json!(receipt.answer))
    }

    async fn transfer(&self, from: &EntityId, to: &EntityId, amount: u64) -> Result<Value, Failure> {
        let ctx = &self.ctx;
        let held = ctx.lock(&[from.clone(), to.clone()]).await?;
        let before = [ctx.call_entity::<u64>(from, "balance", &()).await?, ctx.call_entity(to, "balance", &()).await?];
        let after = [ctx.call_entity::<u64>(from, "withdraw", &amount).await?, ctx.call_entity(to, "deposit", &amount).await?];
        held.release();
        if after != [before[0] - amount, before[1] + amount] {
            return Err(Failure::new("Disturbed", format!("{before:?} became {after:?} when {amount} went over")));
        }
        Ok(json!(amount))
    }
}

fn account(key: &str) -> EntityId {
    EntityId::new("Account", key)
}
