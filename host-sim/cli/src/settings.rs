//! Settings from `fingerpost.yaml` and the environment, as the defaults of options.
//!
//! Which settings there are, and how they are written, is in the crate `settings`. Finds the file: in the working
//! folder or the nearest one above it, no higher than the root of a Git repository. A setting becomes the default value
//! of the option, so the option itself comes first, then the variable, then the file, then our own default.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use fingerpost_input_files::{read_file, shown, unreadable};
use fingerpost_resources::{Diagnostics, Source, Sources};
use fingerpost_settings::{FILE_NAME, Kind, SETTINGS, Values, from_variables, read};
use fingerpost_terminal::findings::{self, Detail};
use fingerpost_terminal::messages::note;

use crate::failure::{Failure, answered_in_json};

/// The settings that hold here.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// From the file, overridden by the environment.
    values: Values,
    /// The file, from the working folder.
    file: Option<PathBuf>,
}

/// Settings that can't be used.
pub(crate) enum Unusable {
    /// The file has errors.
    File(Diagnostics, Sources),
    /// The file can't be opened, or a variable can't be read.
    Other(Failure),
}

impl Unusable {
    /// Shows what is wrong with the file, as JSON too where that is the format of the answer.
    pub(crate) fn report(self) -> Failure {
        match self {
            Self::File(diagnostics, sources) => {
                findings::show(&diagnostics, &sources, 0, Detail::Causes);
                let failure = Failure::Diagnosed(diagnostics);
                if !wants_json() {
                    return failure;
                }
                answered_in_json(Err(failure)).err().unwrap_or(Failure::Findings)
            }
            Self::Other(failure) => failure,
        }
    }
}

/// Whether the arguments ask for JSON. Without the settings the command line may be incomplete, and is not parsed.
fn wants_json() -> bool {
    let arguments: Vec<_> = env::args_os().collect();
    let is_pair = |pair: &[OsString]| matches!(pair, [name, value] if name == "--format" && value == "json");
    arguments.iter().any(|it| it == "--format=json") || arguments.windows(2).any(is_pair)
}

/// The settings for the working folder.
pub(crate) fn find() -> Result<Settings, Unusable> {
    let file = env::current_dir().ok().and_then(|it| find_file(&it));
    let mut values = match &file {
        Some(file) => read_settings(file)?,
        None => Values::new(),
    };
    let variables = from_variables(|name| env::var_os(name));
    values.extend(variables.map_err(|error| Unusable::Other(Failure::refused(error.to_string())))?);
    Ok(Settings { values, file })
}

/// Where the file of settings is, or would be.
pub(crate) fn file() -> PathBuf {
    let found = env::current_dir().ok().and_then(|it| find_file(&it));
    found.unwrap_or_else(|| PathBuf::from(FILE_NAME))
}

/// The nearest file, as a path from the folder `here`.
fn find_file(here: &Path) -> Option<PathBuf> {
    let mut way = PathBuf::new();
    for folder in here.ancestors() {
        if folder.join(FILE_NAME).is_file() {
            return Some(way.join(FILE_NAME));
        }
        if folder.join(".git").exists() {
            return None;
        }
        way.push("..");
    }
    None
}

fn read_settings(file: &Path) -> Result<Values, Unusable> {
    let bytes = read_file(file).map_err(|error| Unusable::Other(unreadable(file, &error).into()))?;
    let source = Source::from_bytes(file.to_string_lossy(), bytes);
    let mut diagnostics = Diagnostics::new();
    let values = read(&source, file.parent().unwrap_or(Path::new("")), &mut diagnostics);
    values.ok_or_else(|| Unusable::File(diagnostics, Sources::new(vec![source])))
}

impl Settings {
    /// The command with the settings as the defaults of its subcommands' options.
    pub(crate) fn apply(&self, command: Command) -> Command {
        let names: Vec<String> = command
            .get_subcommands()
            .map(|it| it.get_name().to_owned())
            .collect();
        names.into_iter().fold(command, |command, name| {
            command.mut_subcommand(name, |it| self.apply_to(it))
        })
    }

    fn apply_to(&self, mut command: Command) -> Command {
        for setting in SETTINGS {
            let Some(values) = self.values.get(setting.option) else {
                continue;
            };
            if has_setting(&command, setting.option) {
                command = command.mut_arg(setting.option, |it| with_default(it, setting.kind, values));
            }
        }
        command
    }

    /// Says which file the settings are from.
    pub(crate) fn announce(&self) {
        if let Some(file) = &self.file {
            note(format_args!("settings are from {}", shown(file)));
        }
    }
}

/// Whether the subcommand has options that can be set in a file.
pub(crate) fn are_for(command: &Command, matches: &ArgMatches) -> bool {
    let subcommand = matches
        .subcommand_name()
        .and_then(|it| command.find_subcommand(it));
    subcommand.is_some_and(|it| SETTINGS.iter().any(|setting| has_setting(it, setting.option)))
}

/// Refuses values for Helm on a command line that does not ask for Helm, and says so of those of settings.
pub(crate) fn check_helm_values(matches: &ArgMatches) -> Result<(), Failure> {
    let Some((_, matches)) = matches.subcommand() else {
        return Ok(());
    };
    if !matches!(matches.try_contains_id("helm_values"), Ok(true)) || matches.get_flag("helm") {
        return Ok(());
    }
    let is_typed = |option| matches.value_source(option) == Some(ValueSource::CommandLine);
    if is_typed("helm_values") {
        return Err(Failure::refused("--helm-values has no effect without --helm"));
    }
    if !is_typed("helm") {
        note("helmValues of the settings has no effect without --helm (`helm: true`)");
    }
    Ok(())
}

/// Adds to an error about files that are not named where else they can be named.
pub(crate) fn advise(mut error: clap::Error) -> clap::Error {
    let missing = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing)) => missing.as_slice(),
        Some(_) | None => &[],
    };
    let lacks_files = missing.iter().any(|it| it.starts_with("--filename"));
    if error.kind() == ErrorKind::MissingRequiredArgument && lacks_files {
        let tip = format!("`-f .` reads this folder; `files:` in a {FILE_NAME} sets it for good");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

/// Whether the option of this name is a setting. For `test`, the options that test files have fields for are not: they
/// would come before the test file. For `compile`, an implied Gateway is not.
fn has_setting(command: &Command, option: &str) -> bool {
    let is_of_test_files = command.get_name() == "test" && matches!(option, "files" | "namespace");
    // What Envoy is to run has the Gateways that are written, unless the command line says otherwise.
    let is_guess = command.get_name() == "compile" && option == "no_gateway";
    !is_of_test_files && !is_guess && command.get_arguments().any(|it| it.get_id() == option)
}

fn with_default(arg: Arg, kind: Kind, values: &[String]) -> Arg {
    let arg = arg.required(false).default_values(values.to_vec());
    match kind {
        // So that the option can turn off what the setting turns on.
        Kind::Flag => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false")
            .value_parser(value_parser!(bool)),
        Kind::Namespace
        | Kind::Domain
        | Kind::OneOf(_)
        | Kind::EnvoyVersion
        | Kind::Locality
        | Kind::Number
        | Kind::Labels
        | Kind::Paths
        | Kind::Ignored => arg,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_is_looked_for_up_to_the_root_of_the_repository() {
        let outside = tempfile::tempdir().expect("a folder");
        let repository = outside.path().join("repository");
        let deep = repository.join("a/b");
        fs::create_dir_all(&deep).expect("folders");
        fs::create_dir(repository.join(".git")).expect("a folder");
        let write = |folder: &Path| fs::write(folder.join(FILE_NAME), "").expect("a file");
        write(outside.path());
        assert_eq!(find_file(&deep), None);
        write(&repository);
        assert_eq!(find_file(&deep), Some(PathBuf::from("../../fingerpost.yaml")));
        write(&deep);
        assert_eq!(find_file(&deep), Some(PathBuf::from("fingerpost.yaml")));
    }
}
