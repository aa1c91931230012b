//! The counts that a change is compared with, as the repository keeps them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The costs of all cases, and the compiler that they hold for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Baseline {
    /// The release of the compiler.
    pub(super) rustc: String,
    /// By the name of the case.
    pub(super) cases: BTreeMap<String, Cost>,
}

/// What a step cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Instructions of the program's own functions.
    pub(super) instructions: u64,
    /// How often it asked for memory.
    pub(super) allocations: u64,
    /// The instructions by function. The baseline has those that matter.
    pub(super) functions: BTreeMap<String, u64>,
}

impl Baseline {
    /// Reads the file.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let rustc = value["rustc"].as_str().ok_or("`rustc` is missing")?.to_owned();
        let cases = value["cases"].as_object().ok_or("`cases` is missing")?;
        let cases = cases.iter().map(|(name, case)| {
            let cost = Cost::parse(case).ok_or_else(|| format!("the case `{name}` is not complete"))?;
            Ok((name.clone(), cost))
        });
        Ok(Self {
            rustc,
            cases: cases.collect::<Result<_, String>>()?,
        })
    }

    /// The file.
    pub(super) fn to_json(&self) -> Result<String, String> {
        let cases: Map<String, Value> = self
            .cases
            .iter()
            .map(|(name, cost)| (name.clone(), cost.to_json()))
            .collect();
        let value = json!({"rustc": self.rustc, "cases": cases});
        let text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
        Ok(text + "\n")
    }
}

impl Cost {
    fn parse(value: &Value) -> Option<Self> {
        let functions = value["functions"].as_object()?.iter();
        Some(Self {
            instructions: value["instructions"].as_u64()?,
            allocations: value["allocations"].as_u64()?,
            functions: functions
                .map(|(name, cost)| Some((name.clone(), cost.as_u64()?)))
                .collect::<Option<_>>()?,
        })
    }

    /// Without the functions that make less than a fiftieth: they would change with every release of a dependency.
    fn to_json(&self) -> Value {
        let matter = self
            .functions
            .iter()
            .filter(|(_, cost)| *cost * 50 >= self.instructions);
        let functions: Map<String, Value> = matter.map(|(name, cost)| (name.clone(), json!(cost))).collect();
        json!({"instructions": self.instructions, "allocations": self.allocations, "functions": functions})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_can_be_read_back() {
        let cost = Cost {
            instructions: 1000,
            allocations: 3,
            functions: [("a::large".to_owned(), 990), ("a::small".to_owned(), 10)].into(),
        };
        let baseline = Baseline {
            rustc: "1.95.0".to_owned(),
            cases: [("decide exact 10".to_owned(), cost)].into(),
        };
        let read = Baseline::parse(&baseline.to_json().expect("JSON")).expect("what was written");
        assert_eq!(read.rustc, "1.95.0");
        let read = &read.cases["decide exact 10"];
        assert_eq!((read.instructions, read.allocations), (1000, 3));
        assert_eq!(read.functions, [("a::large".to_owned(), 990)].into());
    }

    #[test]
    fn what_is_not_a_baseline_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"rustc": "1"}"#,
            r#"{"rustc": "1", "cases": {"a": {}}}"#,
        ] {
            assert!(Baseline::parse(text).is_err(), "{text}");
        }
    }
}
