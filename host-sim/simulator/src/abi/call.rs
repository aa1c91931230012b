//! One call of a guest to the host: its memory, its state, and how it ends.

use crate::error::Cause;
use crate::state::HostState;
use crate::trace::Event;
use crate::world::{LogLevel, LogLine};
use std::fmt;
use wasmtime::{Caller, Memory};

/// A status of the ABI other than Ok.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
    Unimplemented = 12,
}

/// Why a host function does not answer Ok.
pub(crate) enum Stop {
    /// The guest is told.
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
pub(crate) struct Call<'a> {
    caller: Caller<'a, HostState>,
    memory: Memory,
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
                ));
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
                call.complain(format!("Attempted call to restricted WASI capability: {name}"));
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
        Ok(Self { caller, memory })
    }

    pub(crate) fn state(&mut self) -> &mut HostState {
        self.caller.data_mut()
    }

    /// The guest's memory and the host's state, both at once.
    pub(crate) fn parts(&mut self) -> (&mut [u8], &mut HostState) {
        self.memory.data_and_store_mut(&mut self.caller)
    }

    /// Bytes of the guest.
    pub(crate) fn bytes(&self, pointer: u32, length: u32) -> Answer<&[u8]> {
        Ok(slice(self.memory.data(&self.caller), pointer, length)?)
    }

    /// Bytes of the guest and the host's state, both at once.
    pub(crate) fn bytes_and_state(&mut self, pointer: u32, length: u32) -> Answer<(&[u8], &mut HostState)> {
        let (memory, state) = self.parts();
        Ok((slice(memory, pointer, length)?, state))
    }

    pub(crate) fn put(&mut self, at: u32, bytes: &[u8]) -> Answer {
        let end = (at as usize).checked_add(bytes.len());
        let memory = self.memory.data_mut(&mut self.caller);
        let place = end.and_then(|end| memory.get_mut(at as usize..end));
        place.ok_or(Status::InvalidMemoryAccess)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn put_u32(&mut self, at: u32, value: u32) -> Answer {
        self.put(at, &value.to_le_bytes())
    }

    pub(crate) fn put_u64(&mut self, at: u32, value: u64) -> Answer {
        self.put(at, &value.to_le_bytes())
    }

    /// Has the guest allocate `length` bytes, lets `fill` write them, and says where they are. Nothing is no place.
    pub(crate) fn give(
        &mut self,
        length: usize,
        pointer_at: u32,
        size_at: u32,
        fill: impl FnOnce(&mut [u8], &mut HostState),
    ) -> Answer {
        let size = u32::try_from(length).map_err(|_| Status::InvalidMemoryAccess)?;
        let mut pointer = 0;
        if size > 0 {
            pointer = self.allocate(size)?;
            let (memory, state) = self.parts();
            let end = pointer as usize + length;
            fill(
                memory
                    .get_mut(pointer as usize..end)
                    .ok_or(Status::InvalidMemoryAccess)?,
                state,
            );
        }
        self.put_u32(pointer_at, pointer)?;
        self.put_u32(size_at, size)
    }

    /// As [`Call::give`], of bytes that the host owns.
    pub(crate) fn give_bytes(&mut self, bytes: &[u8], pointer_at: u32, size_at: u32) -> Answer {
        self.give(bytes.len(), pointer_at, size_at, |place, _| {
            place.copy_from_slice(bytes);
        })
    }

    pub(crate) fn allocate(&mut self, size: u32) -> Answer<u32> {
        let malloc = self.state().malloc.clone().ok_or(Status::InvalidMemoryAccess)?;
        let pointer = malloc.call(&mut self.caller, size).map_err(Stop::Trap)?;
        if pointer == 0 || self.bytes(pointer, size).is_err() {
            return Err(Status::InvalidMemoryAccess.into());
        }
        Ok(pointer)
    }

    /// Says for the trace what a pointer led to.
    pub(crate) fn note(&mut self, text: &[u8]) {
        let trace = &mut self.state().world.trace;
        if trace.on {
            trace.said.push(format!("{:?}", String::from_utf8_lossy(text)));
        }
    }

    /// As [`Call::note`], of the guest's own bytes.
    pub(crate) fn note_bytes(&mut self, pointer: u32, length: u32) {
        let (memory, state) = self.parts();
        if state.world.trace.on
            && let Ok(bytes) = slice(memory, pointer, length)
        {
            state
                .world
                .trace
                .said
                .push(format!("{:?}", String::from_utf8_lossy(bytes)));
        }
    }

    fn record(&mut self, name: &str, shown: &[u64], status: String) {
        let trace = &mut self.state().world.trace;
        let numbers = shown
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let said = std::mem::take(&mut trace.said);
        let call = match said.is_empty() {
            true => format!("{name}({numbers})"),
            false => format!("{name}({numbers}) {}", said.join(" ")),
        };
        trace.events.push(Event::Hostcall { call, status });
    }

    fn complain(&mut self, message: String) {
        self.state().world.log.push(LogLine {
            level: LogLevel::Error,
            prefix: String::new(),
            message,
        });
    }
}

pub(crate) fn slice(memory: &[u8], pointer: u32, length: u32) -> Result<&[u8], Status> {
    let end = u64::from(pointer) + u64::from(length);
    if end > u64::from(u32::MAX) {
        return Err(Status::InvalidMemoryAccess);
    }
    let end = usize::try_from(end).map_err(|_| Status::InvalidMemoryAccess)?;
    memory
        .get(pointer as usize..end)
        .ok_or(Status::InvalidMemoryAccess)
}
