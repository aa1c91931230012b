//! HTTP calls that a guest makes; the test answers them.

use super::{Answer, Call, pairs, proxy};
use crate::HeaderMap;
use crate::headers::Headers;
use crate::message::{HttpCall, Request};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use crate::world::PendingCall;
use std::time::Duration;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_http_call" => http_call, (cluster: u32, cluster_length: u32, headers: u32, headers_length: u32, body: u32, body_length: u32, trailers: u32, trailers_length: u32, timeout: u32, token_at: u32);
    }
    Ok(())
}

const TOKEN_STEP: u32 = 4;

#[expect(clippy::too_many_arguments, reason = "the ABI's own signature")]
fn http_call(
    call: &mut Call<'_>,
    cluster: u32,
    cluster_length: u32,
    headers: u32,
    headers_length: u32,
    body: u32,
    body_length: u32,
    trailers: u32,
    trailers_length: u32,
    timeout: u32,
    token_at: u32,
) -> Answer {
    call.note_bytes(cluster, cluster_length);
    let cluster = String::from_utf8_lossy(call.bytes(cluster, cluster_length)?).into_owned();
    let body = call.owned(body, body_length)?;
    let mut request = Request::from_headers(map(HeaderMap::Request, call.bytes(headers, headers_length)?));
    let trailers = map(HeaderMap::Trailers, call.bytes(trailers, trailers_length)?);
    // Envoy writes the token before it knows whether there will be a call, to see that it can.
    call.put_u32(token_at, 0)?;
    let timeout = i32::try_from(timeout).map_err(|_| Status::BadArgument)?;
    let state = call.state();
    let required = [":path", ":method", ":authority"];
    if !state.world.clusters.contains(&cluster)
        || required.iter().any(|name| request.headers.get(name).is_none())
    {
        return Err(Status::BadArgument.into());
    }
    let bytes = cluster.len() + body.len() + request.headers.weight() + trailers.weight();
    let held = state.world.budget.hold(bytes)?;
    if !body.is_empty() {
        request = request.body(body);
    }
    request.trailers = (!trailers.is_empty()).then_some(trailers);
    let root = state.context().map_or(0, |context| context.root);
    state.last_http_call = state.last_http_call.wrapping_add(TOKEN_STEP);
    let token = state.last_http_call;
    let pending = PendingCall {
        vm: state.vm,
        root,
        token,
        call: HttpCall {
            cluster,
            request,
            timeout: Duration::from_millis(u64::from(timeout.unsigned_abs())),
        },
        made: state.world.clock.now(),
        plugin: state
            .context()
            .and_then(|context| context.plugin.as_ref())
            .map(|plugin| plugin.name.clone()),
        held,
    };
    state.world.calls.push_back(pending);
    call.put_u32(token_at, token)
}

/// A serialised map, as a map.
pub(super) fn map(kind: HeaderMap, bytes: &[u8]) -> Headers {
    let mut headers = Headers::new(kind);
    headers.replace_all(&pairs::read(bytes));
    headers
}
