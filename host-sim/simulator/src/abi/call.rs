//! One call of a guest to the host: its memory, its state, and how it ends.

use crate::error::Cause;
use crate::limits::{self, price};
use crate::state::HostState;
use crate::status::Status;
use crate::trace::Event;
use crate::world::LogLevel;
use std::fmt;
use wasmtime::{Caller, Memory, Trap};

/// Why a host function does not answer Ok.
pub(crate) enum Stop {
    /// The guest gets this status.
    Status(Status),
    /// The guest is stopped.
    Trap(wasmtime::Error),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        Self::Trap(wasmtime::Error::new(Halt(cause)))
    }
}

/// Carries a cause through the runtime.
#[derive(Debug)]
pub(crate) struct Halt(pub(crate) Cause);

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Halt {}

pub(crate) type Answer<T = ()> = Result<T, Stop>;

/// A call from a guest that has memory.
///
/// Whatever it reads of the guest or writes there is paid in fuel. What it hands over is a copy that was made before the
/// guest's allocator ran: the allocator is guest code, and may change or drop what was being read.
pub(crate) struct Call<'a> {
    caller: Caller<'a, HostState>,
    memory: Memory,
    /// For the trace: what was found behind the call's pointers.
    said: Vec<String>,
}

impl<'a> Call<'a> {
    /// Runs a function of the ABI and says how it ended.
    pub(crate) fn proxy(
        caller: Caller<'a, HostState>,
        name: &'static str,
        allowed: bool,
        shown: &[u64],
        body: impl FnOnce(&mut Self) -> Answer,
    ) -> wasmtime::Result<u32> {
        let mut call = Self::begin(caller, name)?;
        let answer = match allowed {
            true => body(&mut call),
            false => {
                call.complain(format!(
                    "Attempted call to restricted proxy-wasm capability: {name}"
                ))?;
                Err(Status::InternalFailure.into())
            }
        };
        let status = match answer {
            Ok(()) => None,
            Err(Stop::Status(status)) => Some(status),
            Err(Stop::Trap(error)) => return Err(error),
        };
        if call.state().world.trace.on {
            let status = status.map_or_else(|| "Ok".to_owned(), |status| format!("{status:?}"));
            call.record(name, shown, status);
        }
        Ok(status.map_or(0, |status| status as u32))
    }

    /// Runs a function of WASI, which answers with an errno.
    pub(crate) fn wasi(
        caller: Caller<'a, HostState>,
        name: &'static str,
        allowed: bool,
        shown: &[u64],
        body: impl FnOnce(&mut Self) -> Answer<u32>,
    ) -> wasmtime::Result<u32> {
        const FAULT: u32 = 21;
        const NOT_CAPABLE: u32 = 76;
        let mut call = Self::begin(caller, name)?;
        let answer = match allowed {
            true => body(&mut call),
            false => {
                call.complain(format!("Attempted call to restricted WASI capability: {name}"))?;
                Ok(NOT_CAPABLE)
            }
        };
        let errno = match answer {
            Ok(errno) => errno,
            Err(Stop::Status(_)) => FAULT,
            Err(Stop::Trap(error)) => return Err(error),
        };
        if call.state().world.trace.on {
            call.record(name, shown, format!("errno {errno}"));
        }
        Ok(errno)
    }

    fn begin(mut caller: Caller<'a, HostState>, name: &'static str) -> wasmtime::Result<Self> {
        let state = caller.data_mut();
        state.hostcalls += 1;
        let early = Cause::TooEarly {
            function: name.to_owned(),
        };
        if state.starting && name.starts_with("proxy_") && name != "proxy_log" {
            return Err(wasmtime::Error::new(Halt(early)));
        }
        let memory = match state.memory {
            Some(memory) => memory,
            // A module that calls the host from its start section: no export has been looked up yet.
            None => match caller
                .get_export("memory")
                .and_then(wasmtime::Extern::into_memory)
            {
                Some(memory) => memory,
                None => return Err(wasmtime::Error::new(Halt(early))),
            },
        };
        let mut call = Self {
            caller,
            memory,
            said: Vec::new(),
        };
        match call.pay(price::CALL) {
            Ok(()) => Ok(call),
            Err(Stop::Trap(error)) => Err(error),
            Err(Stop::Status(_)) => Err(wasmtime::Error::new(Trap::OutOfFuel)),
        }
    }

    /// Takes fuel for what the host does.
    pub(crate) fn pay(&mut self, units: u64) -> Answer {
        let left = self.caller.get_fuel().map_err(Stop::Trap)?;
        self.caller
            .set_fuel(left.saturating_sub(units))
            .map_err(Stop::Trap)?;
        match left < units {
            true => Err(Stop::Trap(wasmtime::Error::new(Trap::OutOfFuel))),
            false => Ok(()),
        }
    }

    /// As [`Call::pay`], for so many of something.
    pub(crate) fn pay_each(&mut self, count: usize, units: u64) -> Answer {
        self.pay(u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(units))
    }

    /// Fails if the budget has no room for so many bytes. For copies, before they are made.
    pub(crate) fn ask(&mut self, bytes: usize) -> Answer {
        Ok(self.state().world.budget.ask(bytes)?)
    }

    pub(crate) fn state(&mut self) -> &mut HostState {
        self.caller.data_mut()
    }

    /// Bytes of the guest.
    pub(crate) fn bytes(&mut self, pointer: u32, length: u32) -> Answer<&[u8]> {
        self.pay_for(pointer, length)?;
        Ok(slice(self.memory.data(&self.caller), pointer, length)?)
    }

    /// As [`Call::bytes`], as the host's own, if the budget has room for them.
    pub(crate) fn owned(&mut self, pointer: u32, length: u32) -> Answer<Vec<u8>> {
        self.pay_for(pointer, length)?;
        self.ask(length as usize)?;
        Ok(slice(self.memory.data(&self.caller), pointer, length)?.to_vec())
    }

    /// Bytes of the guest and the host's state, both at once.
    pub(crate) fn bytes_and_state(&mut self, pointer: u32, length: u32) -> Answer<(&[u8], &mut HostState)> {
        self.pay_for(pointer, length)?;
        let (memory, state) = self.memory.data_and_store_mut(&mut self.caller);
        Ok((slice(memory, pointer, length)?, state))
    }

    /// As [`Call::bytes_and_state`], of two texts: a name and a value.
    pub(crate) fn two_and_state(
        &mut self,
        name: (u32, u32),
        value: (u32, u32),
    ) -> Answer<(&[u8], &[u8], &mut HostState)> {
        self.pay_for(name.0, name.1)?;
        self.pay_for(value.0, value.1)?;
        let (memory, state) = self.memory.data_and_store_mut(&mut self.caller);
        let name = slice(memory, name.0, name.1)?;
        Ok((name, slice(memory, value.0, value.1)?, state))
    }

    /// What is out of bounds costs nothing but the call.
    fn pay_for(&mut self, pointer: u32, length: u32) -> Answer {
        slice(self.memory.data(&self.caller), pointer, length)?;
        self.pay_each(length as usize, price::BYTE)
    }

    pub(crate) fn put(&mut self, pointer: u32, bytes: &[u8]) -> Answer {
        self.pay_each(bytes.len(), price::BYTE)?;
        self.write(pointer, bytes)
    }

    fn write(&mut self, pointer: u32, bytes: &[u8]) -> Answer {
        let written = self.memory.write(&mut self.caller, pointer as usize, bytes);
        Ok(written.map_err(|_| Status::InvalidMemoryAccess)?)
    }

    pub(crate) fn put_u32(&mut self, pointer: u32, value: u32) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(crate) fn put_u64(&mut self, pointer: u32, value: u64) -> Answer {
        self.write(pointer, &value.to_le_bytes())
    }

    /// Has the guest allocate room for these bytes, writes them, and says where they are. Nothing has no address.
    pub(crate) fn give(&mut self, bytes: &[u8], pointer_at: u32, size_at: u32) -> Answer {
        self.pay_each(bytes.len(), price::BYTE)?;
        let size = u32::try_from(bytes.len()).map_err(|_| Status::InvalidMemoryAccess)?;
        let mut pointer = 0;
        if size > 0 {
            pointer = self.allocate(size)?;
            self.write(pointer, bytes)?;
        }
        self.put_u32(pointer_at, pointer)?;
        self.put_u32(size_at, size)
    }

    pub(crate) fn allocate(&mut self, size: u32) -> Answer<u32> {
        let malloc = self.state().malloc.clone().ok_or(Status::InvalidMemoryAccess)?;
        let pointer = malloc.call(&mut self.caller, size).map_err(Stop::Trap)?;
        if pointer == 0 || slice(self.memory.data(&self.caller), pointer, size).is_err() {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(pointer)
    }

    /// Says for the trace what a pointer led to.
    pub(crate) fn note(&mut self, text: &[u8]) {
        if self.state().world.trace.on {
            self.said.push(shown(text));
        }
    }

    /// As [`Call::note`], of the guest's own bytes.
    pub(crate) fn note_bytes(&mut self, pointer: u32, length: u32) {
        if self.state().world.trace.on
            && let Ok(bytes) = slice(self.memory.data(&self.caller), pointer, length)
        {
            self.said.push(shown(bytes));
        }
    }

    fn record(&mut self, name: &str, shown: &[u64], status: String) {
        let numbers = shown
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let said = std::mem::take(&mut self.said);
        let call = match said.is_empty() {
            true => format!("{name}({numbers})"),
            false => format!("{name}({numbers}) {}", said.join(" ")),
        };
        self.state().world.trace.push(Event::Hostcall { call, status });
    }

    fn complain(&mut self, message: String) -> Result<(), wasmtime::Error> {
        let logged = self
            .state()
            .world
            .log_line(LogLevel::Error, String::new(), message);
        logged.map_err(|cause| wasmtime::Error::new(Halt(cause)))
    }
}

/// A text of a guest in a trace.
fn shown(text: &[u8]) -> String {
    match text.get(..limits::TRACE_TEXT_BYTES) {
        Some(beginning) if beginning.len() < text.len() => {
            let beginning = String::from_utf8_lossy(beginning);
            format!(
                "{beginning:?} and {} bytes more",
                text.len() - limits::TRACE_TEXT_BYTES
            )
        }
        Some(_) | None => format!("{:?}", String::from_utf8_lossy(text)),
    }
}

fn slice(memory: &[u8], pointer: u32, length: u32) -> Result<&[u8], Status> {
    let end = u64::from(pointer) + u64::from(length);
    if end > u64::from(u32::MAX) {
        return Err(Status::InvalidMemoryAccess);
    }
    let end = usize::try_from(end).map_err(|_| Status::InvalidMemoryAccess)?;
    memory
        .get(pointer as usize..end)
        .ok_or(Status::InvalidMemoryAccess)
}
