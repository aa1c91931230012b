//! The ABI, one module per area: what a guest can call, with Envoy's checks in Envoy's order.

mod buffers;
mod call;
mod calls;
mod foreign;
mod grpc;
mod headers;
mod logging;
mod metrics;
mod pairs;
mod properties;
mod protobuf;
mod shared;
mod signature;
mod stream;
mod wasi;

pub(crate) use call::{Answer, Call, Halt, Stop};

use crate::error::LoadError;
use crate::module::{AbiVersion, engine};
use crate::plugin::Plugin;
use crate::state::HostState;
use wasmtime::Linker;

/// Links functions of the module `env` that answer with a status.
macro_rules! proxy {
    ($linker:ident, $plugin:ident, $($name:literal => $function:path, ($($argument:ident: $kind:ty),*);)*) => {$({
        let allowed = $plugin.may($name);
        $linker.func_wrap("env", $name, move |caller: wasmtime::Caller<'_, $crate::state::HostState>, $($argument: $kind),*| {
            #[allow(clippy::cast_lossless, clippy::cast_sign_loss, reason = "only for showing")]
            let shown: &[u64] = &[$($argument as u64),*];
            $crate::abi::Call::proxy(caller, $name, allowed, shown, |call| $function(call, $($argument),*))
        })?;
    })*};
}
pub(crate) use proxy;

/// All that Envoy gives a module of this plugin's ABI version.
pub(crate) fn linker(plugin: &Plugin) -> Result<Linker<HostState>, LoadError> {
    let mut linker = Linker::new(engine()?);
    link(&mut linker, plugin).map_err(|error| LoadError::Instance {
        reason: error.to_string(),
    })?;
    Ok(linker)
}

fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    logging::link(linker, plugin)?;
    headers::link(linker, plugin)?;
    buffers::link(linker, plugin)?;
    properties::link(linker, plugin)?;
    metrics::link(linker, plugin)?;
    shared::link(linker, plugin)?;
    calls::link(linker, plugin)?;
    grpc::link(linker, plugin)?;
    stream::link(linker, plugin)?;
    foreign::link(linker, plugin)?;
    wasi::link(linker, plugin)?;
    match plugin.module.abi() {
        AbiVersion::V0_1_0 => stream::link_0_1_0(linker, plugin),
        AbiVersion::V0_2_0 => stream::link_0_2(linker, plugin),
        AbiVersion::V0_2_1 => {
            stream::link_0_2(linker, plugin)?;
            logging::link_0_2_1(linker, plugin)
        }
    }
}
