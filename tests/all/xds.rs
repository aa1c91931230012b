//! The files that Envoy reads while it runs say what the static bootstrap says: put together again, they are equal.

use fingerpost_config_compiler::Engine;
use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::filters::http_connection_manager::{
    HttpConnectionManager, HttpFilterConfig, HttpFilterConfigType, RouteSpecifier,
};
use fingerpost_envoy_config::listener::{Listener, NetworkFilterConfig};
use fingerpost_tests::compiled;
use fingerpost_tests::corpus::Corpus;
use fingerpost_xds::{Split, XdsFiles, split};

/// Each scenario of the corpus, for both engines, by way of the files' text.
pub(crate) fn files_say_what_the_bootstrap_says() -> Result<(), String> {
    let corpus = Corpus::read("")?;
    let mut tables = 0;
    for scenario in &corpus.scenarios {
        for engine in [Engine::Wasm, Engine::Native] {
            let compiled = compiled::scenario(&corpus, scenario, engine)?;
            let divided = split(&compiled.bootstrap, "/etc/envoy/xds");
            let files = divided.files.files();
            let mut read = XdsFiles::default();
            for file in &files {
                read.read(&file.name, file.content.as_bytes())
                    .map_err(|error| format!("{}: {error}", scenario.name))?;
            }
            tables += read.routes.len();
            let joined = join(Split {
                files: read,
                ..divided
            })
            .map_err(|reason| format!("{}: {reason}", scenario.name))?;
            let mut expected = compiled.bootstrap.clone();
            expected.static_resources.secrets.clear();
            if joined != expected {
                return Err(format!(
                    "{}, {engine:?}: the files say something else",
                    scenario.name
                ));
            }
        }
    }
    if tables < corpus.scenarios.len() {
        return Err(format!(
            "only {tables} route tables in {} scenarios",
            corpus.scenarios.len()
        ));
    }
    Ok(())
}

/// Puts everything where it was. The corpus has no private keys.
fn join(divided: Split) -> Result<Bootstrap, String> {
    let Split {
        mut bootstrap,
        mut files,
    } = divided;
    let mut listeners = std::mem::take(&mut files.listeners);
    for listener in &mut listeners {
        join_listener(listener, &mut files)?;
    }
    if !files.routes.is_empty() || !files.filters.is_empty() {
        return Err("a file that no listener names".to_owned());
    }
    bootstrap.dynamic_resources = None;
    bootstrap.static_resources.listeners = listeners;
    bootstrap.static_resources.clusters = files.clusters;
    Ok(bootstrap)
}

fn join_listener(listener: &mut Listener, files: &mut XdsFiles) -> Result<(), String> {
    let prefix = format!("{}/", listener.name);
    let filters = listener.filter_chains.iter_mut().flat_map(|it| &mut it.filters);
    for filter in filters {
        if let NetworkFilterConfig::HttpConnectionManager(manager) = &mut filter.typed_config {
            join_manager(&prefix, manager, files)?;
        }
    }
    Ok(())
}

fn join_manager(
    prefix: &str,
    manager: &mut HttpConnectionManager,
    files: &mut XdsFiles,
) -> Result<(), String> {
    if let RouteSpecifier::Rds(rds) = &manager.routes {
        let name = &rds.route_config_name;
        let mut table = files
            .routes
            .remove(name)
            .ok_or_else(|| format!("no table {name}"))?;
        let own = table
            .name
            .strip_prefix(prefix)
            .ok_or_else(|| format!("{name}: not of {prefix}"))?;
        table.name = own.strip_suffix("/native").unwrap_or(own).to_owned();
        manager.routes = RouteSpecifier::RouteConfig(table);
    }
    for filter in &mut manager.http_filters {
        let HttpFilterConfigType::ConfigDiscovery(_) = &filter.config else {
            continue;
        };
        let found = files.filters.remove(&filter.name);
        let found = found.ok_or_else(|| format!("no filter {}", filter.name))?;
        let HttpFilterConfig::Wasm(_) = found.typed_config else {
            return Err(format!("{} is not our filter", filter.name));
        };
        filter.name = "fingerpost".to_owned();
        filter.config = HttpFilterConfigType::TypedConfig(found.typed_config);
    }
    Ok(())
}
