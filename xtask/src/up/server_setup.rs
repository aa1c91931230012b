//! What a server starts with: its folder, its addresses and its certificate.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What a server starts with.
pub(super) struct Setup<'a> {
    /// A folder of its own.
    pub(super) folder: &'a Path,
    /// A file that it reads.
    pub(super) file: Option<PathBuf>,
    /// Where clients come.
    pub(super) address: SocketAddr,
    /// Where we see whether it is ready, if not there.
    plain: Option<SocketAddr>,
    pub(super) tls: Option<TlsFiles>,
}

/// The files of a certificate.
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Those that may sign certificates.
    pub(super) authority: PathBuf,
}

impl<'a> Setup<'a> {
    /// On an address that is free now.
    pub(super) fn new(
        folder: &'a Path,
        file: Option<PathBuf>,
        tls: Option<TlsFiles>,
    ) -> Result<Self, Failure> {
        let free = || free_address().map_err(|error| Failure::Surroundings(error.to_string()));
        Ok(Self {
            folder,
            file,
            address: free()?,
            plain: tls.is_some().then(free).transpose()?,
            tls,
        })
    }

    /// Where it is asked in plain text whether it is ready.
    pub(super) fn asked(&self) -> SocketAddr {
        self.plain.unwrap_or(self.address)
    }
}

/// An address that is free now.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
