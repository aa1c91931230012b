//! The two ends of a connection: upstreams that greet, and clients that say something and read.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use super::resources::{HASHED, SERVICES};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const HASHED_ENDPOINTS: usize = 3;

/// A server for each service. They end with the process.
pub(super) struct Upstreams(BTreeMap<String, SocketAddr>);

impl Upstreams {
    pub(super) fn start() -> io::Result<Self> {
        let hashed = (0..HASHED_ENDPOINTS).map(|index| format!("{HASHED}-{index}"));
        let names = SERVICES.iter().map(|it| (*it).to_owned()).chain(hashed);
        names
            .map(|name| Ok((name.clone(), greeter(name)?)))
            .collect::<io::Result<_>>()
            .map(Self)
    }

    pub(super) fn address(&self, service: &str) -> Result<SocketAddr, String> {
        let found = self.0.get(service).copied();
        found.ok_or_else(|| format!("no upstream is called {service}"))
    }

    /// The endpoints of the service whose clients keep theirs.
    pub(super) fn hashed(&self) -> impl Iterator<Item = SocketAddr> {
        let all = self.0.iter();
        all.filter(|(name, _)| name.starts_with(HASHED))
            .map(|(_, address)| *address)
    }
}

/// A server that says its name at once, and hangs up.
fn greeter(name: String) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let name = name.clone();
            thread::spawn(move || {
                let _ = stream.write_all(name.as_bytes());
                let _ = stream.shutdown(std::net::Shutdown::Write);
                // Until the client has read it: an end with unread bytes would be a reset.
                let _ = io::copy(&mut stream, &mut io::sink());
            });
        }
    });
    Ok(address)
}

/// Connects from an address of this machine, sends these bytes and reads to the end. A connection that is reset has said nothing.
pub(super) fn talk(to: SocketAddr, from: IpAddr, bytes: &[u8]) -> io::Result<String> {
    let mut stream = connect(to, from)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(bytes)?;
    read_to_the_end(stream)
}

/// What the other end says until it hangs up.
pub(super) fn read_to_the_end(mut stream: impl Read) -> io::Result<String> {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
            ) => {}
        Err(error) => return Err(error),
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The library's own `connect` takes no address to come from.
fn connect(to: SocketAddr, from: IpAddr) -> io::Result<TcpStream> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}
