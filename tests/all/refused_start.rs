//! An Envoy that was started with files that it refuses: `sync` brings the good ones into force, without a restart.
//!
//! Envoy either rejects a listener whose filter it refuses, or lets it wait for a filter. Both must end with the listener.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fingerpost_envoy_config::bootstrap::Bootstrap as TypedBootstrap;
use fingerpost_envoy_config::core::{Address, SocketAddress};
use fingerpost_envoy_config::filters::http_connection_manager::HttpFilterConfig;
use fingerpost_envoy_runner::{AdminEndpoint, Bootstrap, PrivateDirectory, RunningEnvoy, StartOptions};
use fingerpost_sync::{Applied, Envoy, Folder, NotTaken, RealDisk, Sync, SyncError};
use fingerpost_tests::compiled;
use fingerpost_xds::{Split, XdsFiles, split};

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::operations::{ask, compile, operations, said};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn is_mended_by_a_change() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    port_that_is_freed().map_err(|reason| format!("a port that is freed: {reason}"))?;
    for (what, spoil) in [
        (
            "the filter refuses its configuration",
            refused as fn(&mut HttpFilterConfig),
        ),
        ("the module is missing", without_module),
    ] {
        mended(spoil).map_err(|reason| format!("{what}: {reason}"))?;
    }
    Ok(())
}

fn refused(filter: &mut HttpFilterConfig) {
    if let HttpFilterConfig::Wasm(wasm) = filter {
        let configuration = &mut wasm.config.configuration;
        let text = serde_json::to_string(configuration).unwrap_or_default();
        let spoilt = text.replace(r#"{\"version\":1"#, r#"{\"version\":9"#);
        if let Ok(spoilt) = serde_json::from_str(&spoilt) {
            *configuration = spoilt;
        }
    }
}

fn without_module(filter: &mut HttpFilterConfig) {
    let text = serde_json::to_string(filter).unwrap_or_default();
    let spoilt = text.replace(".wasm\"", ".missing\"");
    if let Ok(spoilt) = serde_json::from_str(&spoilt) {
        *filter = spoilt;
    }
}

/// The same files once more, when what was in the way is gone.
fn port_that_is_freed() -> Result<(), String> {
    let directory = PrivateDirectory::new("fingerpost-refused-").map_err(said)?;
    let folder = directory.path().join("xds");
    let mut compiled = compile(operations(), 0)?;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
    let port = taken.local_addr().map_err(said)?.port();
    let mut listeners = compiled.bootstrap.static_resources.listeners.iter_mut();
    let listener = listeners
        .find(|it| it.name == "0.0.0.0_80")
        .ok_or("no listener")?;
    listener.address = Address::SocketAddress(SocketAddress {
        address: Ipv4Addr::LOCALHOST.to_string(),
        port_value: port.into(),
    });
    let Split { bootstrap, files } = split(&compiled.bootstrap, &folder.to_string_lossy());
    let running = started(&folder, &bootstrap, &files)?;
    let mut keeper = sync(&folder, running.admin().to_string())?;
    match keeper.apply(&files) {
        Err(SyncError::RolledBack(NotTaken::Rejected { .. })) => {}
        other => return Err(format!("with the port taken: {other:?}")),
    }
    drop(taken);
    // Another process may have it for a moment.
    let start = Instant::now();
    while let Err(error) = keeper.apply(&files) {
        if start.elapsed() > PATIENCE {
            return Err(error.to_string());
        }
    }
    is_redirected(&running)
}

fn mended(spoil: fn(&mut HttpFilterConfig)) -> Result<(), String> {
    let directory = PrivateDirectory::new("fingerpost-refused-").map_err(said)?;
    let folder = directory.path().join("xds");
    let compiled = compile(operations(), 0)?;
    let Split { bootstrap, files } = split(&compiled.bootstrap, &folder.to_string_lossy());
    let mut bad = files.clone();
    for filter in bad.filters.values_mut() {
        spoil(&mut filter.typed_config);
    }
    if bad == files {
        return Err("nothing is spoilt".to_owned());
    }
    let running = started(&folder, &bootstrap, &bad)?;
    let mut keeper = sync(&folder, running.admin().to_string())?;
    let applied = keeper.apply(&files);
    let applied = applied.map_err(|error| format!("{error}\n{}", running.log()))?;
    let Applied::Changed(_) = applied else {
        return Err(format!("{applied:?}"));
    };
    is_redirected(&running)?;
    expect(keeper.apply(&files).map_err(said)?, Applied::Unchanged)
}

fn sync(folder: &Path, admin: String) -> Result<Sync<RealDisk, Envoy>, String> {
    let envoy = Envoy {
        admin: AdminEndpoint::Tcp(admin),
        patience: PATIENCE,
        give_up: Arc::default(),
    };
    Ok(Sync::new(Folder::open(folder, RealDisk).map_err(said)?, envoy))
}

/// An Envoy that has read these files.
fn started(folder: &Path, bootstrap: &TypedBootstrap, files: &XdsFiles) -> Result<RunningEnvoy, String> {
    let mut first = sync(folder, String::new())?;
    expect(first.apply(files).map_err(said)?, Applied::Written)?;
    let bootstrap = serde_json::to_value(bootstrap).map_err(said)?;
    let directory = folder.parent().unwrap_or(folder);
    let options = StartOptions::default();
    RunningEnvoy::start(&envoy()?, &Bootstrap(bootstrap), directory, options).map_err(said)
}

fn is_redirected(running: &RunningEnvoy) -> Result<(), String> {
    match ask(running, "0.0.0.0_80", "secure.test", "/x", "")?.status {
        301 => Ok(()),
        other => Err(format!("status {other}")),
    }
}

fn expect(seen: Applied, expected: Applied) -> Result<(), String> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{seen:?}, expected {expected:?}"))
}
