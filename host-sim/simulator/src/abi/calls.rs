//! Calls that a guest makes: HTTP calls, which the test answers, and gRPC calls, which find no service here.

use super::{Answer, Call, Status, pairs, proxy};
use crate::headers::{HeaderKind, Headers};
use crate::message::{HttpCall, Request};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::world::PendingCall;
use std::time::Duration;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_http_call" => http_call, (cluster: u32, cluster_length: u32, headers: u32, headers_length: u32, body: u32, body_length: u32, trailers: u32, trailers_length: u32, timeout: u32, token_at: u32);
        "proxy_grpc_call" => grpc_call, (service: u32, service_length: u32, name: u32, name_length: u32, method: u32, method_length: u32, metadata: u32, metadata_length: u32, message: u32, message_length: u32, timeout: u32, token_at: u32);
        "proxy_grpc_stream" => grpc_stream, (service: u32, service_length: u32, name: u32, name_length: u32, method: u32, method_length: u32, metadata: u32, metadata_length: u32, token_at: u32);
        "proxy_grpc_send" => grpc_send, (token: u32, message: u32, message_length: u32, end: u32);
        "proxy_grpc_close" => grpc_end, (token: u32);
        "proxy_grpc_cancel" => grpc_end, (token: u32);
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
    let body = call.bytes(body, body_length)?.to_vec();
    let mut request = Request::from_headers(map(HeaderKind::Request, call.bytes(headers, headers_length)?));
    let trailers = map(HeaderKind::Trailers, call.bytes(trailers, trailers_length)?);
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
    state.keep(body.len() + request.headers.byte_size())?;
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
    };
    state.world.calls.push(pending);
    call.put_u32(token_at, token)
}

fn map(kind: HeaderKind, bytes: &[u8]) -> Headers {
    let mut headers = Headers::new(kind);
    headers.replace_all(&pairs::read(bytes));
    headers
}

/// What Envoy says where the service is neither a cluster's name nor a `GrpcService`.
#[expect(clippy::too_many_arguments, reason = "the ABI's own signature")]
fn grpc_call(
    call: &mut Call<'_>,
    service: u32,
    service_length: u32,
    name: u32,
    name_length: u32,
    method: u32,
    method_length: u32,
    metadata: u32,
    metadata_length: u32,
    message: u32,
    message_length: u32,
    _timeout: u32,
    _token_at: u32,
) -> Answer {
    for (at, length) in [
        (service, service_length),
        (name, name_length),
        (method, method_length),
        (metadata, metadata_length),
        (message, message_length),
    ] {
        call.bytes(at, length)?;
    }
    Err(Status::ParseFailure.into())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's own signature")]
fn grpc_stream(
    call: &mut Call<'_>,
    service: u32,
    service_length: u32,
    name: u32,
    name_length: u32,
    method: u32,
    method_length: u32,
    metadata: u32,
    metadata_length: u32,
    _token_at: u32,
) -> Answer {
    for (at, length) in [
        (service, service_length),
        (name, name_length),
        (method, method_length),
        (metadata, metadata_length),
    ] {
        call.bytes(at, length)?;
    }
    Err(Status::ParseFailure.into())
}

fn grpc_send(call: &mut Call<'_>, token: u32, message: u32, message_length: u32, _end: u32) -> Answer {
    call.bytes(message, message_length)?;
    // Tokens of streams end in 2; no stream was ever made.
    Err(if token % 4 == 2 {
        Status::NotFound
    } else {
        Status::BadArgument
    }
    .into())
}

fn grpc_end(_: &mut Call<'_>, token: u32) -> Answer {
    Err(if matches!(token % 4, 1 | 2) {
        Status::NotFound
    } else {
        Status::BadArgument
    }
    .into())
}
