//! One command of a case, and what must be true once it has ended.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, default_cache, validate};
use serde::Deserialize;
use serde_json::Value;

/// A command with its expectations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The arguments of `fingerpost`, split at blanks; a part in single quotes is one argument.
    command: String,
    /// The file that standard input is; without it, nothing.
    stdin: Option<PathBuf>,
    /// The folder that is the whole `PATH`, for stand-ins of other programs; without it, the machine's.
    path: Option<PathBuf>,
    /// Environment variables.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The folder to run in, below that of the case.
    folder: Option<PathBuf>,
    /// The exit code.
    exit: i32,
    /// Texts that standard output or standard error contains. Runs of white space count as one blank.
    #[serde(default)]
    says: Vec<String>,
    /// Texts that neither contains.
    #[serde(default)]
    never: Vec<String>,
    /// JSON that standard output (one JSON value) contains: see `holds`.
    #[serde(default)]
    json: Vec<Value>,
    /// JSON that `OUT/envoy.json` contains.
    #[serde(default)]
    bootstrap: Vec<Value>,
    /// JSON that `OUT/envoy.json` does not contain.
    #[serde(default)]
    bootstrap_never: Vec<Value>,
    /// JSON that other files contain, by their path.
    #[serde(default)]
    files: BTreeMap<String, Vec<Value>>,
    /// Whether a stock Envoy accepts `OUT/envoy.json`.
    envoy_accepts: Option<bool>,
}

impl Step {
    /// Runs the command in `folder`. The list has everything that was not as expected; an error is a broken case.
    pub(crate) fn run(&self, folder: &Path) -> Result<Vec<String>, String> {
        let stdin = match &self.stdin {
            Some(file) => File::open(folder.join(file))
                .map_err(|error| format!("{}: {error}", file.display()))?
                .into(),
            None => Stdio::null(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
        command
            .args(words(&self.command))
            .current_dir(
                self.folder
                    .as_ref()
                    .map_or(folder.to_owned(), |it| folder.join(it)),
            )
            .env("NO_COLOR", "1")
            .envs(&self.env)
            .stdin(stdin);
        if let Some(path) = &self.path {
            command.env("PATH", folder.join(path));
        }
        let output = command.output().map_err(|error| error.to_string())?;
        let said = said(&output);
        let mut failures = self.judge_text(&output, &said);
        failures.extend(self.judge_json(folder, &output)?);
        if !failures.is_empty() {
            failures.insert(0, format!("$ fingerpost {}\n{}", self.command, said.trim_end()));
        }
        Ok(failures)
    }

    fn judge_text(&self, output: &Output, said: &str) -> Vec<String> {
        let mut failures = Vec::new();
        if output.status.code() != Some(self.exit) {
            failures.push(format!("ended with {}, not with {}", output.status, self.exit));
        }
        let flat = flat(said);
        for text in self.says.iter().filter(|text| !flat.contains(&self::flat(text))) {
            failures.push(format!("does not say: {text}"));
        }
        for text in self.never.iter().filter(|text| flat.contains(&self::flat(text))) {
            failures.push(format!("says: {text}"));
        }
        failures
    }

    fn judge_json(&self, folder: &Path, output: &Output) -> Result<Vec<String>, String> {
        let mut failures = Vec::new();
        if !self.json.is_empty() {
            match serde_json::from_slice(&output.stdout) {
                Ok(printed) => failures.extend(missing("standard output", &printed, &self.json)),
                Err(error) => failures.push(format!("standard output is not JSON: {error}")),
            }
        }
        for (path, parts) in &self.files {
            match fs::read(folder.join(path)).map(|bytes| serde_json::from_slice(&bytes)) {
                Ok(Ok(whole)) => failures.extend(missing(path, &whole, parts)),
                Ok(Err(error)) => failures.push(format!("{path} is not JSON: {error}")),
                Err(error) => failures.push(format!("{path}: {error}")),
            }
        }
        let asks_of_bootstrap =
            !self.bootstrap.is_empty() || !self.bootstrap_never.is_empty() || self.envoy_accepts.is_some();
        if !asks_of_bootstrap {
            return Ok(failures);
        }
        let Ok(text) = fs::read_to_string(folder.join("OUT/envoy.json")) else {
            failures.push("OUT/envoy.json is missing".to_owned());
            return Ok(failures);
        };
        let bootstrap: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        failures.extend(missing("the bootstrap", &bootstrap, &self.bootstrap));
        for part in self.bootstrap_never.iter().filter(|part| holds(&bootstrap, part)) {
            failures.push(format!("the bootstrap has: {part}"));
        }
        if let Some(accepts) = self.envoy_accepts {
            failures.extend(ask_envoy(bootstrap, folder, accepts)?);
        }
        Ok(failures)
    }
}

fn ask_envoy(bootstrap: Value, folder: &Path, accepts: bool) -> Result<Option<String>, String> {
    let binary = EnvoyBinary::find(&default_cache()).map_err(|error| error.to_string())?;
    Ok(
        match (validate(&binary, &Bootstrap(bootstrap), folder), accepts) {
            (Ok(()), true) | (Err(_), false) => None,
            (Ok(()), false) => Some("Envoy accepts the bootstrap".to_owned()),
            (Err(error), true) => Some(format!("Envoy refuses the bootstrap: {error}")),
        },
    )
}

fn missing(whole_name: &str, whole: &Value, parts: &[Value]) -> Vec<String> {
    let missing = parts.iter().filter(|part| !holds(whole, part));
    missing
        .map(|part| format!("{whole_name} has no: {part}"))
        .collect()
}

/// Whether some value anywhere in `whole` contains `part`: an object with at least its fields, an array with at
/// least its items, else the same value.
fn holds(whole: &Value, part: &Value) -> bool {
    let inside = match whole {
        Value::Object(fields) => fields.values().any(|value| holds(value, part)),
        Value::Array(items) => items.iter().any(|item| holds(item, part)),
        _ => false,
    };
    inside || contains(whole, part)
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|value| contains(value, part))),
        (Value::Array(whole), Value::Array(part)) => {
            part.is_empty() == whole.is_empty()
                && part
                    .iter()
                    .all(|part| whole.iter().any(|item| contains(item, part)))
        }
        _ => whole == part,
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .join("\n")
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
