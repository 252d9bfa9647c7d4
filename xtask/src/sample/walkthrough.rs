//! The commands that show what the sample does. They work by copy and paste in any POSIX shell with curl.

use super::endpoint::Endpoint;
use crate::progress::headline;

/// Prints the walk-through.
pub fn print(host: &Endpoint, job_api: &Endpoint) {
    headline("Try it, in another terminal");
    // The only text on standard output, so that it can be kept: `cargo xtask sample > walkthrough.txt`.
    println!("{}", text(&host.url(), &job_api.url()));
}

fn text(host: &str, job_api: &str) -> String {
    format!(
        r#"
# 1. Start an orchestration. Without -d it waits 60 s per attempt, for 5 attempts.
START=$(curl -s -X POST {host}/api/HttpStartClient -H 'content-type: application/json' -d '{{"timeoutSeconds": 30, "maxAttempts": 3}}'); echo "$START"

# 2. Keep its id and the addresses to follow it and to call it back.
ID=$(echo "$START" | sed -nE 's/.*"id": ?"([^"]*)".*/\1/p')
STATUS=$(echo "$START" | sed -nE 's/.*"statusQueryGetUri": ?"([^"]*)".*/\1/p')
CALLBACK=$(echo "$START" | sed -nE 's/.*"sendEventPostUri": ?"([^"]*)".*/\1/p' | sed 's/{{eventName}}/Callback/')

# 3. Follow it: 202 while it runs, 200 with the output at the end.
curl -i "$STATUS"

# 4. Watch the attempts grow in their entity, at any time.
curl -s "{host}/api/HttpAttemptCounterEntityClient?instanceid=$ID"

# 5. Be the external system: call back with true within 30 s, and the orchestration completes (false: it tries again).
curl -i -X POST "$CALLBACK" -H 'content-type: application/json' -d true

# 6. Or leave it alone: after 3 attempts it ends as TimedOut. Or let every request to the job API fail:
curl -s -X POST {host}/api/HttpStartClient -H 'content-type: application/json' -d '{{"timeoutSeconds": 10, "maxAttempts": 2, "errorLikelihoodPercentage": 100}}'

# The external system itself, at {job_api}:
curl -i -X POST {job_api}/api/Job -H 'content-type: application/json' -d '{{"returnError": false, "callbackUri": "http://localhost/unused"}}'

# 7. Kill the host (kill -9) while an attempt waits and run the sample again: it goes on where it was."#
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs the lines of step 2 in a real shell, on a start answer as the host gives it.
    fn extracted(answer: &str) -> String {
        let script = text("http://localhost:7071", "http://localhost:5000");
        let step = script.split("\n\n").find(|part| part.contains("# 2.")).expect("there is a step 2").to_owned();
        let mut shell = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut input = shell.stdin.take().expect("it is piped");
        write!(input, "START='{answer}'\n{step}\necho \"$ID $STATUS $CALLBACK\"\n").expect("the shell reads");
        drop(input);
        String::from_utf8(shell.wait_with_output().expect("it ends").stdout).expect("text")
    }

    const COMPACT: &str = r#"{"id":"abc","statusQueryGetUri":"http://h/instances/abc?code=k","sendEventPostUri":"http://h/abc/raiseEvent/{eventName}?code=k","purgeHistoryDeleteUri":"http://h/p"}"#;
    const EXPECTED: &str = "abc http://h/instances/abc?code=k http://h/abc/raiseEvent/Callback?code=k\n";

    #[test]
    fn the_shell_lines_find_id_and_addresses_in_the_answer() {
        assert_eq!(extracted(COMPACT), EXPECTED);
    }

    #[test]
    fn the_shell_lines_also_read_an_indented_answer() {
        let indented =
            COMPACT.replace(",\"", ",\n  \"").replace("\":\"", "\": \"").replace('{', "{\n  ").replace("{\n  eventName", "{eventName");
        assert_eq!(extracted(&indented), EXPECTED);
    }
}
