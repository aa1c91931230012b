//! Findings that are not shown: all with a code, or those of one file or folder.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use fingerpost_resources::{Code, closest};

/// A finding that is not shown: `unknown-host`, or `unknown-host:legacy/` for one file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredFinding {
    /// Its code.
    pub code: Code,
    /// The file, or the folder around it; none for every file.
    pub path: Option<PathBuf>,
}

impl IgnoredFinding {
    /// Whether it is meant. Both paths must be written from the same folder.
    pub fn holds(&self, code: Code, file: Option<&Path>) -> bool {
        let is_there = |path: &PathBuf| file.is_some_and(|it| it.starts_with(path));
        self.code == code && self.path.as_ref().is_none_or(is_there)
    }
}

impl fmt::Display for IgnoredFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}:{}", self.code, path.display()),
            None => self.code.fmt(f),
        }
    }
}

/// There is no finding with this code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidIgnoredFinding {
    code: String,
}

impl fmt::Display for InvalidIgnoredFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no finding has the code `{}`", self.code)?;
        let codes = Code::ALL.iter().map(|it| it.as_str());
        match closest(&self.code, codes) {
            Some(near) => write!(f, ": did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for InvalidIgnoredFinding {}

impl FromStr for IgnoredFinding {
    type Err = InvalidIgnoredFinding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, path) = match text.split_once(':') {
            Some((code, path)) => (code, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let invalid = |_| InvalidIgnoredFinding {
            code: code.to_owned(),
        };
        Ok(Self {
            code: code.parse().map_err(invalid)?,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_a_code_or_for_a_code_in_a_folder() {
        let everywhere: IgnoredFinding = "unknown-host".parse().expect("a code");
        let below: IgnoredFinding = "unknown-host:legacy/".parse().expect("a code and a folder");
        for (file, is_everywhere, is_below) in [
            (Some("legacy/a.yaml"), true, true),
            (Some("legacy-2/a.yaml"), true, false),
            (None, true, false),
        ] {
            let file = file.map(Path::new);
            assert_eq!(everywhere.holds(Code::UnknownHost, file), is_everywhere);
            assert_eq!(below.holds(Code::UnknownHost, file), is_below, "{file:?}");
            assert!(!everywhere.holds(Code::Syntax, file));
        }
    }

    #[test]
    fn an_unknown_code_gets_the_nearest_one() {
        let error = "unknown-hosts"
            .parse::<IgnoredFinding>()
            .expect_err("no such code");
        assert_eq!(
            error.to_string(),
            "no finding has the code `unknown-hosts`: did you mean `unknown-host`?"
        );
    }
}
