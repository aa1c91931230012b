//! `cargo xtask compose-test`: the folder that `fingerpost manifests --compose` writes, brought up by Docker.
//!
//! A stock Envoy routes to upstreams that say what they got; then a rule changes while it runs. Nothing is skipped: where no
//! Docker daemon runs and none can be started, the test fails.
//!
//! A daemon that runs is used: the one that DOCKER_HOST names, or the machine's. Otherwise one is started in its own namespaces,
//! which only root can.

mod daemon;
mod docker;
mod image;
mod isolated;
mod programs;
mod requests;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use daemon::Daemon;
use docker::Docker;
pub(crate) use isolated::FLAG as ISOLATED;
use requests::{Answer, Case};

use crate::build;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::{Workspace, run as run_to_end, say};

const RESOURCES: &str = "envoy/compose/resources.yaml";
/// Where Envoy's container has the folder `config`.
const IN_THE_CONTAINER: [&str; 2] = ["--mounted-at", "/etc/fingerpost"];
/// The port of the Gateway in these resources.
const PORT: u16 = 8080;
/// All ports that the containers listen on: the Gateway's, the admin interface's, the readiness endpoint's, and the upstreams'.
const PORTS: [u16; 6] = [PORT, 15_000, 15_021, 19_001, 19_002, 19_003];
/// How long Envoy may take for a step of `sync`, in seconds: other processes may need the machine too.
const STEP: &str = "120";

/// Brings it up, asks, changes a rule, asks again, and takes it down.
pub(crate) fn test(workspace: &Workspace) -> Result<(), Failure> {
    let envoy = setup::envoy(workspace)?;
    let fingerpost = build::command_alone(workspace)?;
    let users = std::env::var("DOCKER_HOST").ok().filter(|it| !it.is_empty());
    match docker::answers() {
        Ok(()) => {
            say("setup", "Docker daemon … present");
            programs::install_compose()?;
            check_ports()?;
            let docker = Docker::new(None)?;
            let outcome = run(workspace, &docker, envoy.path(), &fingerpost);
            image::remove(&docker);
            outcome
        }
        Err(complaint) => match users {
            Some(address) => Err(Failure::Surroundings(format!(
                "the Docker daemon that DOCKER_HOST names, {address}, does not answer: {complaint}"
            ))),
            None if !crate::packages::is_root() => Err(Failure::Surroundings(format!(
                "no Docker daemon answers ({complaint}), and only root can start one: start yours (with docker compose), and set \
                 DOCKER_HOST if it is not the machine's"
            ))),
            None => {
                programs::install()?;
                let outcome = isolated::run_again(envoy.path(), &fingerpost);
                let _ = fs::remove_dir_all(daemon_folder(workspace));
                outcome
            }
        },
    }
}

/// The same by a daemon of our own: runs in the namespaces that [`isolated::run_again`] makes.
pub(crate) fn test_isolated(workspace: &Workspace, envoy: &Path, fingerpost: &Path) -> Result<(), Failure> {
    let folder = daemon_folder(workspace);
    let _ = fs::remove_dir_all(&folder);
    let daemon = Daemon::start(&folder)?;
    run(workspace, daemon.docker(), envoy, fingerpost)
}

fn daemon_folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("compose/dockerd")
}

fn run(workspace: &Workspace, docker: &Docker, envoy: &Path, fingerpost: &Path) -> Result<(), Failure> {
    docker.say_versions();
    let folder = workspace.target.join("compose");
    image::build(docker, envoy, &folder.join("image"))?;
    let project = Project::new(
        docker,
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

/// In the network of this machine, where a daemon that runs already puts the containers, others may have the ports.
fn check_ports() -> Result<(), Failure> {
    let is_busy = |port: &&u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, **port)).is_err();
    match PORTS.iter().find(is_busy) {
        None => Ok(()),
        Some(port) => Err(Failure::Surroundings(format!(
            "port {port} is in use, and the test needs it: stop what listens there, or stop the Docker daemon and run this as root, \
             which starts one with its own network"
        ))),
    }
}

/// What compose runs.
struct Project<'a> {
    docker: &'a Docker,
    fingerpost: &'a Path,
    /// The user's resources: a copy, in which a rule changes.
    resources: PathBuf,
    folder: PathBuf,
}

impl<'a> Project<'a> {
    fn new(
        docker: &'a Docker,
        fingerpost: &'a Path,
        resources: &Path,
        folder: PathBuf,
    ) -> Result<Self, Failure> {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        let copy = folder.join("resources.yaml");
        fs::copy(resources, &copy).map_err(|error| Failure::file(resources, &error))?;
        Ok(Self {
            docker,
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
                .args(["--timeout", STEP])
                .arg("-o")
                .arg(self.folder.join("config")),
            "the change can't be synced",
        )?;
        requests::check(PORT, &after())
    }

    /// `fingerpost VERB` for the resources.
    fn fingerpost(&self, verb: &str) -> Command {
        let mut command = Command::new(self.fingerpost);
        command.arg(verb).arg("-f").arg(&self.resources);
        command
    }

    fn compose(&self) -> Command {
        self.docker.compose(&self.folder)
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
        let _ = self.compose().args(["logs", "--tail=50"]).status();
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
