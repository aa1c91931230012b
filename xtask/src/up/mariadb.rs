//! MariaDB's server, with a folder of data that is made for it. In its protocol the server speaks first.

use std::io::{self, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server_setup::Setup;
use crate::failure::Failure;
use crate::packages;

/// The version of MySQL's protocol, with which a server begins its greeting.
const PROTOCOL: u8 = 10;

/// The server, on a folder of data that is made here. Its accounts can log in without the system's users.
pub(super) fn prepare(setup: &Setup<'_>) -> Result<Command, Failure> {
    let mut make = Command::new(packages::path_of("mariadb-install-db"));
    make.args([
        "--no-defaults",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ])
    .arg(format!("--datadir={}", data(setup.folder).display()));
    as_this_user(&mut make);
    let output = make
        .output()
        .map_err(|error| Failure::Surroundings(format!("mariadb-install-db: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::Surroundings(format!(
            "mariadb-install-db failed: {said}"
        )));
    }
    Ok(server(setup))
}

fn server(setup: &Setup<'_>) -> Command {
    let mut command = Command::new(packages::path_of("mariadbd"));
    command
        .args([
            "--no-defaults",
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=16M",
        ])
        .arg(format!("--datadir={}", data(setup.folder).display()))
        .arg(format!("--socket={}", setup.folder.join("socket").display()))
        .arg(format!("--pid-file={}", setup.folder.join("pid").display()))
        .arg(format!("--bind-address={}", setup.address.ip()))
        .arg(format!("--port={}", setup.address.port()));
    if let Some(file) = &setup.file {
        command.arg(format!("--init-file={}", file.display()));
    }
    as_this_user(&mut command);
    command
}

/// Whether it greets its clients: three bytes of length, one of order, and the version.
pub(super) fn is_ready(mut stream: TcpStream) -> io::Result<bool> {
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting)?;
    Ok(greeting.ends_with(&[PROTOCOL]))
}

/// It refuses to run as root unless it is told to.
fn as_this_user(command: &mut Command) {
    if packages::is_root() {
        command.arg("--user=root");
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}
