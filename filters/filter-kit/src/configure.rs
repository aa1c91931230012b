//! Makes a table out of the plugin's configuration.
//!
//! Whether a configuration is taken depends on its bytes alone: not on what else is in the VM, nor on anything that the proxy
//! says. So what the main thread has taken, each worker takes too.

use crate::tables::{self, Size};
use crate::{Host, Level, LoadedTable};
use fingerpost_routing_config::{LoadError, RoutingConfig, check_size};
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
    let json = host.plugin_configuration().map_err(|error| error.to_string());
    match json.and_then(|json| load(plugin, json).map_err(|error| error.to_string())) {
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

fn load(plugin: Vec<u8>, json: Vec<u8>) -> Result<(RoutingConfig, Rc<LoadedTable>), LoadError> {
    check_size(json.len())?;
    let mut size = Size {
        config: json.len(),
        programs: 0,
    };
    tables::make_room(&plugin, size);
    let config = RoutingConfig::parse(&json)?;
    drop(json); // the VM needs the room for the table
    let (table, programs) = config.load_measured()?;
    size.programs = programs;
    tables::make_room(&plugin, size);
    Ok((config, tables::add(plugin, size, table)))
}
