//! TLS at the edge: what `compile` writes for servers that end TLS, in a stock Envoy, asked by a real TLS client.
//!
//! One Envoy has a listener for each kind of server. The certificates are made anew for each run.

pub(crate) mod authority;
mod edge;
mod handshakes;
mod secrets;

use edge::Edge;
use fingerpost_tests::compiled;

use crate::engines::one_envoy_at_a_time;

pub(crate) fn serves_real_clients() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    compiled::built_module()?;
    let cast = handshakes::Cast::new()?;
    let edge = Edge::start(&cast.resources(), &cast.files())?;
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
