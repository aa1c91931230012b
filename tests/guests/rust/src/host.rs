//! Calls to the host that never panic: the SDK's own stop the guest at any status that they do not expect.

use proxy_wasm::types::{BufferType, MapType, MetricType};
use std::time::Duration;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, length: usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *mut usize,
        length: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, pairs: *mut usize, length: *mut usize) -> u32;
    fn proxy_get_header_map_size(map: u32, size: *mut u32) -> u32;
    fn proxy_set_header_map_pairs(map: u32, pairs: *const u8, length: usize) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_length: usize,
        value: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_length: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        bytes: *mut usize,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        replaced: usize,
        bytes: *const u8,
        length: usize,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_length: usize, value: *mut usize, length: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_length: usize, value: *const u8, length: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        value: *mut usize,
        length: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_length: usize,
        value: *const u8,
        length: usize,
        cas: u32,
    ) -> u32;
    fn proxy_register_shared_queue(name: *const u8, length: usize, token: *mut u32) -> u32;
    fn proxy_resolve_shared_queue(
        vm: *const u8,
        vm_length: usize,
        name: *const u8,
        length: usize,
        token: *mut u32,
    ) -> u32;
    fn proxy_enqueue_shared_queue(token: u32, item: *const u8, length: usize) -> u32;
    fn proxy_dequeue_shared_queue(token: u32, item: *mut usize, length: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, length: usize, id: *mut u32) -> u32;
    fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_continue_stream(kind: u32) -> u32;
    fn proxy_close_stream(kind: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        headers: *const u8,
        headers_length: usize,
        grpc: i32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_length: usize,
        headers: *const u8,
        headers_length: usize,
        body: *const u8,
        body_length: usize,
        trailers: *const u8,
        trailers_length: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_length: usize,
        arguments: *const u8,
        arguments_length: usize,
        result: *mut usize,
        length: *mut usize,
    ) -> u32;
}

/// A status that is not Ok.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

type Answer<T> = Result<T, Status>;

fn ok(status: u32) -> Answer<()> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

/// Takes over what the host has put into memory that it had the guest allocate.
fn taken(status: u32, at: usize, length: usize) -> Answer<Option<Vec<u8>>> {
    ok(status)?;
    if at == 0 {
        return Ok(None);
    }
    // SAFETY: the host allocated it by `malloc`, which the SDK makes of a Vec of this length.
    Ok(Some(unsafe {
        Vec::from_raw_parts(at as *mut u8, length, length)
    }))
}

fn bytes(call: impl FnOnce(*mut usize, *mut usize) -> u32) -> Answer<Option<Vec<u8>>> {
    let (mut at, mut length) = (0, 0);
    let status = call(&raw mut at, &raw mut length);
    taken(status, at, length)
}

fn token(call: impl FnOnce(*mut u32) -> u32) -> Answer<u32> {
    let mut token = 0;
    let status = call(&raw mut token);
    ok(status).map(|()| token)
}

pub fn log(level: u32, text: &str) -> Answer<()> {
    ok(unsafe { proxy_log(level, text.as_ptr(), text.len()) })
}

pub fn get(map: MapType, name: &str) -> Answer<Option<String>> {
    let value = bytes(|at, length| unsafe {
        proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), at, length)
    });
    value.map(|it| it.map(|it| it.escape_ascii().to_string()))
}

pub fn pairs(map: MapType) -> Answer<Vec<(String, String)>> {
    let block = bytes(|at, length| unsafe { proxy_get_header_map_pairs(map as u32, at, length) })?
        .unwrap_or_default();
    Ok(read(&block))
}

/// The pairs of a serialised map.
pub fn read(block: &[u8]) -> Vec<(String, String)> {
    let number = |at: usize| {
        block
            .get(at..at + 4)
            .map_or(0, |it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]) as usize)
    };
    let count = number(0);
    let mut at = 4 + 8 * count;
    let mut text = |length: usize| {
        let text = block
            .get(at..at + length)
            .unwrap_or_default()
            .escape_ascii()
            .to_string();
        at += length + 1;
        text
    };
    (0..count)
        .map(|index| (text(number(4 + 8 * index)), text(number(8 + 8 * index))))
        .collect()
}

fn written(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut block = (pairs.len() as u32).to_le_bytes().to_vec();
    for (name, value) in pairs {
        block.extend((name.len() as u32).to_le_bytes());
        block.extend((value.len() as u32).to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        block.extend(text.as_bytes());
        block.push(0);
    }
    block
}

pub fn byte_size(map: MapType) -> Answer<u32> {
    token(|size| unsafe { proxy_get_header_map_size(map as u32, size) })
}

pub fn set_all(map: MapType, pairs: &[(&str, &str)]) -> Answer<()> {
    set_block(map, &written(pairs))
}

pub fn set_block(map: MapType, block: &[u8]) -> Answer<()> {
    ok(unsafe { proxy_set_header_map_pairs(map as u32, block.as_ptr(), block.len()) })
}

pub fn add(map: MapType, name: &str, value: &str) -> Answer<()> {
    add_bytes(map, name.as_bytes(), value.as_bytes())
}

pub fn add_bytes(map: MapType, name: &[u8], value: &[u8]) -> Answer<()> {
    ok(unsafe {
        proxy_add_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub fn set(map: MapType, name: &str, value: &str) -> Answer<()> {
    set_bytes(map, name.as_bytes(), value.as_bytes())
}

pub fn set_bytes(map: MapType, name: &[u8], value: &[u8]) -> Answer<()> {
    ok(unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub fn remove(map: MapType, name: &str) -> Answer<()> {
    ok(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

pub fn buffer(buffer: BufferType, start: usize, most: usize) -> Answer<Option<String>> {
    let value = bytes(|at, length| unsafe { proxy_get_buffer_bytes(buffer as u32, start, most, at, length) });
    value.map(|it| it.map(|it| it.escape_ascii().to_string()))
}

pub fn set_buffer(buffer: BufferType, start: usize, replaced: usize, with: &[u8]) -> Answer<()> {
    ok(unsafe { proxy_set_buffer_bytes(buffer as u32, start, replaced, with.as_ptr(), with.len()) })
}

pub fn property(path: &[&str]) -> Answer<Option<Vec<u8>>> {
    let path = path.join("\0");
    bytes(|at, length| unsafe { proxy_get_property(path.as_ptr(), path.len(), at, length) })
}

pub fn set_property(path: &[&str], value: &[u8]) -> Answer<()> {
    let path = path.join("\0");
    ok(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

pub fn shared(key: &str) -> Answer<(Option<String>, u32)> {
    let mut cas = 0;
    let value = bytes(|at, length| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), at, length, &raw mut cas)
    })?;
    Ok((value.map(|it| it.escape_ascii().to_string()), cas))
}

pub fn set_shared(key: &str, value: &[u8], cas: u32) -> Answer<()> {
    ok(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
}

pub fn register(name: &str) -> Answer<u32> {
    token(|token| unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), token) })
}

pub fn resolve(vm: &str, name: &str) -> Answer<u32> {
    token(|token| unsafe {
        proxy_resolve_shared_queue(vm.as_ptr(), vm.len(), name.as_ptr(), name.len(), token)
    })
}

pub fn enqueue(queue: u32, item: &[u8]) -> Answer<()> {
    ok(unsafe { proxy_enqueue_shared_queue(queue, item.as_ptr(), item.len()) })
}

pub fn dequeue(queue: u32) -> Answer<Option<String>> {
    let item = bytes(|at, length| unsafe { proxy_dequeue_shared_queue(queue, at, length) });
    item.map(|it| it.map(|it| it.escape_ascii().to_string()))
}

pub fn define(kind: MetricType, name: &str) -> Answer<u32> {
    token(|id| unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), id) })
}

pub fn metric(id: u32) -> Answer<u64> {
    let mut value = 0;
    ok(unsafe { proxy_get_metric(id, &raw mut value) }).map(|()| value)
}

pub fn record(id: u32, value: u64) -> Answer<()> {
    ok(unsafe { proxy_record_metric(id, value) })
}

pub fn increment(id: u32, offset: i64) -> Answer<()> {
    ok(unsafe { proxy_increment_metric(id, offset) })
}

pub fn tick(period: Duration) -> Answer<()> {
    ok(unsafe { proxy_set_tick_period_milliseconds(period.as_millis() as u32) })
}

/// 0: the request, 1: the response.
pub fn go_on(kind: u32) -> Answer<()> {
    ok(unsafe { proxy_continue_stream(kind) })
}

/// 0: the request, 1: the response.
pub fn close(kind: u32) -> Answer<()> {
    ok(unsafe { proxy_close_stream(kind) })
}

pub fn reply(status: u32, details: &str, headers: &[(&str, &str)], body: &[u8], grpc: i32) -> Answer<()> {
    let headers = written(headers);
    ok(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc,
        )
    })
}

pub fn foreign(name: &str, arguments: &[u8]) -> Answer<Option<Vec<u8>>> {
    bytes(|at, length| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            at,
            length,
        )
    })
}

/// Makes a call without waiting for the answer, or says why not.
pub fn call(cluster: &str, headers: &[(&str, &str)]) -> Answer<u32> {
    let (headers, none) = (written(headers), written(&[]));
    token(|token| unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            std::ptr::null(),
            0,
            none.as_ptr(),
            none.len(),
            1000,
            token,
        )
    })
}
