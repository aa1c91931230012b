//! Makes a table out of the plugin's configuration.
//!
//! Whether a configuration is taken depends on its bytes alone: not on what else is in the VM, nor on anything that the proxy
//! says. So what the main thread has taken, each worker takes too.

use crate::tables::{self, Size};
use crate::{Host, HostError, Level, LoadedTable};
use fingerpost_routing_config::{Loaded, RoutingConfig, check_size, load_from};
use std::io::{self, Read};
use std::rc::Rc;

/// The plugin's configuration and its table. One that cannot be taken is named in the log, with its reason.
pub fn configure(host: &impl Host) -> Option<(RoutingConfig, Rc<LoadedTable>)> {
    // Without a name the table has no predecessor.
    let plugin = host.plugin_name().unwrap_or_else(|error| {
        host.log(
            Level::Warn,
            &format!("fingerpost: the plugin has no name: {error}"),
        );
        Vec::new()
    });
    match load(plugin, host) {
        Ok(loaded) => Some(loaded),
        Err(reason) => {
            host.log(
                Level::Error,
                &format!("fingerpost: configuration refused: {reason}"),
            );
            None
        }
    }
}

fn load(plugin: Vec<u8>, host: &impl Host) -> Result<(RoutingConfig, Rc<LoadedTable>), String> {
    let bytes = length(host).map_err(|error| error.to_string())?;
    check_size(bytes).map_err(|error| error.to_string())?;
    let mut size = Size {
        config: bytes,
        programs: 0,
    };
    tables::make_room(&plugin, size);
    let loaded = load_from(|| Pieces::of(host)).map_err(|error| error.to_string())?;
    let Loaded {
        config,
        table,
        programs,
    } = loaded;
    size.programs = programs;
    tables::make_room(&plugin, size);
    Ok((config, tables::add(plugin, size, table)))
}

/// How many bytes the configuration has.
fn length(host: &impl Host) -> Result<usize, HostError> {
    let mut length = 0;
    loop {
        let piece = host.plugin_configuration(length)?;
        if piece.is_empty() {
            return Ok(length);
        }
        length += piece.len();
    }
}

/// The configuration, piece by piece: what a VM once needed is never given back, so it never holds all of it.
struct Pieces<'h, H> {
    host: &'h H,
    piece: Vec<u8>,
    /// How many bytes of the piece were read.
    read: usize,
    /// Where the next piece starts.
    next: usize,
}

impl<'h, H: Host> Pieces<'h, H> {
    fn of(host: &'h H) -> Self {
        Self {
            host,
            piece: Vec::new(),
            read: 0,
            next: 0,
        }
    }
}

impl<H: Host> Read for Pieces<'_, H> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.piece.len() {
            self.piece = self
                .host
                .plugin_configuration(self.next)
                .map_err(io::Error::other)?;
            self.next += self.piece.len();
            self.read = 0;
        }
        let mut rest = self.piece.get(self.read..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.read += read;
        Ok(read)
    }
}
