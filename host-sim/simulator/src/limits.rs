//! Envoy's limits, where the simulator has the same (proxy-wasm-cpp-host, `limits.h`), and its own, where Envoy has none.
//!
//! Two things end whatever a guest does. *Fuel* ends each callback: instructions cost about one unit each, bytes that a
//! host function handles cost what is written here, and every call to the host has a base price. The *budget* bounds
//! what guests keep with the host beyond the call: header maps, bodies, properties, shared data, queues, metrics, calls
//! on their way, things to do after the callback, log lines.

/// Most memory that all memories of a module may have together.
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

/// How much native stack a guest may use.
pub(crate) const STACK_BYTES: usize = 1024 * 1024;

/// Most elements of all tables of a module together: of one table, as in V8.
pub(crate) const TABLE_ELEMENTS: usize = 10_000_000;

/// Fuel for one callback. Envoy has no such limit: there a loop hangs the worker. A request through Coraza with the
/// whole OWASP rule set takes about 80 million units.
pub(crate) const FUEL: u64 = 2_000_000_000;

/// Fuel for each callback that starts a plugin (`_initialize`, `_start`, `proxy_on_vm_start`, `proxy_on_configure`):
/// that is where plugins compile hundreds of regular expressions. A loop ends after a minute or two.
pub(crate) const START_FUEL: u64 = 100_000_000_000;

/// How many times the fuel of one callback a guest may use to keep the host busy with its own calls, queues and
/// continuations, without anything coming from outside.
pub(crate) const FOLLOW_UPS: u64 = 10;

/// Most callbacks inside each other, each caused by what the one around it asked for. A chain of filters needs one
/// level a filter. Guests that let streams go on from inside each other need as many as there are: V8 ends that as it ends
/// endless recursion.
pub(crate) const NESTED_CALLBACKS: usize = 50;

/// Most bytes that guests may keep with the host, unless the test says otherwise. Envoy has no such limit: there it grows.
pub(crate) const KEPT_BYTES: usize = 512 * 1024 * 1024;

/// What an entry of a map, list or queue takes besides its bytes.
pub(crate) const ENTRY_BYTES: usize = 128;

/// Which part of the budget log lines may take that wait for an outcome when a stream ends; the oldest go first.
/// `decide` has no outcome that would take them.
pub(crate) const LOG_SHARE: usize = 8;

/// Most failures that wait for an outcome; the oldest go first.
pub(crate) const FAILURES: usize = 1000;

/// Most bytes of steps that a trace keeps until the next outcome; later steps are left out.
pub(crate) const TRACE_BYTES: usize = 64 * 1024 * 1024;

/// Longest text of a guest in a step of a trace.
pub(crate) const TRACE_TEXT_BYTES: usize = 4096;

/// Most values that a histogram keeps; when there are as many, the older half goes.
pub(crate) const HISTOGRAM_VALUES: usize = 1024 * 1024;

/// Fuel for what host functions do.
pub(crate) mod price {
    /// Every call to the host.
    pub(crate) const CALL: u64 = 500;

    /// A callback that nothing from outside caused, besides what it uses itself.
    pub(crate) const CALLBACK: u64 = 10_000;

    /// A byte that is copied or read, as for WebAssembly's own bulk operations.
    pub(crate) const BYTE: u64 = 1;

    /// An entry of a map or list that is walked.
    pub(crate) const ENTRY: u64 = 8;

    /// A byte given to `compress`.
    pub(crate) const COMPRESSED_BYTE: u64 = 32;

    /// A byte that comes out of `uncompress`.
    pub(crate) const UNCOMPRESSED_BYTE: u64 = 8;

    /// A call of `sign`, besides its bytes.
    pub(crate) const SIGNATURE: u64 = 5_000_000;

    /// A call of `verify_signature`, besides its bytes.
    pub(crate) const VERIFICATION: u64 = 500_000;

    /// A byte that is hashed.
    pub(crate) const HASHED_BYTE: u64 = 4;
}

/// Most warnings that wait for an outcome.
pub(crate) const WARNINGS: usize = 1000;

/// Of so many headers of a message it is known which plugin wrote them.
pub(crate) const WRITTEN_NAMES: usize = 128;

/// The longest name of such a header.
pub(crate) const WRITTEN_BYTES: usize = 256;
