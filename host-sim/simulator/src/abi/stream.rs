//! What a guest does with streams: goes on, ends them, answers them itself; and which context it speaks for.

use super::{Answer, Call, pairs, proxy};
use crate::context::Direction;
use crate::local_reply::LocalReply;
use crate::plugin::Plugin;
use crate::state::{DeferredAction, HostState};
use crate::status::Status;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_send_local_response" => send_local_response, (status: u32, details: u32, details_length: u32, body: u32, body_length: u32, headers: u32, headers_length: u32, grpc_status: u32);
        "proxy_set_effective_context" => set_effective_context, (context: u32);
        "proxy_done" => done, ();
    }
    Ok(())
}

pub(super) fn link_0_2(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_continue_stream" => continue_stream, (kind: u32);
        "proxy_close_stream" => close_stream, (kind: u32);
    }
    Ok(())
}

pub(super) fn link_0_1_0(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_continue_request" => continue_request, ();
        "proxy_continue_response" => continue_response, ();
        "proxy_clear_route_cache" => clear_route_cache, ();
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's own signature")]
fn send_local_response(
    call: &mut Call<'_>,
    status: u32,
    details: u32,
    details_length: u32,
    body: u32,
    body_length: u32,
    headers: u32,
    headers_length: u32,
    grpc_status: u32,
) -> Answer {
    call.ask(details_length as usize)?;
    let details = String::from_utf8_lossy(call.bytes(details, details_length)?).into_owned();
    let body = call.owned(body, body_length)?;
    let headers: Vec<_> = pairs::read(call.bytes(headers, headers_length)?)
        .into_iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    let bytes = details.len() + body.len() + pairs::size(&headers);
    let state = call.state();
    let instead = "reply in a callback for headers, body or trailers";
    if state.context().is_some_and(|context| context.ending) {
        state.crash(
            REPLY,
            "replied to a stream that is over, in proxy_on_log, proxy_on_done or proxy_on_delete",
            instead,
        )?;
        return Ok(());
    }
    if state.context().is_some_and(|context| context.closes_now) {
        state.crash(
            REPLY,
            "replied to a stream that it has just closed",
            "do one of both",
        )?;
        return Ok(());
    }
    // Envoy's function takes no notice of a second reply, and answers Ok to both.
    if let Some(context) = state.context_mut().filter(|context| !context.reply_held) {
        context.reply_held = true;
        context.replies_now = true;
        let context = context.id;
        let reply = LocalReply {
            status,
            details: details.replace(char::is_whitespace, "_"),
            body,
            headers,
            grpc_status: (grpc_status <= 16).then_some(grpc_status),
        };
        state.do_after(DeferredAction::Reply { context, reply }, bytes)?;
    }
    state.stop_iteration = true;
    Ok(())
}

const REPLY: &str = "proxy_send_local_response";
const CLOSE: &str = "proxy_close_stream";
const CONTINUE: &str = "proxy_continue_stream";

fn continue_stream(call: &mut Call<'_>, kind: u32) -> Answer {
    match kind {
        0 => continue_in(call, Direction::Request),
        1 => continue_in(call, Direction::Response),
        2 => Ok(()), // no connection to read on
        3 => Err(Status::Unimplemented.into()),
        _ => Err(Status::BadArgument.into()),
    }
}

fn continue_request(call: &mut Call<'_>) -> Answer {
    continue_in(call, Direction::Request)
}

fn continue_response(call: &mut Call<'_>) -> Answer {
    continue_in(call, Direction::Response)
}

/// Envoy takes the request's headers, body and trailers from the guest here, whichever way it lets go on.
fn continue_in(call: &mut Call<'_>, direction: Direction) -> Answer {
    let state = call.state();
    let Some(context) = state.context_mut() else {
        return Ok(());
    };
    context.request.headers = false;
    context.request.body = None;
    context.request.trailers = false;
    let made_trailers = context.made_trailers;
    if direction == Direction::Response && made_trailers {
        let what = "made trailers of a response in the callback for its body, and told it to go on";
        state.crash(CONTINUE, what, "return Continue")?;
        return Ok(());
    }
    if direction == Direction::Response && state.context().is_some_and(|context| context.replies_now) {
        let what = "told the response to go on that it has just made by a local reply";
        state.crash(CONTINUE, what, "leave it out: a reply goes by itself")?;
        return Ok(());
    }
    let Some(context) = state.context_mut() else {
        return Ok(());
    };
    if context.stream.is_some() {
        let context = context.id;
        state.do_after(DeferredAction::Continue { context, direction }, 0)?;
    }
    Ok(())
}

fn close_stream(call: &mut Call<'_>, kind: u32) -> Answer {
    let state = call.state();
    match kind {
        0 | 1 if state.context().is_some_and(|context| context.ending) => {
            let what = "closed a stream that is over, in proxy_on_log, proxy_on_done or proxy_on_delete";
            state.crash(CLOSE, what, "leave it out")?;
            Ok(())
        }
        0 | 1 if state.context().is_some_and(|context| context.replies_now) => {
            state.crash(
                CLOSE,
                "closed a stream to which it has just replied",
                "leave it out: a reply ends the stream",
            )?;
            Ok(())
        }
        0 | 1 => {
            if let Some(context) = state.context_mut().filter(|context| context.stream.is_some()) {
                context.closes_now = true;
                let context = context.id;
                if let Some(stream) = state.stream_mut() {
                    stream
                        .details
                        .get_or_insert_with(|| "wasm_close_stream".to_owned());
                }
                state.do_after(DeferredAction::Reset { context }, 0)?;
            }
            Ok(())
        }
        2 | 3 => Ok(()), // no connection to close
        _ => Err(Status::BadArgument.into()),
    }
}

fn clear_route_cache(call: &mut Call<'_>) -> Answer {
    if let Some(stream) = call.state().stream_mut() {
        stream.route_cache_cleared = stream.route_cache_cleared.saturating_add(1);
    }
    Ok(())
}

fn set_effective_context(call: &mut Call<'_>, context: u32) -> Answer {
    let state = call.state();
    if !state.contexts.contains_key(&context) {
        return Err(Status::BadArgument.into());
    }
    state.effective = context;
    Ok(())
}

/// Only for a root context whose `proxy_on_done` said "not yet".
fn done(call: &mut Call<'_>) -> Answer {
    let state = call.state();
    let context = state.context_mut().ok_or(Status::NotFound)?;
    if !std::mem::take(&mut context.waits_for_done) {
        return Err(Status::NotFound.into());
    }
    let root = context.id;
    Ok(state.do_after(DeferredAction::Done { root }, 0)?)
}
