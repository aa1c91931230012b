//! The options of this run that `fingerpost explain` needs, to explain a request that `up` or `serve` has shown.

use clap::{ArgMatches, Command, CommandFactory};
use fingerpost_curl::quote;
use fingerpost_local_server::explain_command::ExplainCommand;

use crate::{Cli, settings};

/// The headings of the options that say what is read, and for which proxy.
const HEADINGS: [&str; 2] = ["Input", "Proxy"];
/// Options of these headings that change no answer.
const WITHOUT_EFFECT: [&str; 1] = ["list_skipped"];

/// The command that explains a request, for the command line of this process.
pub(crate) fn explain_command() -> ExplainCommand {
    let mut command = Cli::command();
    // `explain` finds the settings too, so they are not repeated.
    if let Ok(settings) = settings::find() {
        command = settings.apply(command);
    }
    let Ok(matches) = command.clone().try_get_matches() else {
        return ExplainCommand::default();
    };
    match matches.subcommand() {
        Some((name, matches)) => of(command.find_subcommand(name), matches),
        None => ExplainCommand::default(),
    }
}

fn of(command: Option<&Command>, matches: &ArgMatches) -> ExplainCommand {
    let mut options = String::new();
    let arguments = command.into_iter().flat_map(Command::get_arguments).filter(|it| {
        it.get_help_heading().is_some_and(|it| HEADINGS.contains(&it))
            && !WITHOUT_EFFECT.contains(&it.get_id().as_str())
            && matches.value_source(it.get_id().as_str()) == Some(clap::parser::ValueSource::CommandLine)
    });
    for argument in arguments {
        let flag = match (argument.get_short(), argument.get_long()) {
            (Some(short), _) => format!(" -{short}"),
            (None, Some(long)) => format!(" --{long}"),
            (None, None) => continue,
        };
        if !argument.get_action().takes_values() {
            options.push_str(&flag);
            continue;
        }
        for value in matches.get_raw(argument.get_id().as_str()).into_iter().flatten() {
            options.push_str(&format!("{flag} {}", quote(&value.to_string_lossy())));
        }
    }
    ExplainCommand::new(options)
}

#[cfg(test)]
mod tests {
    use fingerpost_local_server::explain_command::GatewayPort;

    use super::*;

    #[test]
    fn the_options_of_a_run_are_those_that_say_what_is_read() {
        let line = "fingerpost serve -f k8s --labels a=b,c=d -f it's.yaml --listen 80=8080 --list-skipped --strict --no-echo";
        let command = Cli::command();
        let matches = command
            .clone()
            .try_get_matches_from(line.split(' '))
            .expect("arguments");
        let (name, matches) = matches.subcommand().expect("a command");
        let explain = of(command.find_subcommand(name), matches);
        let gateway = |number, tls| GatewayPort { number, tls };
        let options = r"-f k8s -f 'it'\''s.yaml' --labels a=b,c=d --strict";
        assert_eq!(
            explain.line("GET", "a.example.com", "/x?a=1&b", &[], gateway(80, false)),
            format!("fingerpost explain {options} 'http://a.example.com/x?a=1&b'")
        );
        let headers = [
            ("x-a", "1"),
            ("x-b", ""),
            ("user-agent", "curl"),
            ("cookie", "s=1"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            explain.line("POST", "a.example.com", "/", &headers, gateway(8443, true)),
            format!(
                "fingerpost explain {options} --port 8443 -X POST -H 'x-a: 1' -H 'x-b;' https://a.example.com/"
            )
        );
    }
}
