//! `fingerpost man`: the manual pages, made from the same text as `--help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};

use crate::Cli;
use crate::failure::Failure;
use crate::output::{self, Artifact, Content};

/// Print a manual page, or write all of them
///
/// To read one: `fingerpost man explain | man -l -`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command to print the page of [default: the page of `fingerpost` itself]
    command: Option<String>,

    /// Write the page of every command to this directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    output: Option<PathBuf>,
}

impl Man {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut whole = Cli::command().disable_help_subcommand(true);
        whole.build(); // gives every command the options that all have
        if let Some(directory) = &self.output {
            return write_all(&whole, directory);
        }
        let chosen = match &self.command {
            None => &whole,
            Some(name) => whole.find_subcommand(name).ok_or_else(|| {
                Failure::refused(format!(
                    "fingerpost has no command `{name}`: see `fingerpost --help`"
                ))
            })?,
        };
        let mut out = fingerpost_terminal::screen::stdout();
        out.write_all(&page(chosen)?)?;
        Ok(out.flush()?)
    }
}

/// Writes a page for `fingerpost` and each of its commands, named as `man` looks for them.
fn write_all(whole: &Command, directory: &Path) -> Result<(), Failure> {
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set());
    let mut pages = Vec::new();
    for command in [whole].into_iter().chain(commands) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        pages.push((PathBuf::from(format!("{name}.1")), page(command)?));
    }
    let artifacts = pages.iter().map(|(name, content)| Artifact {
        name,
        content: Content::Bytes(content),
        secret: false,
    });
    output::write(directory, &artifacts.collect::<Vec<_>>()).map(drop)
}

/// The page of one command, for `man`.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    let man = man.source(concat!("fingerpost ", env!("CARGO_PKG_VERSION")));
    man.manual("Fingerpost").render(&mut page)?;
    Ok(page)
}
