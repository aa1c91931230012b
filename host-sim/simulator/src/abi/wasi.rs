//! WASI, as far as Envoy has it: the log behind stdout and stderr, clocks, random bytes, environment; no files, no sockets.

use super::logging::write_line;
use super::{Answer, Call, Stop};
use crate::limits::{self, price};
use crate::plugin::Plugin;
use crate::state::HostState;
use crate::world::LogLevel;
use wasmtime::{Caller, Linker};

const OK: u32 = 0;
const BAD_FILE: u32 = 8;
const INVALID: u32 = 28;
const NO_ENTRY: u32 = 44;
const NO_SYSCALL: u32 = 52;
const NOT_A_DIRECTORY: u32 = 20;
const NOT_SUPPORTED: u32 = 58;

macro_rules! wasi {
    ($linker:ident, $plugin:ident, $($name:literal => $function:expr, ($($argument:ident: $kind:ty),*);)*) => {$(
        let allowed = $plugin.may($name);
        for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
            $linker.func_wrap(module, $name, move |caller: Caller<'_, HostState>, $($argument: $kind),*| {
                #[allow(clippy::cast_lossless, clippy::cast_sign_loss, reason = "only for showing")]
                let shown: &[u64] = &[$($argument as u64),*];
                Call::wasi(caller, $name, allowed, shown, |call| $function(call, $($argument),*))
            })?;
        }
    )*};
}

pub(super) fn link(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    wasi! { linker, plugin,
        "fd_write" => fd_write, (fd: u32, parts: u32, count: u32, written_at: u32);
        "clock_time_get" => clock_time_get, (clock: u32, precision: i64, time_at: u32);
        "clock_res_get" => clock_res_get, (clock: u32, resolution_at: u32);
        "random_get" => random_get, (pointer: u32, length: u32);
        "environ_get" => environ_get, (list_at: u32, text_at: u32);
        "environ_sizes_get" => environ_sizes_get, (count_at: u32, size_at: u32);
        "args_get" => |_: &mut Call<'_>, _, _| Ok(OK), (list_at: u32, text_at: u32);
        "args_sizes_get" => nothing_twice, (count_at: u32, size_at: u32);
        "fd_fdstat_get" => fd_fdstat_get, (fd: u32, pointer: u32);
        "sched_yield" => |_: &mut Call<'_>| Ok(OK), ();
        "poll_oneoff" => |call: &mut Call<'_>, _, _, _, pointer| zero(call, pointer, OK), (subscriptions: u32, events: u32, count: u32, count_at: u32);
        "fd_pwrite" => |call: &mut Call<'_>, fd, parts, count, _, at| fd_write(call, fd, parts, count, at), (fd: u32, parts: u32, count: u32, offset: i64, written_at: u32);
        "fd_tell" => fd_tell, (fd: u32, offset_at: u32);
        "fd_readdir" => |call: &mut Call<'_>, _, _, _, _, pointer| zero(call, pointer, NOT_A_DIRECTORY), (fd: u32, pointer: u32, length: u32, cookie: i64, read_at: u32);
    }
    link_files(linker, plugin)?;
    link_paths_and_sockets(linker, plugin)?;
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        // Envoy notes it at its trace level and goes on.
        linker.func_wrap(module, "proc_exit", |_: Caller<'_, HostState>, _code: u32| {})?;
    }
    // What emscripten's runtime may ask for.
    linker.func_wrap(
        "env",
        "emscripten_notify_memory_growth",
        |_: Caller<'_, HostState>, _: u32| {},
    )?;
    linker.func_wrap(
        "env",
        "pthread_equal",
        |_: Caller<'_, HostState>, left: u32, right: u32| u32::from(left == right),
    )?;
    Ok(())
}

/// Files are stdout and stderr; the rest of the functions only says what they can't.
fn link_files(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    wasi! { linker, plugin,
        "fd_read" => |_: &mut Call<'_>, _, _, _, _| Ok(NO_SYSCALL), (fd: u32, parts: u32, count: u32, read_at: u32);
        "fd_pread" => |_: &mut Call<'_>, _, _, _, _, _| Ok(NO_SYSCALL), (fd: u32, parts: u32, count: u32, offset: i64, read_at: u32);
        "fd_seek" => |_: &mut Call<'_>, _, _, _, _| Ok(OK), (fd: u32, offset: i64, whence: u32, pointer: u32);
        "fd_close" => |_: &mut Call<'_>, _| Ok(OK), (fd: u32);
        "fd_fdstat_set_flags" => |_: &mut Call<'_>, _, _| Ok(NO_SYSCALL), (fd: u32, flags: u32);
        "fd_fdstat_set_rights" => |_: &mut Call<'_>, fd, _, _| Ok(stdio(fd)), (fd: u32, base: i64, inheriting: i64);
        "fd_advise" => |_: &mut Call<'_>, _, _, _, _| Ok(OK), (fd: u32, offset: i64, length: i64, advice: u32);
        "fd_allocate" => |_: &mut Call<'_>, fd, _, _| Ok(stdio(fd)), (fd: u32, offset: i64, length: i64);
        "fd_datasync" => |_: &mut Call<'_>, fd| Ok(stdio(fd)), (fd: u32);
        "fd_sync" => |_: &mut Call<'_>, fd| Ok(stdio(fd)), (fd: u32);
        "fd_filestat_get" => |_: &mut Call<'_>, _, _| Ok(BAD_FILE), (fd: u32, pointer: u32);
        "fd_filestat_set_size" => |_: &mut Call<'_>, fd, _| Ok(stdio(fd)), (fd: u32, size: i64);
        "fd_filestat_set_times" => |_: &mut Call<'_>, fd, _, _, _| Ok(stdio(fd)), (fd: u32, accessed: i64, modified: i64, flags: u32);
        "fd_prestat_get" => |_: &mut Call<'_>, _, _| Ok(BAD_FILE), (fd: u32, pointer: u32);
        "fd_prestat_dir_name" => |_: &mut Call<'_>, _, _, _| Ok(NO_SYSCALL), (fd: u32, pointer: u32, length: u32);
        "fd_renumber" => |_: &mut Call<'_>, fd: u32, to: u32| Ok(stdio(fd).max(stdio(to)).max(NOT_SUPPORTED * u32::from(stdio(fd) + stdio(to) == 0))), (fd: u32, to: u32);
    }
    Ok(())
}

fn link_paths_and_sockets(linker: &mut Linker<HostState>, plugin: &Plugin) -> wasmtime::Result<()> {
    wasi! { linker, plugin,
        "path_open" => |_: &mut Call<'_>, _, _, _, _, _, _, _, _, _| Ok(NO_ENTRY), (fd: u32, flags: u32, path: u32, length: u32, open: u32, base: i64, inheriting: i64, fd_flags: u32, pointer: u32);
        "path_filestat_get" => |_: &mut Call<'_>, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, flags: u32, path: u32, length: u32, pointer: u32);
        "path_create_directory" => |_: &mut Call<'_>, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, path: u32, length: u32);
        "path_filestat_set_times" => |_: &mut Call<'_>, _, _, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, flags: u32, path: u32, length: u32, accessed: i64, modified: i64, which: u32);
        "path_link" => |_: &mut Call<'_>, _, _, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, flags: u32, path: u32, length: u32, to: u32, new: u32, new_length: u32);
        "path_readlink" => |call: &mut Call<'_>, _, _, _, _, _, pointer| zero(call, pointer, NOT_SUPPORTED), (fd: u32, path: u32, length: u32, pointer: u32, size: u32, read_at: u32);
        "path_remove_directory" => |_: &mut Call<'_>, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, path: u32, length: u32);
        "path_rename" => |_: &mut Call<'_>, _, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, path: u32, length: u32, to: u32, new: u32, new_length: u32);
        "path_symlink" => |_: &mut Call<'_>, _, _, _, _, _| Ok(NOT_SUPPORTED), (path: u32, length: u32, fd: u32, new: u32, new_length: u32);
        "path_unlink_file" => |_: &mut Call<'_>, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, path: u32, length: u32);
        "sock_accept" => |_: &mut Call<'_>, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, flags: u32, pointer: u32);
        "sock_recv" => |_: &mut Call<'_>, _, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, parts: u32, count: u32, flags: u32, read_at: u32, out_at: u32);
        "sock_send" => |_: &mut Call<'_>, _, _, _, _, _| Ok(NOT_SUPPORTED), (fd: u32, parts: u32, count: u32, flags: u32, written_at: u32);
        "sock_shutdown" => |_: &mut Call<'_>, _, _| Ok(NOT_SUPPORTED), (fd: u32, how: u32);
    }
    Ok(())
}

fn stdio(fd: u32) -> u32 {
    if matches!(fd, 1 | 2) { OK } else { BAD_FILE }
}

fn zero(call: &mut Call<'_>, pointer: u32, errno: u32) -> Answer<u32> {
    call.put_u32(pointer, 0)?;
    Ok(errno)
}

fn nothing_twice(call: &mut Call<'_>, first: u32, second: u32) -> Answer<u32> {
    call.put_u32(first, 0)?;
    zero(call, second, OK)
}

/// All parts are one log line, without the newline at its end: stdout at info, stderr at error.
fn fd_write(call: &mut Call<'_>, fd: u32, parts: u32, count: u32, written_at: u32) -> Answer<u32> {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return Ok(BAD_FILE),
    };
    let mut line = Vec::new();
    for index in 0..count {
        let at = parts.wrapping_add(index.wrapping_mul(8));
        let (pointer, length) = {
            let part = call.bytes(at, 8)?;
            let number = |bytes: Option<&[u8; 4]>| u32::from_le_bytes(bytes.copied().unwrap_or_default());
            (number(part.first_chunk()), number(part.last_chunk()))
        };
        if length > 0 {
            call.ask(line.len().saturating_add(length as usize))?;
            line.extend_from_slice(call.bytes(pointer, length)?);
        }
        call.pay(price::ENTRY)?;
    }
    let written = u32::try_from(line.len()).unwrap_or(u32::MAX);
    if written != 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        call.note(text);
        match write_line(call.state(), level, text) {
            Ok(()) => {}
            Err(Stop::Trap(error)) => return Err(Stop::Trap(error)),
            Err(Stop::Status(_)) => return Ok(BAD_FILE),
        }
    }
    call.put_u32(written_at, written)?;
    Ok(OK)
}

fn clock_time_get(call: &mut Call<'_>, clock: u32, _: i64, time_at: u32) -> Answer<u32> {
    if clock > 1 {
        return Ok(NOT_SUPPORTED);
    }
    let now = call.state().world.clock.now().as_nanos();
    call.put_u64(time_at, u64::try_from(now).unwrap_or(u64::MAX))?;
    Ok(OK)
}

fn clock_res_get(call: &mut Call<'_>, clock: u32, resolution_at: u32) -> Answer<u32> {
    if clock > 1 {
        return Ok(NOT_SUPPORTED);
    }
    call.put_u64(resolution_at, 1)?;
    Ok(OK)
}

/// The same bytes in every run, unless the test gives another seed.
fn random_get(call: &mut Call<'_>, pointer: u32, length: u32) -> Answer<u32> {
    if length as usize > limits::RANDOM_BYTES {
        return Ok(INVALID);
    }
    call.pay_each(length as usize, price::BYTE)?;
    let mut bytes = Vec::with_capacity(length as usize + 8);
    while bytes.len() < length as usize {
        bytes.extend_from_slice(&call.state().world.dice.roll().to_le_bytes());
    }
    bytes.truncate(length as usize);
    call.put(pointer, &bytes)?;
    Ok(OK)
}

fn environ_get(call: &mut Call<'_>, list_at: u32, text_at: u32) -> Answer<u32> {
    let (mut list_at, mut text_at) = (list_at, text_at);
    for (name, value) in call.state().owner.environment.clone() {
        let text = format!("{name}={value}\0");
        call.put_u32(list_at, text_at)?;
        call.put(text_at, text.as_bytes())?;
        list_at = list_at.wrapping_add(4);
        text_at = text_at.wrapping_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    Ok(OK)
}

fn environ_sizes_get(call: &mut Call<'_>, count_at: u32, size_at: u32) -> Answer<u32> {
    let environment = &call.state().owner.environment;
    let count = environment.len();
    let size: usize = environment
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    call.put_u32(count_at, u32::try_from(count).unwrap_or(u32::MAX))?;
    call.put_u32(size_at, u32::try_from(size).unwrap_or(u32::MAX))?;
    Ok(OK)
}

fn fd_fdstat_get(call: &mut Call<'_>, fd: u32, pointer: u32) -> Answer<u32> {
    if stdio(fd) != OK {
        return Ok(BAD_FILE);
    }
    let mut stat = [0; 24];
    stat[8] = 64; // the right to write
    let _ = call.put(pointer, &stat); // Envoy does not look whether it could
    Ok(OK)
}

fn fd_tell(call: &mut Call<'_>, fd: u32, offset_at: u32) -> Answer<u32> {
    if stdio(fd) != OK {
        return Ok(BAD_FILE);
    }
    call.put_u64(offset_at, 0)?;
    Ok(OK)
}
