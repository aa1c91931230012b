//! TLS at the edge: what `compile` writes for servers that end TLS, in a stock Envoy, asked by a real TLS client.
//!
//! One Envoy has a listener for each kind of server. The certificates are made anew for each run.

pub(crate) mod authority;
mod edge;
mod handshakes;
mod secrets;

use edge::Edge;
use fingerpost_config_compiler::EnvoyVersion;
use fingerpost_envoy_runner::EnvoyBinary;
use fingerpost_tests::compiled;

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::oldest;

pub(crate) fn serves_real_clients() -> Result<(), String> {
    serves(&envoy()?, EnvoyVersion::NEWEST)
}

pub(crate) fn serves_real_clients_in_the_oldest() -> Result<(), String> {
    serves(&oldest::binary()?, EnvoyVersion::OLDEST)
}

fn serves(binary: &EnvoyBinary, release: EnvoyVersion) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let cast = handshakes::Cast::new()?;
    let edge = Edge::start((binary, release), &cast.resources(), &cast.files())?;
    let failures = handshakes::failures(&cast, &edge);
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n")),
    }
}

pub(crate) fn follows_secrets() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    secrets::are_followed()
}
