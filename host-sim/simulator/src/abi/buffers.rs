//! Buffers: bodies, configurations, the answer to a call.

use super::{Answer, Call, proxy};
use crate::context::{Direction, Source};
use crate::limits::price;
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_get_buffer_bytes" => get, (buffer: u32, start: u32, length: u32, bytes_at: u32, length_at: u32);
        "proxy_get_buffer_status" => status, (buffer: u32, length_at: u32, flags_at: u32);
        "proxy_set_buffer_bytes" => set, (buffer: u32, start: u32, length: u32, bytes: u32, bytes_length: u32);
    }
    if plugin.module.abi() == crate::AbiVersion::V0_1_0 {
        proxy! { linker, plugin,
            "proxy_get_configuration" => configuration, (bytes_at: u32, length_at: u32);
        }
    }
    Ok(())
}

const MOST: u32 = 8;

/// The bytes of a buffer, or nothing where there is none now.
fn look(state: &HostState, buffer: u32) -> Option<std::borrow::Cow<'_, [u8]>> {
    use std::borrow::Cow;
    let context = state.context()?;
    match buffer {
        0 => body(state, Direction::Request).map(Cow::Borrowed),
        1 => body(state, Direction::Response).map(Cow::Borrowed),
        4 => Some(Cow::Owned(state.root()?.call_response.as_ref()?.body_bytes())),
        6 => Some(Cow::Borrowed(state.owner.vm_configuration.as_slice())),
        7 if context.configuring => Some(Cow::Borrowed(context.plugin.as_ref()?.configuration.as_slice())),
        5 => Some(Cow::Borrowed(
            state.root()?.grpc.message.as_deref().unwrap_or_default(),
        )),
        // Connections have no buffers here; the data of a foreign function is never set.
        2 | 3 | 8 => Some(Cow::Borrowed(&[])),
        _ => None,
    }
}

/// A body that is not at hand is empty, not absent.
fn body(state: &HostState, direction: Direction) -> Option<&[u8]> {
    let context = state.context()?;
    let reach = match direction {
        Direction::Request => context.request,
        Direction::Response => context.response,
    };
    let Some(stream) = state.stream() else {
        return Some(&[]);
    };
    let side = stream.side(direction);
    let source = if reach.buffering {
        Some(Source::Buffered)
    } else {
        reach.body
    };
    Some(match source {
        Some(Source::Buffered) => side.buffered.as_deref().unwrap_or_default(),
        Some(Source::Chunk) => &side.chunk,
        None => &[],
    })
}

fn get(call: &mut Call<'_>, buffer: u32, start: u32, length: u32, bytes_at: u32, length_at: u32) -> Answer {
    if buffer > MOST {
        return Err(Status::BadArgument.into());
    }
    touches_foreign_data(call.state(), buffer)?;
    let bytes = look(call.state(), buffer).ok_or(Status::NotFound)?;
    let part = bytes.get(start as usize..).unwrap_or_default();
    let part = part.get(..length as usize).unwrap_or(part).to_vec();
    call.give(&part, bytes_at, length_at)
}

fn status(call: &mut Call<'_>, buffer: u32, length_at: u32, flags_at: u32) -> Answer {
    if buffer > MOST {
        return Err(Status::BadArgument.into());
    }
    touches_foreign_data(call.state(), buffer)?;
    let length = look(call.state(), buffer).ok_or(Status::NotFound)?.len();
    call.put_u32(length_at, u32::try_from(length).unwrap_or(u32::MAX))?;
    call.put_u32(flags_at, 0)
}

/// Envoy keeps no data of a foreign function, and reads them all the same where a request with a body is answered.
fn touches_foreign_data(state: &mut HostState, buffer: u32) -> Answer {
    let at_response_headers = state.context().is_some_and(|context| context.at_response_headers);
    if buffer == MOST
        && at_response_headers
        && state.stream().is_some_and(|stream| stream.request.received > 0)
    {
        let what = "asked for buffer 8 in proxy_on_response_headers, of a request with a body";
        state.crash(
            "proxy_get_buffer_bytes",
            what,
            "leave it out: no host fills that buffer",
        )?;
    }
    Ok(())
}

/// Envoy replaces bytes at a body's beginning (none: writes before it), or writes behind it; nothing in the middle.
fn set(call: &mut Call<'_>, buffer: u32, start: u32, length: u32, bytes: u32, bytes_length: u32) -> Answer {
    if buffer > MOST {
        return Err(Status::BadArgument.into());
    }
    let direction = match buffer {
        0 => Direction::Request,
        1 => Direction::Response,
        _ => {
            touches_foreign_data(call.state(), buffer)?;
            look(call.state(), buffer).ok_or(Status::NotFound)?;
            call.bytes(bytes, bytes_length)?;
            return Err(Status::BadArgument.into());
        }
    };
    if start == 0 {
        let stream = call.state().stream();
        let moved = stream.map_or(0, |stream| stream.side(direction).body_size());
        call.pay_each(moved, price::BYTE)?;
    }
    let (bytes, state) = call.bytes_and_state(bytes, bytes_length)?;
    state.ask_for_stream(bytes.len())?;
    let context = state.context_mut().ok_or(Status::BadArgument)?;
    let plugin = context.plugin.clone();
    let reach = *context.reach(direction);
    let source = if reach.buffering {
        Some(Source::Buffered)
    } else {
        reach.body
    };
    let side = state.stream_mut().ok_or(Status::BadArgument)?.side_mut(direction);
    side.body_by = plugin.map(|plugin| plugin.name.clone());
    let body = match source {
        Some(Source::Buffered) => side.buffered.get_or_insert_default(),
        Some(Source::Chunk) => &mut side.chunk,
        None => return Err(Status::BadArgument.into()),
    };
    let (start, length) = (start as usize, length as usize);
    if start == 0 {
        let replaced = length.min(body.len());
        body.splice(..replaced, bytes.iter().copied());
    } else if start >= body.len() {
        body.extend_from_slice(bytes);
    } else {
        return Err(Status::BadArgument.into());
    }
    state.recount_stream();
    Ok(())
}

/// ABI 0.1.0: the plugin's configuration while it is configured, else the VM's.
fn configuration(call: &mut Call<'_>, bytes_at: u32, length_at: u32) -> Answer {
    let state = call.state();
    let bytes = match state.context() {
        Some(context) if context.configuring => {
            context.plugin.as_ref().map(|plugin| plugin.configuration.clone())
        }
        _ => None,
    };
    let bytes = bytes.unwrap_or_else(|| state.owner.vm_configuration.clone());
    call.give(&bytes, bytes_at, length_at)
}
