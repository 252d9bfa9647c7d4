//! The list of functions that people see when a host starts and after each deployment, in the form that `func` made familiar.

use std::fmt::Write;

use super::manifest::{FunctionEntry, Kind};

/// Every function with its URL or trigger: clients first, then the others, each in the manifest's order.
///
/// `origin` is where the host is reached, such as `http://127.0.0.1:7071`.
pub fn listing(functions: &[FunctionEntry], origin: &str) -> String {
    let (clients, others): (Vec<_>, Vec<_>) = functions.iter().partition(|function| function.kind == Kind::Client);
    let mut text = String::from("\nFunctions:\n");
    for function in clients.into_iter().chain(others) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n        {}: {}\n", function.name, trigger(function, origin));
    }
    text
}

/// The URL of a client with its methods, or what starts a function of another kind.
fn trigger(function: &FunctionEntry, origin: &str) -> String {
    match function.kind {
        Kind::Client => {
            let methods: Vec<&str> = function.methods.iter().map(|method| method.as_str()).collect();
            let route = function.route.as_deref().unwrap_or(&function.name);
            format!("[{}] {origin}/api/{route}", methods.join(","))
        }
        Kind::Orchestrator => "orchestrationTrigger".into(),
        Kind::Activity => "activityTrigger".into(),
        Kind::Entity => "entityTrigger".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn clients_show_their_url_and_others_their_trigger() {
        let text = "[app]\nname = \"a\"\n\
            [[function]]\nname = \"Main\"\nkind = \"orchestrator\"\ncomponent = \"a.wasm\"\n\
            [[function]]\nname = \"Call\"\nkind = \"activity\"\ncomponent = \"b.wasm\"\n\
            [[function]]\nname = \"Counter\"\nkind = \"entity\"\ncomponent = \"c.wasm\"\n\
            [[function]]\nname = \"Start\"\nkind = \"client\"\ncomponent = \"d.wasm\"\nroute = \"begin\"\n";
        let manifest = Manifest::parse(text).unwrap();
        let expected = "\nFunctions:\n\
            \n        Start: [GET,POST] http://127.0.0.1:7071/api/begin\n\
            \n        Main: orchestrationTrigger\n\
            \n        Call: activityTrigger\n\
            \n        Counter: entityTrigger\n";
        assert_eq!(listing(&manifest.functions, "http://127.0.0.1:7071"), expected);
    }
}
