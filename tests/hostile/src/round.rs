//! One row after the other against one host.

use anyhow::{Context, bail, ensure};

use crate::command;
use crate::row::{Answer, Input, Row};
use crate::subject::Subject;
use crate::wire;

/// Runs the rows in order. Returns what was wrong, each with its row's name; a host that is gone ends the round.
pub async fn run(rows: &[Row]) -> Vec<String> {
    let mut subject = Subject::start().await;
    let mut wrong = Vec::new();
    for row in rows {
        if let Err(error) = one(&mut subject, row).await {
            wrong.push(format!("{}: {error:#}", row.name));
        }
    }
    wrong
}

async fn one(subject: &mut Subject, row: &Row) -> anyhow::Result<()> {
    let before = subject.state().await?;
    answered(subject, row).await?;
    let after = subject.state().await?;
    ensure!(before == after, "the state changed from\n{before}\nto\n{after}");
    subject.canary().await
}

async fn answered(subject: &Subject, row: &Row) -> anyhow::Result<()> {
    let (bytes, cut_off) = match (&row.input, &row.answer) {
        (Input::Bytes(bytes), _) => (bytes, false),
        (Input::CutOff(bytes), _) => (bytes, true),
        (Input::Command { prepare, arguments }, Answer::Fails(text)) => {
            return command::fails(subject.host(), prepare, arguments, text).await;
        }
        (Input::Command { .. }, Answer::Status(..) | Answer::Closed) => bail!("a command has no status"),
    };
    let bytes = subject.with_key(bytes);
    let received = wire::send(subject.socket(), &bytes, cut_off).await?;
    match &row.answer {
        Answer::Closed => ensure!(received.status.is_none(), "the answer is {received:?}, the connection should be closed"),
        Answer::Status(wanted, text) => {
            let status = received.status.with_context(|| format!("the connection was closed without an answer: {received:?}"))?;
            ensure!(wanted.contains(&status), "the answer is {received:?}, it should have status {wanted:?}");
            let says_so = received.text.to_lowercase().contains(&text.to_lowercase());
            ensure!(says_so, "the answer is {received:?}, it should say '{text}'");
        }
        Answer::Fails(_) => bail!("only a command fails"),
    }
    Ok(())
}
