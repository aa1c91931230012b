//! When the SDK deletes its contexts: a stream before the next one is created, a root context before the next root context is.
//!
//! The proxy would say when a context ends, by `proxy_on_delete`. But that is one more call into the VM for each request, and a call
//! costs more than all that the filter itself does with it. So the module does not export it. A stream is of no use once its
//! request is decided. A root context takes memory for its table, which a VM never gives back, so it is soon enough to delete it when
//! another one needs the room.
//!
//! Envoy creates a stream and asks about its request in one go. For a request that it answers before the filters run, such as one
//! without a host, it creates a stream too, and never asks (`Context::log` in `source/extensions/common/wasm/context.cc`). What
//! was not asked about is deleted as soon as the proxy has it no more.

use crate::hostcalls::{delete_from_sdk, proxy_has};
use std::cell::Cell;

thread_local! {
    /// Streams whose requests are decided.
    static DECIDED: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
    /// Those whose requests are not.
    static WAITING: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
    static ROOTS: Cell<Vec<u32>> = const { Cell::new(Vec::new()) };
}

/// To be called when a stream is created.
pub(crate) fn on_create_stream(created: u32) {
    delete_decided();
    let mut waiting = WAITING.take();
    if !waiting.is_empty() {
        delete_gone(&mut waiting, created);
    }
    waiting.push(created);
    WAITING.set(waiting);
}

/// To be called when the request of a stream is decided. The SDK is handling an event of the stream then, so it is deleted later.
pub(crate) fn on_decide(stream: u32) {
    let mut waiting = WAITING.take();
    waiting.retain(|it| *it != stream);
    WAITING.set(waiting);
    let mut decided = DECIDED.take();
    decided.push(stream);
    DECIDED.set(decided);
}

/// To be called when a root context is created.
pub(crate) fn on_create_root(created: u32) {
    delete_decided(); // The last stream has a table too.
    let mut roots = ROOTS.take();
    delete_gone(&mut roots, created);
    roots.push(created);
    ROOTS.set(roots);
}

fn delete_decided() {
    let mut decided = DECIDED.take();
    decided.drain(..).for_each(delete_from_sdk);
    DECIDED.set(decided);
}

/// Deletes the contexts that the proxy has no more, while it creates another one.
fn delete_gone(contexts: &mut Vec<u32>, created: u32) {
    contexts.retain(|context| {
        let stays = proxy_has(*context);
        if !stays {
            delete_from_sdk(*context);
        }
        stays
    });
    proxy_has(created); // Host functions are called for it again.
}
