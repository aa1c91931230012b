//! One rule: a code, what it means, and an example.

use std::fmt;

use fingerpost_resources::{Code, Severity};

use crate::example::{Command, Example};

/// What a code means.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The code.
    pub code: Code,
    /// How grave it is without `--strict`. Some codes are graver or milder in places that their text names.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub title: &'static str,
    /// Why it matters: what Istio and Envoy do.
    pub why: &'static str,
    /// An input that has the finding, and its fix. None where no short text can show it.
    pub example: Option<Example>,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile => f.write_str("fingerpost compile"),
            Self::Explain { url, header: "" } => write!(f, "fingerpost explain {url}"),
            Self::Explain { url, header } => write!(f, "fingerpost explain {url} -H '{header}'"),
            Self::Test => f.write_str("fingerpost test"),
            Self::TestWithoutGateway => f.write_str("fingerpost test --no-gateway"),
        }
    }
}
