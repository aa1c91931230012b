//! `cargo xtask compose-test`: the folder that `fingerpost manifests --compose` writes, brought up by Docker.
//!
//! A stock Envoy routes to upstreams that say what they got; then a rule changes while it runs. Nothing is skipped: where no
//! Docker daemon runs and none can be started, the test fails.

mod daemon;
mod image;
mod requests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use daemon::Daemon;
use requests::{Answer, Case};

use crate::build;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::{Workspace, run as run_to_end, say};

const RESOURCES: &str = "envoy/compose/resources.yaml";
/// Where Envoy's container has the folder `config`.
const IN_THE_CONTAINER: [&str; 4] = [
    "--xds-path",
    "/etc/fingerpost/xds",
    "--module-path",
    "/etc/fingerpost/fingerpost.wasm",
];
/// The port of the Gateway in these resources.
const PORT: u16 = 8080;

/// Brings it up, asks, changes a rule, asks again, and takes it down.
pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    let envoy = setup::envoy(workspace)?;
    let fingerpost = build::command_alone(workspace)?;
    let daemon = Daemon::find(workspace)?;
    let folder = workspace.target.join("compose");
    image::build(&daemon, envoy.path(), &folder.join("image"))?;

    let project = Project::new(
        &daemon,
        fingerpost,
        &workspace.root.join(RESOURCES),
        folder.join("project"),
    )?;
    let outcome = project.run();
    if outcome.is_err() {
        project.show_logs();
    }
    let down = project.down();
    outcome.and(down)
}

/// What compose runs.
struct Project<'a> {
    daemon: &'a Daemon,
    fingerpost: PathBuf,
    /// The user's resources: a copy, in which a rule changes.
    resources: PathBuf,
    folder: PathBuf,
}

impl<'a> Project<'a> {
    fn new(
        daemon: &'a Daemon,
        fingerpost: PathBuf,
        resources: &Path,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let copy = folder.join("resources.yaml");
        fs::copy(resources, &copy).map_err(|error| Failure::file(resources, &error))?;
        Ok(Self {
            daemon,
            fingerpost,
            resources: copy,
            folder,
        })
    }

    fn run(&self) -> Result<(), Failure> {
        let mut manifests = self.fingerpost("manifests");
        manifests.args([
            "--compose",
            "--network",
            "host",
            "--envoy-image",
            image::NAME,
            "-o",
        ]);
        run_to_end(
            manifests.arg(&self.folder),
            "the folder for compose can't be written",
        )?;
        // What an interrupted run has left.
        self.down()?;
        say("compose", "up");
        run_to_end(
            self.compose().args(["up", "--detach"]),
            "compose does not bring it up",
        )?;
        requests::check(PORT, &before())?;

        say("compose", "the rule `reviews` changes to v2");
        self.change("subset: v1", "subset: v2")?;
        let mut sync = self.fingerpost("sync");
        run_to_end(
            sync.args(IN_THE_CONTAINER)
                .arg("-o")
                .arg(self.folder.join("config")),
            "the change can't be synced",
        )?;
        requests::check(PORT, &after())
    }

    /// `fingerpost VERB` for the resources.
    fn fingerpost(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.fingerpost);
        command.arg(verb).arg("-f").arg(&self.resources);
        command
    }

    fn compose(&self) -> Command {
        let mut compose = self.daemon.compose();
        compose.current_dir(&self.folder);
        compose
    }

    fn change(&self, old: &str, new: &str) -> Result<(), Failure> {
        let path: &Path = &self.resources;
        let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        if !text.contains(old) {
            return Err(Failure::Found(format!("{RESOURCES} has no `{old}` to change")));
        }
        fs::write(path, text.replace(old, new)).map_err(|error| Failure::file(path, &error))
    }

    fn show_logs(&self) {
        let _ = self.compose().arg("logs").status();
    }

    fn down(&self) -> Result<(), Failure> {
        say("compose", "down");
        let mut down = self.compose();
        down.args(["down", "--volumes", "--remove-orphans", "--timeout", "5"]);
        run_to_end(&mut down, "compose does not take it down")
    }
}

fn before() -> [Case; 4] {
    cases("v1")
}

fn after() -> [Case; 4] {
    cases("v2")
}

/// What must be answered while the rule `reviews` leads to this version.
fn cases(reviews: &'static str) -> [Case; 4] {
    let answer = |service, subset, path| Answer::From {
        service,
        subset,
        path,
    };
    [
        Case {
            path: "/reviews/7?sort=new",
            header: None,
            answer: answer("reviews.shop.internal", reviews, "/reviews/7?sort=new"),
        },
        Case {
            path: "/reviews/7",
            header: Some(("x-tester", "yes")),
            answer: answer("reviews.shop.internal", "v2", "/reviews/7"),
        },
        Case {
            path: "/api/details/7",
            header: None,
            answer: answer("details.shop.internal", "", "/7"),
        },
        Case {
            path: "/elsewhere",
            header: None,
            answer: Answer::Status(404),
        },
    ]
}
