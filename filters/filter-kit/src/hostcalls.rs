//! Envoy as the port, by proxy-wasm's host functions.
//!
//! The SDK's own getters panic on any status but `Ok`, and some on bytes that are not UTF-8. Here each status
//! becomes a value. One function of the SDK itself is here too, since this is the only place with `unsafe`.
#![allow(unsafe_code)]

use crate::{HeaderBlock, Host, HostError, Level, MetricId};

/// The proxy that this module runs in.
#[derive(Debug, Clone, Copy)]
pub struct Envoy;

// Numbers of proxy-wasm's ABI 0.2.1.
const OK: u32 = 0;
const BAD_ARGUMENT: u32 = 2;
const EMPTY: u32 = 7;
const REQUEST_HEADERS: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;
/// Bytes of a configuration that are copied at once. The host copies no more than there are.
const PIECE: usize = 64 << 10;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(buffer: *mut u8, size: usize) -> u16;
}

// The SDK's. The module does not export it, so the proxy cannot call it.
unsafe extern "C" {
    fn proxy_on_delete(context: u32);
}

/// Whether the proxy still has a context. Until the end of the callback it takes host functions to be called for this one,
/// if it has.
pub(crate) fn proxy_has(context: u32) -> bool {
    // SAFETY: only a number is passed. A proxy that does not say which contexts it has keeps them all.
    unsafe { proxy_set_effective_context(context) != BAD_ARGUMENT }
}

/// Has the SDK delete a context.
///
/// The SDK panics if it has none with this number, and if it is handling an event of a context of the same kind.
pub(crate) fn delete_from_sdk(context: u32) {
    // SAFETY: only a number is passed.
    unsafe { proxy_on_delete(context) }
}

impl Host for Envoy {
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: the closure's pointers are valid for the call; the host keeps none of them.
        unsafe {
            owned("proxy_get_buffer_bytes", |data, size| {
                proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, start, PIECE, data, size)
            })
        }
    }

    fn plugin_name(&self) -> Result<Vec<u8>, HostError> {
        const PATH: &[u8] = b"plugin_name";
        // SAFETY: as above; the path is only read.
        unsafe {
            owned("proxy_get_property", |data, size| {
                proxy_get_property(PATH.as_ptr(), PATH.len(), data, size)
            })
        }
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        // SAFETY: as above.
        let bytes = unsafe {
            owned("proxy_get_header_map_pairs", |data, size| {
                proxy_get_header_map_pairs(REQUEST_HEADERS, data, size)
            })
        };
        bytes.map(HeaderBlock::from_bytes)
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: both texts live for the call and are only read.
        let status = unsafe {
            proxy_replace_header_map_value(
                REQUEST_HEADERS,
                name.as_ptr(),
                name.len(),
                value.as_ptr(),
                value.len(),
            )
        };
        checked("proxy_replace_header_map_value", status)
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        // SAFETY: the name lives for the call and is only read.
        let status = unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) };
        checked("proxy_remove_header_map_value", status)
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        // SAFETY: both texts live for the call and are only read.
        let status = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
        checked("proxy_set_property", status)
    }

    fn random(&self) -> Result<u64, HostError> {
        let mut bytes = [0; 8];
        // SAFETY: the host writes no more than the size that it is given.
        let status = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
        checked("random_get", u32::from(status)).map(|()| u64::from_le_bytes(bytes))
    }

    fn define_counter(&self, name: &str) -> Result<MetricId, HostError> {
        define(COUNTER, name)
    }

    fn define_gauge(&self, name: &str) -> Result<MetricId, HostError> {
        define(GAUGE, name)
    }

    fn increment_counter(&self, counter: MetricId) -> Result<(), HostError> {
        // SAFETY: only numbers are passed.
        let status = unsafe { proxy_increment_metric(counter, 1) };
        checked("proxy_increment_metric", status)
    }

    fn set_gauge(&self, gauge: MetricId, value: u64) -> Result<(), HostError> {
        // SAFETY: only numbers are passed.
        let status = unsafe { proxy_record_metric(gauge, value) };
        checked("proxy_record_metric", status)
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        // SAFETY: the message lives for the call and is only read. There is nowhere to report a failure to.
        let _status = unsafe { proxy_log(level, message.as_ptr(), message.len()) };
    }
}

fn define(kind: u32, name: &str) -> Result<MetricId, HostError> {
    let mut id = 0;
    // SAFETY: the name lives for the call and is only read; the host writes one number to `id`.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    checked("proxy_define_metric", status).map(|()| id)
}

fn checked(call: &'static str, status: u32) -> Result<(), HostError> {
    if status == OK {
        Ok(())
    } else {
        Err(HostError { call, status })
    }
}

/// Runs a host function that allocates the bytes it returns.
///
/// # Safety
/// `call` must be a host function that leaves `data` null or makes it point to `size` bytes, which it got from
/// this module's `proxy_on_memory_allocate` and has given up.
unsafe fn owned(
    name: &'static str,
    call: impl FnOnce(*mut *mut u8, *mut usize) -> u32,
) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    let status = call(&mut data, &mut size);
    if status == EMPTY {
        return Ok(Vec::new());
    }
    checked(name, status)?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the allocation is that of a `Box<[u8]>` of this size (proxy-wasm's allocator.rs), now ours.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}
