//! What a key opens.

use std::fmt;
use std::str::FromStr;

use super::key::KeyKind;

/// How a scope for one function is written, before the function's name.
const FUNCTION: &str = "function:";
/// Longest name of a key or function, characters.
const MAX_NAME_CHARS: usize = 128;

/// What a key opens. Written `admin`, `system`, `functions`, or `function:` and a function's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    Admin,
    /// The management routes, which Azure calls the webhooks of the durable extension.
    System,
    /// Every client function that asks for a function's key.
    Functions,
    /// One client function, by its name in lower case.
    Function(String),
}

impl Scope {
    /// How its keys begin.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Admin => KeyKind::Admin,
            Self::System => KeyKind::System,
            Self::Functions | Self::Function(_) => KeyKind::Function,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => formatter.write_str("admin"),
            Self::System => formatter.write_str("system"),
            Self::Functions => formatter.write_str("functions"),
            Self::Function(name) => write!(formatter, "{FUNCTION}{name}"),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "admin" => Ok(Self::Admin),
            "system" => Ok(Self::System),
            "functions" => Ok(Self::Functions),
            _ => match lower.strip_prefix(FUNCTION).filter(|name| is_name(name)) {
                Some(name) => Ok(Self::Function(name.to_owned())),
                None => Err(format!("'{text}' is no scope; scopes are admin, system, functions, and function:NAME for one function")),
            },
        }
    }
}

/// Whether a text can name a key or a function: letters, digits, `-` and `_`, at most 128 of them.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_CHARS && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in [Scope::Admin, Scope::System, Scope::Functions, Scope::Function("http-start".into())] {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert_eq!("Function:HttpStart".parse(), Ok(Scope::Function("httpstart".into())));
        for bad in ["", "function", "function:", "function:a b", "master"] {
            assert!(bad.parse::<Scope>().unwrap_err().contains("function:NAME"), "{bad}");
        }
    }
}
