//! Docker's command-line programs, for one daemon.
//!
//! Decides how compose is called and what of the user's environment counts; starts no daemon.

use std::env;
use std::path::Path;
use std::process::{Command, Output};

use crate::failure::Failure;
use crate::workspace::say;

/// The name of the project: `down` ends all containers of a project, and none of the user's may be among them.
const PROJECT: &str = "fingerpost-compose-test";
/// Variables by which Docker's programs choose a daemon.
const CHOICE: [&str; 4] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
];

/// The programs, and the daemon that they use.
#[derive(Debug)]
pub(crate) struct Docker {
    /// The daemon's address; none for the one that the user's environment names.
    address: Option<String>,
    compose: Compose,
}

/// How compose is called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compose {
    /// `docker compose`, a plugin.
    Plugin,
    /// `docker-compose`, a program.
    Program,
}

impl Compose {
    /// What is installed.
    pub(crate) fn find() -> Option<Self> {
        if runs("docker", &["compose", "version"]) {
            return Some(Self::Plugin);
        }
        runs("docker-compose", &["version"]).then_some(Self::Program)
    }
}

impl Docker {
    /// The programs for the daemon at `address`, or for the one that the user's environment names.
    pub(crate) fn new(address: Option<String>) -> Result<Self, Failure> {
        let compose = Compose::find();
        let compose = compose.ok_or_else(|| Failure::Surroundings("docker compose is missing".to_owned()))?;
        Ok(Self { address, compose })
    }

    /// `docker …`. Its own builder is asked for: it needs no plugin and no network.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_BUILDKIT", "0");
        self.point(&mut command);
        command
    }

    /// `docker compose …`, for the project in `folder`.
    pub(crate) fn compose(&self, folder: &Path) -> Command {
        let mut command = match self.compose {
            Compose::Plugin => {
                let mut docker = Command::new("docker");
                docker.arg("compose");
                docker
            }
            Compose::Program => Command::new("docker-compose"),
        };
        command.args(["--project-name", PROJECT]).current_dir(folder);
        for (name, _) in env::vars_os() {
            // Such as COMPOSE_FILE, which would name another file.
            if name.to_string_lossy().starts_with("COMPOSE_") {
                command.env_remove(&name);
            }
        }
        // How long the program waits for an answer of the daemon, in seconds.
        command.env("COMPOSE_HTTP_TIMEOUT", "300");
        self.point(&mut command);
        command
    }

    /// Whether the daemon answers; its complaint, or the client's, if not.
    pub(crate) fn check(&self) -> Result<(), String> {
        check(self.docker())
    }

    /// Says which versions these are.
    pub(crate) fn say_versions(&self) {
        let text = |output: std::io::Result<Output>| {
            let output = output.map(|it| it.stdout).unwrap_or_default();
            String::from_utf8_lossy(&output).trim().to_owned()
        };
        let mut version = self.docker();
        let versions = "client {{.Client.Version}}, daemon {{.Server.Version}}";
        let versions = text(version.args(["version", "--format", versions]).output());
        let mut info = self.docker();
        let storage = "{{.Driver}}, cgroup v{{.CgroupVersion}} by {{.CgroupDriver}}";
        let storage = text(info.args(["info", "--format", storage]).output());
        let mut compose = self.compose(Path::new("."));
        let compose = text(compose.args(["version", "--short"]).output());
        say(
            "setup",
            format_args!("Docker: {versions} ({storage}), compose {compose}"),
        );
    }

    fn point(&self, command: &mut Command) {
        let Some(address) = &self.address else { return };
        for name in CHOICE {
            command.env_remove(name);
        }
        command.env("DOCKER_HOST", address);
    }
}

/// Whether the daemon answers that the user's environment names.
pub(crate) fn answers() -> Result<(), String> {
    check(Command::new("docker"))
}

fn check(mut docker: Command) -> Result<(), String> {
    docker.args(["info", "--format", "{{.ServerVersion}}"]);
    let output = docker
        .output()
        .map_err(|error| format!("`docker` does not run: {error}"))?;
    // A client that finds no daemon prints an empty version, and some releases call that a success.
    if output.status.success() && !output.stdout.trim_ascii().is_empty() {
        return Ok(());
    }
    Err(last_line(&output.stderr))
}

/// The last line of what a program said.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rfind(|it| !it.trim().is_empty());
    line.unwrap_or("it said nothing").trim().to_owned()
}

/// Whether a program is there and ends well.
pub(crate) fn runs(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
