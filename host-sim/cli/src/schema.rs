//! `fingerpost schema`: the JSON Schemas of the files that people write for us, for editors.

use std::io::Write;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::failure::Failure;

/// Every schema: its name, what it describes, and its text.
const SCHEMAS: &[(&str, &str, &str)] = &[
    (
        "test",
        "Tests for `fingerpost test`: *.test.yaml",
        fingerpost_testing::SCHEMA,
    ),
    (
        "settings",
        "Settings for a folder: fingerpost.yaml",
        fingerpost_settings::SCHEMA,
    ),
    (
        "filter",
        "Configuration of the filters in Envoy: `config` in routing.json",
        fingerpost_routing_config::SCHEMA,
    ),
];

/// Print the JSON Schema of a file, for editors
///
/// To let an editor with the YAML language server check a file, save the schema and name it in the file's first line:
/// `# yaml-language-server: $schema=test.schema.json`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which file; without it, the names are listed
    #[arg(value_parser = names())]
    name: Option<String>,
}

impl Schema {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let Some(wanted) = &self.name else {
            let mut out = fingerpost_terminal::screen::stdout();
            for (name, about, _) in SCHEMAS {
                writeln!(out, "{name:<10}{about}")?;
            }
            return Ok(out.flush()?);
        };
        let mut out = fingerpost_terminal::screen::json_stdout();
        for (.., text) in SCHEMAS.iter().filter(|(name, ..)| name == wanted) {
            out.write_all(text.as_bytes())?;
        }
        Ok(out.flush()?)
    }
}

fn names() -> PossibleValuesParser {
    let values = SCHEMAS
        .iter()
        .map(|(name, about, _)| PossibleValue::new(*name).help(*about));
    values.collect::<Vec<_>>().into()
}
