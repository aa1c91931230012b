//! gRPC calls and streams that a guest opens. The test answers them; `src/grpc_answer.rs` calls the guest back.

use super::calls::map;
use super::protobuf::Message;
use super::{Answer, Call, proxy};
use crate::HeaderMap;
use crate::budget::Held;
use crate::grpc::{GrpcCall, OpenGrpc};
use crate::limits;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use std::time::Duration;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_grpc_call" => grpc_call, (service: u32, service_length: u32, name: u32, name_length: u32, method: u32, method_length: u32, metadata: u32, metadata_length: u32, message: u32, message_length: u32, timeout: u32, token_at: u32);
        "proxy_grpc_stream" => grpc_stream, (service: u32, service_length: u32, name: u32, name_length: u32, method: u32, method_length: u32, metadata: u32, metadata_length: u32, token_at: u32);
        "proxy_grpc_send" => grpc_send, (token: u32, message: u32, message_length: u32, end: u32);
        "proxy_grpc_close" => grpc_close, (token: u32);
        "proxy_grpc_cancel" => grpc_cancel, (token: u32);
    }
    Ok(())
}

/// The two lowest bits of a token say what it is.
const STEP: u32 = 4;
const CALL: u32 = 1;
const STREAM: u32 = 2;

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
    timeout: u32,
    token_at: u32,
) -> Answer {
    let message = call.owned(message, message_length)?;
    let mut opened = opened(
        call,
        [
            (service, service_length),
            (name, name_length),
            (method, method_length),
            (metadata, metadata_length),
        ],
    )?;
    let held = hold(call, &opened, message.len())?;
    opened.messages.push(message);
    opened.timeout = Duration::from_millis(u64::from(timeout));
    let state = call.state();
    state.last_grpc_call = state.last_grpc_call.wrapping_add(STEP);
    let token = state.last_grpc_call | CALL;
    open(state, token, opened, held);
    ask(state, token);
    call.put_u32(token_at, token)
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
    token_at: u32,
) -> Answer {
    let opened = opened(
        call,
        [
            (service, service_length),
            (name, name_length),
            (method, method_length),
            (metadata, metadata_length),
        ],
    )?;
    let held = hold(call, &opened, 0)?;
    let state = call.state();
    state.last_grpc_stream = state.last_grpc_stream.wrapping_add(STEP);
    let token = state.last_grpc_stream | STREAM;
    open(state, token, opened, held);
    call.put_u32(token_at, token)
}

/// What a call is about: its service is a serialised `GrpcService`, or the name of a cluster.
fn opened(call: &mut Call<'_>, [service, name, method, metadata]: [(u32, u32); 4]) -> Answer<GrpcCall> {
    call.note_bytes(service.0, service.1);
    call.note_bytes(method.0, method.1);
    let text = |call: &mut Call<'_>, (at, length): (u32, u32)| -> Answer<String> {
        call.ask(length as usize)?;
        Ok(String::from_utf8_lossy(call.bytes(at, length)?).into_owned())
    };
    let bytes = call.bytes(service.0, service.1)?;
    let parsed = Message::read(bytes).map(|message| {
        let envoy_grpc = Message::read(message.bytes(1));
        envoy_grpc.map_or_else(Vec::new, |it| it.bytes(1).to_vec())
    });
    let is_without_target = Message::read(bytes).is_some_and(|message| !message.has(1) && !message.has(2));
    let named = parsed.is_none();
    let cluster = parsed.unwrap_or_else(|| bytes.to_vec());
    let cluster = String::from_utf8_lossy(&cluster).into_owned();
    let opened = GrpcCall {
        cluster,
        service: text(call, name)?,
        method: text(call, method)?,
        metadata: map(HeaderMap::Request, call.bytes(metadata.0, metadata.1)?),
        messages: Vec::new(),
        timeout: Duration::ZERO,
    };
    if is_without_target {
        let what = "named a gRPC service that is empty, or a GrpcService message without envoy_grpc and google_grpc (some \
                    names are read as one, `host` and `auth-grpc` for instance)";
        let instead = "give a serialised GrpcService with envoy_grpc";
        call.state().crash("proxy_grpc_call", what, instead)?;
        return Err(Status::InternalFailure.into());
    }
    match call.state().world.grpc_clusters.contains(&opened.cluster) {
        true => Ok(opened),
        false if named => Err(Status::ParseFailure.into()),
        false => Err(Status::InternalFailure.into()),
    }
}

/// What the host keeps of a call until it has ended.
fn hold(call: &mut Call<'_>, opened: &GrpcCall, message: usize) -> Answer<Held> {
    let texts = opened.cluster.len() + opened.service.len() + opened.method.len();
    let bytes = texts + opened.metadata.weight() + message;
    Ok(call.state().world.budget.hold(bytes)?)
}

fn open(state: &mut HostState, token: u32, call: GrpcCall, held: Held) {
    let root = state.context().map_or(0, |context| context.root);
    let open = OpenGrpc {
        root,
        call,
        asked: false,
        closed_here: false,
        closed_there: false,
        held,
    };
    state.grpc.insert(token, open);
}

/// Has the test answer, once.
fn ask(state: &mut HostState, token: u32) {
    let vm = state.vm;
    if let Some(open) = state.grpc.get_mut(&token)
        && !std::mem::replace(&mut open.asked, true)
    {
        state.world.grpc_calls.push_back((vm, token));
    }
}

fn grpc_send(call: &mut Call<'_>, token: u32, message: u32, message_length: u32, end: u32) -> Answer {
    let message = call.owned(message, message_length)?;
    if token % STEP != STREAM {
        return Err(Status::BadArgument.into());
    }
    let state = call.state();
    let bytes = message.len() + limits::ENTRY_BYTES;
    let open = state.grpc.get_mut(&token).ok_or(Status::NotFound)?;
    state.world.budget.ask(bytes)?;
    open.held.grow(bytes);
    open.call.messages.push(message);
    if end != 0 {
        ask(state, token);
    }
    Ok(())
}

/// Of a call: forgets it. Of a stream: no more is sent, but its answer is awaited.
fn grpc_close(call: &mut Call<'_>, token: u32) -> Answer {
    let state = call.state();
    match token % STEP {
        CALL => state.grpc.remove(&token).map(|_| ()).ok_or(Status::NotFound)?,
        STREAM => {
            let open = state.grpc.get_mut(&token).ok_or(Status::NotFound)?;
            open.closed_here = true;
            if open.closed_there {
                state.grpc.remove(&token);
            } else {
                ask(state, token);
            }
        }
        _ => return Err(Status::BadArgument.into()),
    }
    Ok(())
}

fn grpc_cancel(call: &mut Call<'_>, token: u32) -> Answer {
    if !matches!(token % STEP, CALL | STREAM) {
        return Err(Status::BadArgument.into());
    }
    let cancelled = call.state().grpc.remove(&token);
    cancelled.map(|_| ()).ok_or(Status::NotFound.into())
}
