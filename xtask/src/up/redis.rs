//! Redis' server, with nothing on disk. In its protocol the client speaks first.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::server_setup::Setup;
use crate::packages;

/// Debian's `redis-server` is a link to this program, which does what its name says. The package with the link would start a
/// service of the system.
const PROGRAM: &str = "redis-check-rdb";

/// The server. Where it has a certificate, it speaks TLS on the address, and plain text to us alone.
pub(super) fn prepare(setup: &Setup<'_>) -> Command {
    let mut command = Command::new(packages::path_of(PROGRAM));
    command
        .arg0("redis-server")
        .args(["--save", "", "--appendonly", "no", "--bind"])
        .arg(setup.address.ip().to_string())
        .arg("--dir")
        .arg(setup.folder)
        .arg("--port")
        .arg(setup.asked().port().to_string());
    if let Some(tls) = &setup.tls {
        command
            .arg("--tls-port")
            .arg(setup.address.port().to_string())
            .arg("--tls-cert-file")
            .arg(&tls.certificate)
            .arg("--tls-key-file")
            .arg(&tls.key)
            .arg("--tls-ca-cert-file")
            .arg(&tls.authority)
            .args(["--tls-auth-clients", "no"]);
    }
    command
}

/// Whether it takes the name of its Service.
pub(super) fn is_ready(mut stream: TcpStream, service: &str) -> io::Result<bool> {
    write!(stream, "SET name {service}\r\n")?;
    let mut answer = [0; 3];
    stream.read_exact(&mut answer)?;
    Ok(answer == *b"+OK")
}
