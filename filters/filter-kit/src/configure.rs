//! Makes a table out of the plugin's configuration.

use crate::{Host, Level};
use fingerpost_routing::RouteTable;

/// The table of the plugin's configuration. One that cannot be taken is named in the log, with its reason.
pub fn configure(host: &impl Host) -> Option<RouteTable> {
    let loaded = host
        .plugin_configuration()
        .map_err(|error| error.to_string())
        .and_then(|json| fingerpost_routing_config::load(&json).map_err(|error| error.to_string()));
    match loaded {
        Ok(table) => Some(table),
        Err(reason) => {
            host.log(
                Level::Error,
                &format!("fingerpost: configuration refused: {reason}"),
            );
            None
        }
    }
}
