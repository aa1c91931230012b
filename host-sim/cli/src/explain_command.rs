//! The `fingerpost explain` command for a request that `up` or `serve` has shown.

use clap::{ArgMatches, Command, CommandFactory};
use fingerpost_curl::quote;
use fingerpost_resources::visible;

use crate::{Cli, settings};

/// The headings of the options that say what is read, and for which proxy.
const HEADINGS: [&str; 2] = ["Input", "Proxy"];
/// Options of these headings that change no answer.
const WITHOUT_EFFECT: [&str; 1] = ["list_skipped"];

/// Headers that curl and browsers add by themselves, that are about the connection, or that are secrets.
const UNSHOWN: [&str; 9] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "transfer-encoding",
    "user-agent",
];

/// A Gateway's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GatewayPort {
    pub(crate) number: u32,
    pub(crate) tls: bool,
}

/// Commands for the files and the proxy of this run.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExplainCommand {
    /// The options, each with a blank before it.
    options: String,
}

impl ExplainCommand {
    /// For the command line of this process.
    pub(crate) fn of_this_run() -> Self {
        let mut command = Cli::command();
        // `explain` finds the settings too, so they are not repeated.
        if let Ok(settings) = settings::find() {
            command = settings.apply(command);
        }
        let Ok(matches) = command.clone().try_get_matches() else {
            return Self::default();
        };
        match matches.subcommand() {
            Some((name, matches)) => Self::of(command.find_subcommand(name), matches),
            None => Self::default(),
        }
    }

    fn of(command: Option<&Command>, matches: &ArgMatches) -> Self {
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
        Self { options }
    }

    /// The command for a request.
    pub(crate) fn line(
        &self,
        method: &str,
        authority: &str,
        path: &str,
        headers: &[(String, String)],
        gateway: GatewayPort,
    ) -> String {
        let GatewayPort { number, tls } = gateway;
        let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
        let mut line = format!("fingerpost explain{}", self.options);
        if number != usual || authority.contains(':') {
            line.push_str(&format!(" --port {number}"));
        }
        if method != "GET" {
            line.push_str(&format!(" -X {}", quote(method)));
        }
        for (name, value) in headers
            .iter()
            .filter(|(name, _)| !UNSHOWN.contains(&name.as_str()))
        {
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            line.push_str(&format!(" -H {}", quote(&header)));
        }
        line.push_str(&format!(" {}", quote(&format!("{scheme}://{authority}{path}"))));
        visible(&line).into_owned()
    }
}

#[cfg(test)]
mod tests {
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
        let explain = ExplainCommand::of(command.find_subcommand(name), matches);
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
