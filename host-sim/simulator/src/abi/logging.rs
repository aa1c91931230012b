//! The log and the clock.

use super::{Answer, Call, proxy};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::status::Status;
use crate::world::LogLevel;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_log" => log, (level: u32, message: u32, length: u32);
        "proxy_get_current_time_nanoseconds" => now, (time_at: u32);
        "proxy_set_tick_period_milliseconds" => set_tick_period, (period: u32);
        "proxy_get_status" => status, (code_at: u32, message_at: u32, length_at: u32);
    }
    Ok(())
}

pub(super) fn link_0_2_1(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    proxy! { linker, plugin,
        "proxy_get_log_level" => log_level, (level_at: u32);
    }
    Ok(())
}

fn log(call: &mut Call<'_>, level: u32, message: u32, length: u32) -> Answer {
    let level = LogLevel::from_number(level).ok_or(Status::BadArgument)?;
    call.note_bytes(message, length);
    let (message, state) = call.bytes_and_state(message, length)?;
    write_line(state, level, message)
}

/// Also behind stdout and stderr.
pub(super) fn write_line(state: &mut HostState, level: LogLevel, message: &[u8]) -> Answer {
    if level < state.world.log_level {
        return Ok(());
    }
    let prefix = state
        .context()
        .map(|context| context.log_prefix())
        .unwrap_or_default();
    state.world.budget.ask(lossy_length(message))?;
    let message = String::from_utf8_lossy(message).into_owned();
    Ok(state.world.log_line(level, prefix, message)?)
}

/// How long the bytes are as text, where those that are not UTF-8 are replaced.
fn lossy_length(bytes: &[u8]) -> usize {
    let chunks = bytes.utf8_chunks();
    let lengths = chunks.map(|chunk| {
        let replaced = if chunk.invalid().is_empty() {
            0
        } else {
            '\u{fffd}'.len_utf8()
        };
        chunk.valid().len() + replaced
    });
    lengths.sum()
}

fn log_level(call: &mut Call<'_>, level_at: u32) -> Answer {
    let level = call.state().world.log_level as u32;
    call.put_u32(level_at, level)
}

fn now(call: &mut Call<'_>, time_at: u32) -> Answer {
    let now = call.state().world.clock.now();
    call.put_u64(time_at, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// One timer for each root context; zero stops it.
fn set_tick_period(call: &mut Call<'_>, period: u32) -> Answer {
    use crate::state::Timer;
    use std::time::Duration;
    let state = call.state();
    let root = state.context().map_or(0, |context| context.root);
    let period = Duration::from_millis(u64::from(period));
    match period.is_zero() {
        true => {
            state.timers.remove(&root);
        }
        false => {
            let due = state.world.clock.now() + period;
            state.timers.insert(root, Timer { period, due });
        }
    }
    Ok(())
}

fn status(call: &mut Call<'_>, code_at: u32, message_at: u32, length_at: u32) -> Answer {
    let root = call.state().root();
    let (code, message) = root.map_or((0, String::new()), |root| root.status.clone());
    call.put_u32(code_at, code)?;
    call.give(message.as_bytes(), message_at, length_at)
}
