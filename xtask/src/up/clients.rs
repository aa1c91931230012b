//! An example with real servers behind its gateway: served, or asked by real clients.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use fingerpost_envoy_runner::Process;

use super::description::{Client, Description};
use super::servers::Servers;
use super::stop::Stop;
use crate::failure::Failure;
use crate::workspace::{does_not_run, say};

/// Poll interval of a wait.
const TICK: Duration = Duration::from_millis(50);
/// How many seconds a client may take: other processes may need the machine too.
const PATIENCE: &str = "120";
/// What `fingerpost up` prints when all of it is up.
const IS_UP: &str = "Requests appear here";

/// Serves until the user has enough.
pub(super) fn serve(mut up: Command, servers: &Servers, stop: &Stop) -> Result<(), Failure> {
    up.arg("-f").arg(servers.resources());
    let process = spawn(up)?;
    let mut told = 0;
    loop {
        if let Some(status) = process.poll().ok().flatten() {
            return match status.code() {
                Some(0) => Ok(()),
                Some(_) | None => Err(Failure::Found(format!("`fingerpost up` ended with {status}"))),
            };
        }
        // Each Ctrl-C goes on to it: the second does not wait for requests under way.
        while told < stop.count() {
            process.terminate();
            told += 1;
        }
        thread::sleep(TICK);
    }
}

/// Runs all clients, and fails unless each comes out as the example says.
pub(super) fn check(
    mut up: Command,
    description: &Description,
    servers: &Servers,
    stop: &Stop,
) -> Result<(), Failure> {
    up.arg("-f").arg(servers.resources()).stdout(Stdio::piped());
    let process = spawn(up)?;
    let Some(stdout) = process.take_stdout() else {
        return Err(Failure::Surroundings("`fingerpost up` has no output".to_owned()));
    };
    let mut output = BufReader::new(stdout);
    let mut ports = BTreeMap::new();
    let mut line = String::new();
    while !line.contains(IS_UP) {
        ports.extend(port_on_this_machine(&line));
        line.clear();
        match output.read_line(&mut line) {
            Ok(0) | Err(_) => {
                stop.check()?;
                return Err(Failure::Found("`fingerpost up` did not come up".to_owned()));
            }
            Ok(_) => {}
        }
    }
    // It must not wait for a reader while the clients ask.
    let journal = thread::spawn(move || {
        let mut journal = String::new();
        let _ = output.read_to_string(&mut journal);
        journal
    });
    let mut failed = 0;
    for client in &description.clients {
        stop.check()?;
        match ask(client, &ports, servers) {
            Ok(printed) => say("ok", format_args!("{}\n         → {printed}", client.run)),
            Err(Failure::Found(why)) => {
                failed += 1;
                say("FAILED", format_args!("{}\n         {why}", client.run));
            }
            Err(other) => return Err(other),
        }
    }
    process.terminate();
    let ended = process.wait_until(None).ok().flatten();
    let journal = journal.join().unwrap_or_default();
    stop.check()?;
    if failed > 0 {
        eprint!("{journal}");
        return Err(Failure::Found(format!(
            "{failed} of {} clients did not come out as expected",
            description.clients.len()
        )));
    }
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failure::Found(format!("`fingerpost up` ended with {status}"))),
        None => Err(Failure::Found("`fingerpost up` does not end".to_owned())),
    }
}

/// Runs a client, and returns what it printed.
fn ask(client: &Client, ports: &BTreeMap<u32, u16>, servers: &Servers) -> Result<String, Failure> {
    let mut command = Command::new("timeout");
    command
        .args([PATIENCE, "sh", "-c", &client.run])
        .env("CA", servers.authority())
        .envs(
            ports
                .iter()
                .map(|(declared, port)| (format!("PORT_{declared}"), port.to_string())),
        )
        .stdin(Stdio::null());
    let output = command.output().map_err(|error| does_not_run(&command, &error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if output.status.code() == Some(client.exit) && stdout.contains(&client.prints) {
        return Ok(if client.exit == 0 {
            stdout
        } else {
            format!("exit code {}", client.exit)
        });
    }
    Err(Failure::Found(format!(
        "expected exit code {} and `{}`, got {}: {stdout} {stderr}",
        client.exit, client.prints, output.status
    )))
}

fn spawn(command: Command) -> Result<Process, Failure> {
    let failed = |error| Failure::Surroundings(format!("`fingerpost up` does not run: {error}"));
    Process::spawn(command).map_err(failed)
}

/// The Gateway's port and the one on this machine, from `0.0.0.0_80  at 127.0.0.1:4711  Gateway port 80, HTTP`.
fn port_on_this_machine(line: &str) -> Option<(u32, u16)> {
    let (before, after) = line.split_once("  Gateway port ")?;
    let declared = after.split(',').next()?.parse().ok()?;
    Some((declared, before.rsplit(':').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_are_those_that_up_shows() {
        let line = "0.0.0.0_8443  at 127.0.0.1:40513  Gateway port 443, HTTPS, TLS\n";
        assert_eq!(port_on_this_machine(line), Some((443, 40_513)));
        assert_eq!(port_on_this_machine("0.0.0.0_80  HTTP"), None);
    }
}
