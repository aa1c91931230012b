//! Streams through a stock Envoy: HTTP/2, gRPC, WebSocket, bodies that are long or never end.
//!
//! One Envoy serves the same resources by our filter and by its own router, and every test puts the same to both: what is
//! expected holds for each. Clients and servers are real ones, and no test waits for a time to pass.

mod bodies;
mod body;
mod grpc;
mod grpc_frames;
mod http2;
mod port_names;
mod proxy;
mod received;
mod upstream;
mod upstream_grpc;
mod websocket;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::engines::one_envoy_at_a_time;
use crate::operations::said;
use proxy::{Proxy, SharedProxy, Side};

/// A test: its name, and what it does with either side.
type Test = (&'static str, fn(&Proxy, Side) -> Result<(), String>);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// All tests. The Envoy that they share ends with the last of them.
pub(crate) fn trials() -> Vec<Trial> {
    let shared = Arc::new(SharedProxy::default());
    let tests = [
        grpc::TESTS,
        port_names::TESTS,
        websocket::TESTS,
        bodies::TESTS,
        http2::TESTS,
    ];
    let trial = |(name, test): &Test| {
        let (shared, test) = (Arc::clone(&shared), *test);
        Trial::test(format!("streams: {name}"), move || {
            let _turn = one_envoy_at_a_time();
            let proxy = shared.get()?;
            for side in Side::ALL {
                test(proxy, side).map_err(|error| format!("{side}: {error}\n{}", proxy.log()))?;
            }
            Ok(())
        })
    };
    tests.into_iter().flatten().map(trial).collect()
}

/// Runs a client to its end, which it must reach in [`PATIENCE`].
fn run<T>(client: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(said)?;
    runtime.block_on(async {
        let ended = tokio::time::timeout(PATIENCE, client).await;
        ended.map_err(|_| format!("not ended within {PATIENCE:?}"))?
    })
}

/// Compares what was seen with what was expected.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected {
        Ok(())
    } else {
        Err(format!("{what}: {got:?}, expected {expected:?}"))
    }
}
