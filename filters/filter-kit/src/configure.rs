//! Makes a table out of the plugin's configuration.

use crate::{Host, Level};
use fingerpost_routing::RouteTable;
use fingerpost_routing_config::{LoadError, RoutingConfig};

/// The plugin's configuration and its table. One that cannot be taken is named in the log, with its reason.
pub fn configure(host: &impl Host) -> Option<(RoutingConfig, RouteTable)> {
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

fn load(json: &[u8]) -> Result<(RoutingConfig, RouteTable), LoadError> {
    let config = RoutingConfig::parse(json)?;
    let table = config.load()?;
    Ok((config, table))
}
