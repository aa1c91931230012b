//! Makes a table out of the plugin's configuration.

use crate::{Host, Level};
use fingerpost_routing::RouteTable;
use fingerpost_routing_config::{LoadError, RoutingConfig, Share};
use std::ops::Deref;

/// A table, and its part of what all tables of the VM may take.
#[derive(Debug, Default)]
pub struct LoadedTable {
    table: RouteTable,
    _share: Option<Share>,
}

impl Deref for LoadedTable {
    type Target = RouteTable;

    fn deref(&self) -> &RouteTable {
        &self.table
    }
}

/// The plugin's configuration and its table. One that cannot be taken is named in the log, with its reason.
pub fn configure(host: &impl Host) -> Option<(RoutingConfig, LoadedTable)> {
    let json = host.plugin_configuration().map_err(|error| error.to_string());
    match json.and_then(|json| load(&json).map_err(|error| error.to_string())) {
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

fn load(json: &[u8]) -> Result<(RoutingConfig, LoadedTable), LoadError> {
    let share = Share::take(json.len())?;
    let config = RoutingConfig::parse(json)?;
    let table = LoadedTable {
        table: config.load()?,
        _share: Some(share),
    };
    Ok((config, table))
}
