//! Which process listens on a port, as far as the system tells: on Linux from `/proc`, elsewhere it is unknown.

use std::fmt;
use std::fs;
use std::path::Path;

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// A process.
#[derive(Debug, PartialEq, Eq)]
struct PortOwner {
    name: String,
    pid: u32,
}

/// The process that listens on a port, in words.
pub fn who_listens(port: u16) -> String {
    port_owner(port).map_or_else(|| "another program".to_owned(), |it| it.to_string())
}

/// The process that listens on a port, if it may be known.
fn port_owner(port: u16) -> Option<PortOwner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|it| fs::read_to_string(it).unwrap_or_default());
    let inode = tables
        .iter()
        .flat_map(|it| it.lines())
        .find_map(|line| inode(line, port))?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.map(|it| it.path()).find_map(|process| {
        let pid = process.file_name()?.to_str()?.parse().ok()?;
        let name = || fs::read_to_string(process.join("comm")).unwrap_or_default();
        holds(&process, &socket).then(|| PortOwner {
            name: name().trim().to_owned(),
            pid,
        })
    })
}

/// The socket's inode, if the line is of one that listens on this port.
fn inode(line: &str, port: u16) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, hexadecimal) = address.split_once(':')?;
    (*state == LISTENING && u16::from_str_radix(hexadecimal, 16) == Ok(port)).then_some(inode)
}

fn holds(process: &Path, socket: &str) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files
        .filter_map(|it| fs::read_link(it.path()).ok())
        .any(|it| it.as_os_str() == socket)
}

impl fmt::Display for PortOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}
