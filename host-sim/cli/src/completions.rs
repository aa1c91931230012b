//! `fingerpost completions`: what a shell needs to complete the command's options and values.

use std::io::Write;

use clap::{Args, Command, CommandFactory};
use clap_complete::{Shell, generate};

use crate::Cli;
use crate::failure::Failure;

/// Print a completion script for a shell
///
/// Save the script where your shell looks for completions.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost completions bash > ~/.local/share/bash-completion/completions/fingerpost
  fingerpost completions zsh > \"${fpath[1]}/_fingerpost\"
  fingerpost completions fish > ~/.config/fish/completions/fingerpost.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(
            self.shell,
            &mut without_hidden(&Cli::command()),
            "fingerpost",
            &mut script,
        );
        let mut out = fingerpost_terminal::screen::stdout();
        out.write_all(&script)?;
        Ok(out.flush()?)
    }
}

/// The same command line without the commands that people do not type: the scripts would offer them.
fn without_hidden(whole: &Command) -> Command {
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set());
    Command::new("fingerpost")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_flag(true) // it is among the arguments
        .args(whole.get_arguments())
        .subcommands(commands)
}
