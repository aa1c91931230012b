//! Answers instead of the upstream's: of a filter, of a failed VM, of Envoy's codec.

/// A reply that a filter, or a failed VM, makes instead of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalReply {
    pub(crate) status: u32,
    pub(crate) details: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) grpc_status: Option<u32>,
}

/// A reply to a message that goes no further, and its `response.flags`.
pub(crate) type Refusal = (LocalReply, i64);
