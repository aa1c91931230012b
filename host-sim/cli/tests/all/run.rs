//! Runs the command in a new folder.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A Gateway for `shop.example.com` on port 80.
pub(crate) const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example.com]}
";

/// A VirtualService of that gateway: `/v1/…` is rewritten, `/old` redirected, all else has no rule.
pub(crate) const SHOP: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  gateways: [gateway]
  hosts: [shop.example.com]
  http:
  - match: [{uri: {prefix: /v1/}}]
    rewrite: {uri: /}
    route: [{destination: {host: shop}}]
  - match: [{uri: {exact: /old}}]
    redirect: {uri: /new}
";

/// What `shop` in it leads to.
pub(crate) const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80, name: http}]}
";

/// Everything above.
pub(crate) fn shop() -> String {
    [GATEWAY, SHOP, SERVICE].join("---\n")
}

/// A folder with files, in which commands run.
pub(crate) struct Folder(TempDir);

/// How a command ended, and what it said.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, content: &str) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.join(name);
        let folder = path.parent().expect("the folder itself at least");
        fs::create_dir_all(folder).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in a folder of it, sorted; none if it is missing.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.join(name)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The command with these arguments, split at blanks. What the tests' own terminal wants plays no part.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ended {
        self.run_with(arguments, "")
    }

    /// Runs the command as on a terminal of this width.
    pub(crate) fn run_at(&self, columns: usize, arguments: &str) -> Ended {
        let mut command = self.command(arguments);
        command.env("COLUMNS", columns.to_string());
        Ended::of(command.output().expect("the command ends"))
    }

    /// Runs the command with this text as its standard input.
    pub(crate) fn run_with(&self, arguments: &str, stdin: &str) -> Ended {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut input = child.stdin.take().expect("it is piped");
        let _ = input.write_all(stdin.as_bytes()); // who does not read it closes it
        drop(input);
        Ended::of(child.wait_with_output().expect("the command ends"))
    }
}

impl Ended {
    pub(crate) fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// It ended with this code, and said all of this on standard error.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, said: &[&str]) -> &Self {
        let Self { stdout, stderr, .. } = self;
        assert_eq!(self.code, Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        for text in said {
            assert!(stderr.contains(text), "{text:?} is not in:\n{stderr}");
        }
        self
    }
}

/// Starts a `serve`, runs `while_it_serves` when it is ready, and ends it by Ctrl-C.
pub(crate) fn serve_until_ready(mut serve: Command, while_it_serves: impl FnOnce()) {
    let mut child = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    until(&mut stdout, "Requests appear here");
    while_it_serves();
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
    send(child.id(), Signal::INT);
}

/// Sends a signal to a process that runs.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), signal).expect("it runs");
}

/// Everything up to the next line with this text.
pub(crate) fn until(reader: &mut impl BufRead, text: &str) -> String {
    let mut told = String::new();
    while !told.contains(text) {
        assert!(
            reader.read_line(&mut told).expect("text") > 0,
            "{text:?} is never said:\n{told}"
        );
    }
    told
}
