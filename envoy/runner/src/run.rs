//! Runs an Envoy: starts it, waits until it serves, watches it, stops it.
//!
//! All of its files lie in a folder that the caller gives and removes: `envoy.json` (its configuration), `envoy.log`
//! (what it says) and `admin.txt` (where its admin interface listens).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::admin;
use crate::binary::EnvoyBinary;
use crate::bootstrap::{Bootstrap, BoundListener};
use crate::launch::{StartOptions, Stdout, command, log_file, read_log, refuse_busy_ports, wait_until_ready};
use crate::log;
use crate::private::write_private;
use crate::process::{Exit, Process};
use crate::start_error::StartError;

/// How often a draining Envoy is polled for requests in progress.
const POLL: Duration = Duration::from_millis(10);
/// How long requests under way may take when Envoy is stopped.
const GRACE: Duration = Duration::from_secs(5);
/// How long Envoy may take to end once it was told to.
const END: Duration = Duration::from_secs(3);

/// An Envoy that serves. Dropping it kills it; [`stop`](Self::stop) is kinder to requests under way.
#[derive(Debug)]
pub struct RunningEnvoy {
    process: Arc<Process>,
    admin: SocketAddr,
    log: PathBuf,
}

/// Tells when an Envoy has ended, from any thread.
#[derive(Debug, Clone)]
pub struct ExitWatch {
    process: Arc<Process>,
    log: PathBuf,
}

impl RunningEnvoy {
    /// Starts Envoy with its files in `directory`, and returns when it serves.
    ///
    /// A bootstrap without an admin interface gets one on a free port of the loopback.
    pub fn start(
        binary: &EnvoyBinary,
        bootstrap: &Bootstrap,
        directory: &Path,
        options: StartOptions,
    ) -> Result<Self, StartError> {
        refuse_busy_ports(bootstrap)?;
        let mut bootstrap = bootstrap.clone();
        if !bootstrap.has_admin() {
            bootstrap.set_admin(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
        }
        let admin_file = directory.join("admin.txt");
        // Envoy keeps the mode of a file that is there. An earlier run in the same folder may have left an address.
        write_private(&admin_file, "").map_err(|error| StartError::File(admin_file.clone(), error))?;

        let mut command = command(binary, &bootstrap, directory, &options)?;
        command.arg("--admin-address-path").arg(&admin_file);
        let is_heard = matches!(options.stdout, Stdout::Lines(_));
        command.stdout(if is_heard { Stdio::piped() } else { Stdio::null() });
        let process = Process::spawn(command)
            .map_err(|error| StartError::DoesNotRun(binary.path().to_owned(), error))?;
        if let Stdout::Lines(lines) = options.stdout
            && let Some(stdout) = process.child().stdout.take()
        {
            thread::spawn(move || {
                let heard = BufReader::new(stdout).lines().map_while(Result::ok);
                heard
                    .map(|line| lines.send(line))
                    .take_while(Result::is_ok)
                    .for_each(drop);
            });
        }

        let log = log_file(directory);
        let admin = wait_until_ready(&process, &admin_file, &log, options.ready_within)?;
        Ok(Self {
            process: Arc::new(process),
            admin,
            log,
        })
    }

    /// Where its admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    /// Reads a page of the admin interface, such as `/config_dump`.
    pub fn get(&self, path: &str) -> io::Result<String> {
        ok(path, admin::request(self.admin, "GET", path)?)
    }

    /// Posts to the admin interface, such as `/logging?wasm=debug`.
    pub fn post(&self, path: &str) -> io::Result<String> {
        ok(path, admin::request(self.admin, "POST", path)?)
    }

    /// The real address of each listener, which port 0 does not tell.
    pub fn listeners(&self) -> io::Result<Vec<BoundListener>> {
        let statuses: Value = serde_json::from_str(&self.get("/listeners?format=json")?)?;
        let statuses = statuses.get("listener_statuses").and_then(Value::as_array);
        let bound = statuses.into_iter().flatten().filter_map(|status| {
            let name = status.get("name")?.as_str()?.to_owned();
            let socket = status.pointer("/local_address/socket_address")?;
            let ip = socket.get("address")?.as_str()?.parse().ok()?;
            let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
            Some(BoundListener {
                name,
                address: SocketAddr::new(ip, port),
            })
        });
        Ok(bound.collect())
    }

    /// Counters and gauges whose names match this regular expression.
    pub fn stats(&self, filter: &str) -> io::Result<BTreeMap<String, u64>> {
        let text = self.get(&format!("/stats?filter={filter}"))?;
        let rows = text.lines().filter_map(|line| line.rsplit_once(": "));
        Ok(rows
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect())
    }

    /// The processor time that it has used since it started; Linux only.
    #[cfg(target_os = "linux")]
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // Fields 14 and 15, counted behind the name in parentheses, which is field 2 and may hold blanks: proc(5).
        let fields = stat
            .rsplit_once(") ")
            .map(|(_, rest)| rest)
            .unwrap_or_default()
            .split(' ');
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_secs_f64(
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        ))
    }

    /// A handle that tells when it has ended.
    pub fn exit_watch(&self) -> ExitWatch {
        ExitWatch {
            process: Arc::clone(&self.process),
            log: self.log.clone(),
        }
    }

    /// Closes the listeners, lets requests under way end, and stops. Kills what does not stop in time.
    pub fn stop(self) {
        self.drain();
        let _ = self.post("/quitquitquit");
        let ended = |process: &Process| {
            matches!(
                process.wait_until(Some(Instant::now() + END)),
                Ok(Some(_)) | Err(_)
            )
        };
        if !ended(&self.process) {
            self.process.terminate();
            ended(&self.process); // if not, dropping `self` kills it
        }
    }

    fn drain(&self) {
        if self.post("/drain_listeners").is_err() {
            return;
        }
        let deadline = Instant::now() + GRACE;
        let busy = r"^(http\..*downstream_rq_active|tcp\..*downstream_cx_active)$";
        let is_busy = || {
            self.stats(busy).is_ok_and(|gauges| {
                // The admin interface is an HTTP connection manager too, and this very request is under way in it.
                gauges
                    .iter()
                    .any(|(name, value)| *value > 0 && !name.starts_with("http.admin."))
            })
        };
        while is_busy() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

impl Drop for RunningEnvoy {
    fn drop(&mut self) {
        // A watch may still hold the process, so its own drop may come late.
        self.process.kill();
    }
}

impl ExitWatch {
    /// How it ended, if it has.
    pub fn check(&self) -> Option<Exit> {
        let status = self.process.poll().ok().flatten()?;
        Some(Exit::new(status, log::last_words(&read_log(&self.log))))
    }

    /// Waits at most this long for it to end.
    pub fn wait(&self, patience: Duration) -> Option<Exit> {
        self.process.wait_until(Some(Instant::now() + patience)).ok()?;
        self.check()
    }
}

fn ok(path: &str, (status, body): (u16, String)) -> io::Result<String> {
    match status {
        200 => Ok(body),
        _ => Err(io::Error::other(format!(
            "the admin interface answered {status} to {path}: {}",
            body.trim()
        ))),
    }
}
