//! The connection to an upstream: what `compile` writes for `tls`, `proxyProtocol` and `tunnel` of DestinationRules, in a stock
//! Envoy, in front of real TLS servers.
//!
//! One Envoy has a host for each case. The certificates are made anew for each run.

mod cases;
mod upstream;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use fingerpost_config_compiler::{Compiled, FileSecret, Options};
use fingerpost_envoy_runner::{Bootstrap, RunningEnvoy, StartOptions};
use fingerpost_tests::compiled;
use tempfile::TempDir;

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::operations::{PATIENCE, ask, said};
use cases::{Case, Cast, Expected};

pub(crate) fn is_as_destination_rules_say() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let folder = tempfile::tempdir().map_err(said)?;
    let cast = Cast::new(folder.path())?;
    let cases = cases::all(&cast);
    let compiled = compile(&cast.resources(&cases), &folder)?;
    let mut bootstrap = Bootstrap(compiled.bootstrap_json());
    bootstrap.bind_listeners_to_free_ports();
    let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), StartOptions::default());
    let envoy = envoy.map_err(said)?;
    let mut failures: Vec<String> = cases.iter().filter_map(|it| failure(it, &envoy)).collect();
    failures.extend(tunnel(&cast, &envoy).err().map(|it| format!("tunnel: {it}")));
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n")),
    }
}

fn compile(resources: &str, folder: &TempDir) -> Result<Compiled, String> {
    let module = folder.path().join("fingerpost.wasm");
    fs::copy(compiled::module_path(), &module).map_err(said)?;
    fs::create_dir(folder.path().join(FileSecret::FOLDER)).map_err(said)?;
    let options = Options {
        module_path: module.to_string_lossy().into_owned(),
        ..Options::default()
    };
    let compiled = compiled::of_text(resources, &options)?;
    for secret in &compiled.file_secrets {
        fs::write(secret.path(), secret.content()).map_err(said)?;
    }
    Ok(compiled)
}

/// What is not as expected.
fn failure(case: &Case<'_>, envoy: &RunningEnvoy) -> Option<String> {
    let found = || -> Result<(), String> {
        let reply = ask(envoy, "0.0.0.0_80", &case.host(), "/", "")?;
        let mut met = case.upstream.met();
        match &case.expected {
            Expected::Refused if reply.status == 503 && met.is_empty() => Ok(()),
            Expected::Refused => Err(format!("got {}, and the upstream met {met:?}", reply.status)),
            Expected::Handshake(alpn) if met.iter().any(|it| it.alpn.as_deref() == Some(*alpn)) => Ok(()),
            Expected::Handshake(_) => Err(format!("the upstream met {met:?}")),
            Expected::Met(expected) => match met.pop() {
                Some(last) if reply.status == 200 && last == *expected => Ok(()),
                last => Err(format!(
                    "got {}, and the upstream met {last:?}, not {expected:?}",
                    reply.status
                )),
            },
        }
    };
    found().err().map(|reason| format!("{}: {reason}", case.name))
}

/// A connection to the TCP server goes through the proxy that the DestinationRule's tunnel names.
fn tunnel(cast: &Cast, envoy: &RunningEnvoy) -> Result<(), String> {
    let listeners = envoy.listeners().map_err(said)?;
    let found = listeners.iter().find(|it| it.name == "0.0.0.0_9000");
    let address: SocketAddr = found.ok_or("no listener")?.address;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    stream.write_all(b"ping").map_err(said)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).map_err(said)?;
    let met = cast.proxy.met();
    match (&answer, met.as_slice()) {
        (b"ping", [met]) if met.request_line == "CONNECT db.test:3306 HTTP/1.1" => Ok(()),
        _ => Err(format!("got {answer:?}, and the proxy met {met:?}")),
    }
}
