//! One bad input and the right answer to it.

use std::path::Path;

/// A row of the catalogue.
pub struct Row {
    /// What is bad, in words; no two rows have the same.
    pub name: String,
    /// What is sent or run.
    pub input: Input,
    /// What has to come of it.
    pub answer: Answer,
}

/// What is sent or run.
pub enum Input {
    /// Bytes on a connection that stays open until the answer is there.
    Bytes(Vec<u8>),
    /// Bytes, after which the client says that no more will come.
    CutOff(Vec<u8>),
    /// The program with these arguments, in a folder that `prepare` filled. `{folder}`, `{host}` and `{data}` stand for that folder, and
    /// for the address and the data folder of the host under test.
    Command {
        /// Fills the folder.
        prepare: Prepare,
        /// The command line.
        arguments: Vec<String>,
    },
}

/// Fills the folder of a command.
pub type Prepare = Box<dyn Fn(&Path) + Send + Sync>;

/// What has to come of it.
pub enum Answer {
    /// One of these statuses, and a body that contains the text in any case; an empty text is in every body.
    Status(Vec<u16>, &'static str),
    /// No answer: the connection is closed.
    Closed,
    /// The program fails, and its error output contains the text.
    Fails(&'static str),
}

/// A row about bytes on a connection.
pub fn bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>, status: u16) -> Row {
    Row { name: name.into(), input: Input::Bytes(bytes.into()), answer: Answer::Status(vec![status], "") }
}

impl Row {
    /// The same, with an answer that says so much at least.
    pub fn saying(mut self, text: &'static str) -> Self {
        if let Answer::Status(_, said) = &mut self.answer {
            *said = text;
        }
        self
    }

    /// The same, with another answer.
    pub fn answered(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }
}

/// Stands in a row's bytes for the administrator's key of the host under test.
pub const ADMIN_KEY: &str = "lha_the-key-for-administration-of-the-host-under-test-stands-here";

/// A whole request with a length and a host, as a well-behaved client writes it.
pub fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let key = if path.starts_with("/admin/") { format!("x-functions-key: {ADMIN_KEY}\r\n") } else { String::new() };
    let content_type = if content_type.is_empty() { String::new() } else { format!("content-type: {content_type}\r\n") };
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{key}{content_type}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The path of a management route.
pub fn manage(path: &str) -> String {
    format!("/runtime/webhooks/durabletask{path}")
}
