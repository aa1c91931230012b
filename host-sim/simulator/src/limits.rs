//! Envoy's limits, where the simulator has the same (proxy-wasm-cpp-host, `limits.h`), and its own, where Envoy has none.

/// Most memory that a module may have.
pub(crate) const MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// Largest serialised map that a guest may hand over; a larger one counts as empty.
pub(crate) const PAIRS_BYTES: usize = 1024 * 1024;

/// Most pairs in a map that a guest may hand over; more count as none.
pub(crate) const PAIRS_COUNT: usize = 1024;

/// Most of a body that a filter may have kept, unless the test says otherwise: `per_connection_buffer_limit_bytes`.
pub(crate) const BUFFER_BYTES: usize = 1024 * 1024;

/// Most random bytes a call.
pub(crate) const RANDOM_BYTES: usize = 64 * 1024;

/// Most frames of a guest's stack in an error.
pub(crate) const STACK_FRAMES: usize = 20;

/// Fuel for one callback, about one unit an instruction. Envoy has no such limit: there a loop hangs the worker.
pub(crate) const FUEL: u64 = 2_000_000_000;

/// Most elements of a table, as in V8.
pub(crate) const TABLE_ELEMENTS: usize = 10_000_000;

/// Most bytes that guests may leave with the host: log, shared data, queues. Envoy has no such limit: there it grows.
pub(crate) const KEPT_BYTES: usize = 512 * 1024 * 1024;

/// How much native stack a guest may use.
pub(crate) const STACK_BYTES: usize = 1024 * 1024;
