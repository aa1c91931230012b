//! Runs an example as a user would, from a fresh clone.
//!
//! An example with a `real-servers.json` gets the servers that it names, where they are installed. A check installs them.

mod clients;
mod description;
mod mariadb;
mod program;
mod redis;
mod server_setup;
mod servers;
mod stop;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fingerpost_envoy_runner::VARIABLE;

use description::Description;
use servers::Servers;
use stop::Stop;

use crate::build;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::{Workspace, does_not_run, run as run_to_end, say};

/// What is to be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    /// Part of an example's name, or the first example.
    example: Option<&'a str>,
    /// Whether to check what the example expects instead of serving it.
    is_check: bool,
}

impl<'a> Request<'a> {
    pub(crate) fn parse(arguments: &[&'a str]) -> Result<Self, Failure> {
        let mut request = Self {
            example: None,
            is_check: false,
        };
        for argument in arguments {
            match *argument {
                "--check" => request.is_check = true,
                name if !name.starts_with('-') && request.example.is_none() => request.example = Some(name),
                other => {
                    return Err(Failure::Usage(format!(
                        "`{other}` is not known to `up [EXAMPLE] [--check]`"
                    )));
                }
            }
        }
        Ok(request)
    }
}

/// Sets everything up and runs the example.
pub(crate) fn run(workspace: &Workspace, request: &Request<'_>) -> Result<(), Failure> {
    let examples = examples(workspace)?;
    let example = find(&examples, request.example)?;
    let envoy = setup::envoy(workspace)?;
    let fingerpost = build::command_alone(workspace)?;

    let command = || {
        let mut command = Command::new(&fingerpost);
        command.current_dir(&workspace.root).env(VARIABLE, envoy.path());
        command.args(["up", "-f", &format!("examples/{example}/resources.yaml")]);
        command
    };
    let folder = workspace.root.join("examples").join(example);
    let description = Description::read(&folder)?;
    if request.is_check {
        for file in checks(workspace, example)? {
            say("up", format_args!("{file}"));
            run_to_end(
                command().args(["--check", &file]),
                &format!("{file} did not come out as expected"),
            )?;
        }
        let Some(description) = description else {
            return Ok(());
        };
        program::install(&program::needs(&description))?;
        let stop = Stop::listen()?;
        let servers = Servers::start(&description, &folder, &stop)?;
        return clients::check(command(), &description, &servers, &stop);
    }
    say("up", format_args!("examples/{example}"));
    match description.filter(all_installed) {
        Some(description) => {
            let stop = Stop::listen()?;
            let servers = Servers::start(&description, &folder, &stop)?;
            clients::serve(command(), &servers, &stop)
        }
        None => replace_ourselves(command()),
    }
}

/// Whether all servers are installed; says which is not, and what takes its place.
fn all_installed(description: &Description) -> bool {
    let mut is_complete = true;
    for server in &description.servers {
        if let Some((program, package)) = program::missing(server.program.needs()).first() {
            is_complete = false;
            say(
                "note",
                format_args!(
                    "`{program}` is not installed: an echo server takes the place of Service {}. \
                     `apt-get install {package}` brings the real one",
                    server.service
                ),
            );
        }
    }
    is_complete
}

/// The check of every example that has real servers.
pub(crate) fn check_with_servers(workspace: &Workspace) -> Result<(), Failure> {
    for example in examples(workspace)? {
        if Description::read(&workspace.root.join("examples").join(&example))?.is_some() {
            let request = Request {
                example: Some(&example),
                is_check: true,
            };
            run(workspace, &request)?;
        }
    }
    Ok(())
}

/// The check files of an example, sorted.
fn checks(workspace: &Workspace, example: &str) -> Result<Vec<String>, Failure> {
    let folder = workspace.root.join("examples").join(example);
    let entries = fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<String> = names
        .filter(|name| name.ends_with(".test.json"))
        .map(|name| format!("examples/{example}/{name}"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::Surroundings(format!(
            "examples/{example} has no .test.json to check"
        )));
    }
    Ok(files)
}

/// Becomes the command, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace_ourselves(mut command: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(does_not_run(&command, &error))
}

#[cfg(not(unix))]
fn replace_ourselves(mut command: Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| does_not_run(&command, &error))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// The examples' names, sorted.
fn examples(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let folder = workspace.root.join("examples");
    let entries = fs::read_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
    let folders = entries.flatten().map(|entry| entry.path());
    let with_resources = folders.filter(|path: &PathBuf| path.join("resources.yaml").is_file());
    let names = with_resources.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// The example of that name, or the only one whose name contains it.
fn find<'a>(examples: &'a [String], wanted: Option<&str>) -> Result<&'a str, Failure> {
    let known = || examples.join(", ");
    let Some(wanted) = wanted else {
        let first = examples
            .first()
            .ok_or_else(|| Failure::Surroundings("no examples found".to_owned()));
        return first.map(String::as_str);
    };
    if let Some(exact) = examples.iter().find(|name| *name == wanted) {
        return Ok(exact);
    }
    let mut found = examples.iter().filter(|name| name.contains(wanted));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Failure::Usage(format!(
            "`{wanted}` is part of several examples' names (of {})",
            known()
        ))),
        (None, _) => Err(Failure::Usage(format!(
            "no example `{wanted}`: expected one of {}",
            known()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: Option<&str>, expected: Result<&str, u8>) {
        let examples = ["01-bookinfo", "02-two-gateways", "03-httpd-v1-v2"].map(str::to_owned);
        assert_eq!(
            find(&examples, wanted).map_err(|failure| failure.code()),
            expected
        );
    }

    #[test]
    fn an_example_is_named_by_any_part_that_only_it_has() {
        check(None, Ok("01-bookinfo"));
        check(Some("03-httpd-v1-v2"), Ok("03-httpd-v1-v2"));
        check(Some("two"), Ok("02-two-gateways"));
        check(Some("0"), Err(2));
        check(Some("nginx"), Err(2));
    }

    #[test]
    fn the_check_may_stand_before_or_after_the_name() {
        let expected = Request {
            example: Some("two"),
            is_check: true,
        };
        assert_eq!(Request::parse(&["two", "--check"]).unwrap(), expected);
        assert_eq!(Request::parse(&["--check", "two"]).unwrap(), expected);
        assert!(Request::parse(&["two", "three"]).is_err());
        assert!(Request::parse(&["--chekc"]).is_err());
    }
}
