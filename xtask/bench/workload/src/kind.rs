//! What the rules of a table look at.

use std::fmt;
use std::str::FromStr;

/// What the rules of a table look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Each rule has its own exact path.
    Exact,
    /// Each rule has its own prefix of the path.
    Prefix,
    /// Each rule has its own regular expression for the path.
    Regex,
    /// Each rule has its own value of one header.
    Header,
    /// Each rule is a VirtualService with its own host.
    Hosts,
    /// Conditions and policies in the proportions of real files, on one host.
    Mix,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 6] = [
        Self::Exact,
        Self::Prefix,
        Self::Regex,
        Self::Header,
        Self::Hosts,
        Self::Mix,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Regex => "regex",
            Self::Header => "header",
            Self::Hosts => "hosts",
            Self::Mix => "mix",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == text);
        kind.ok_or_else(|| format!("unknown kind `{text}`: expected one of {}", names()))
    }
}

fn names() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert!(
            "glob"
                .parse::<Kind>()
                .is_err_and(|it| it.contains("exact, prefix"))
        );
    }
}
