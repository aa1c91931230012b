//! Runs the tools.
//!
//! They read the folder and print YAML. They run in the working folder of this process, with nothing on standard input.
//! The programs and their options are fixed. Of the input there are only paths, and none can be taken for anything else.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Tool;
use crate::path::as_argument;

/// What a tool made of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The command that made it, for messages: `kustomize build overlays/prod`.
    pub command: String,
    /// YAML, as it was printed.
    pub yaml: Vec<u8>,
}

/// Why there is nothing.
#[derive(Debug)]
pub enum RenderError {
    /// None of these programs is on the `PATH`.
    NotInstalled(&'static [&'static str]),
    /// The program could not be run.
    Run {
        /// As it would be typed.
        command: String,
        /// The system's reason.
        error: io::Error,
    },
    /// The program ended with an error.
    Failed {
        /// As it would be typed.
        command: String,
        /// What it printed on standard error.
        stderr: String,
    },
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled(programs) => match programs {
                [one, other] => write!(
                    f,
                    "neither {one} nor {other} is installed: one of them must be on the PATH"
                ),
                programs => write!(
                    f,
                    "{} is not installed: it must be on the PATH",
                    programs.join(", ")
                ),
            },
            Self::Run { command, error } => write!(f, "`{command}` could not be run: {error}"),
            Self::Failed { command, stderr } => write!(f, "`{command}` failed:\n{}", stderr.trim_end()),
        }
    }
}

impl std::error::Error for RenderError {}

impl Tool {
    /// Runs the tool on a folder. `values` are files that `helm template` takes values from; kustomize has none.
    ///
    /// # Errors
    /// The tool is not installed, or refuses the folder.
    pub fn render(self, folder: &Path, values: &[PathBuf]) -> Result<Rendered, RenderError> {
        for (program, arguments) in self.commands() {
            let mut command = Command::new(program);
            command.args(*arguments);
            if self == Self::Helm {
                for file in values {
                    command.arg("--values").arg(one_value(&as_argument(file)));
                }
            }
            command.arg(as_argument(folder)).stdin(Stdio::null());
            match command.output() {
                Ok(output) => return finish(&command, output),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(RenderError::Run {
                        command: typed(&command),
                        error,
                    });
                }
            }
        }
        Err(RenderError::NotInstalled(match self {
            Self::Kustomize => &["kustomize", "kubectl"],
            Self::Helm => &["helm"],
        }))
    }

    /// What does it, best first: `kubectl` has kustomize inside, of an older release.
    fn commands(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Kustomize => &[("kustomize", &["build"]), ("kubectl", &["kustomize"])],
            Self::Helm => &[("helm", &["template"])],
        }
    }
}

/// The path as one value of an option that Helm reads as a line of CSV: after a comma would be another file or address.
fn one_value(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) if text.contains([',', '"', '\n', '\r']) => {
            format!("\"{}\"", text.replace('"', "\"\"")).into()
        }
        Some(_) | None => path.into(),
    }
}

fn finish(command: &Command, output: Output) -> Result<Rendered, RenderError> {
    let command = typed(command);
    if output.status.success() {
        return Ok(Rendered {
            command,
            yaml: output.stdout,
        });
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(RenderError::Failed {
        stderr: if stderr.trim().is_empty() {
            output.status.to_string()
        } else {
            stderr
        },
        command,
    })
}

/// The command as it is typed; words are not quoted.
fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|it| it.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_values_is_one_value() {
        for (path, expected) in [
            ("./a.yaml", "./a.yaml"),
            ("./a,b://c", "\"./a,b://c\""),
            ("./a\"b", "\"./a\"\"b\""),
        ] {
            assert_eq!(one_value(Path::new(path)), expected, "{path}");
        }
    }
}
