//! A context as the host keeps it: its plugin and stream, and which part of the stream it may touch now.

use crate::budget::Held;
use crate::grpc::GrpcReceived;
use crate::message::Response;
use crate::plugin::Plugin;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One way of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// Which buffer holds the body that a callback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The piece that has just arrived.
    Chunk,
    /// What a stopped filter let pile up.
    Buffered,
}

/// What a context may reach in one direction. Envoy takes it away when the filter lets the stream go on.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) headers: bool,
    pub(crate) body: Option<Source>,
    pub(crate) trailers: bool,
    /// Its last answer to a piece of body was "stop and buffer".
    pub(crate) buffering: bool,
}

/// A context: of the VM (id 0), of a plugin (a root context), or of a stream.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) id: u32,
    pub(crate) root: u32,
    pub(crate) plugin: Option<Arc<Plugin>>,
    pub(crate) stream: Option<u32>,
    /// The guest has been notified.
    pub(crate) created: bool,
    /// The plugin is being configured: only then its configuration can be read.
    pub(crate) configuring: bool,
    pub(crate) request: Reach,
    pub(crate) response: Reach,
    pub(crate) end_of_stream: bool,
    /// In `proxy_on_log`, where headers are for reading only.
    pub(crate) logging: bool,
    /// In `proxy_on_log`, `proxy_on_done` or `proxy_on_delete`: its stream is over.
    pub(crate) ending: bool,
    /// In `proxy_on_response_headers`.
    pub(crate) at_response_headers: bool,
    /// It has replied in the present callback.
    pub(crate) replies_now: bool,
    /// It has closed its stream in the present callback.
    pub(crate) closes_now: bool,
    /// It has made trailers in the callback for the last piece of a response.
    pub(crate) made_trailers: bool,
    /// The guest has asked for a local reply; it may do so once.
    pub(crate) reply_held: bool,
    /// The stream has had a local reply from this filter.
    pub(crate) reply_sent: bool,
    /// A root context whose `proxy_on_done` said "not yet".
    pub(crate) waits_for_done: bool,
    /// Of a root context: the properties that it has declared.
    pub(crate) declared: BTreeMap<Vec<u8>, Held>,
    /// Of a root context: the answer to an HTTP call, while its callback runs.
    pub(crate) call_response: Option<Response>,
    /// Of a root context: the part of an answer to a gRPC call, while its callback runs.
    pub(crate) grpc: GrpcReceived,
    /// Of a root context: what `proxy_get_status` says, which is how the last gRPC call ended.
    pub(crate) status: (u32, String),
}

impl Context {
    pub(crate) fn new(id: u32, root: u32, plugin: Option<Arc<Plugin>>, stream: Option<u32>) -> Self {
        Self {
            id,
            root,
            plugin,
            stream,
            created: false,
            configuring: false,
            request: Reach::default(),
            response: Reach::default(),
            end_of_stream: false,
            logging: false,
            ending: false,
            at_response_headers: false,
            replies_now: false,
            closes_now: false,
            made_trailers: false,
            reply_held: false,
            reply_sent: false,
            waits_for_done: false,
            declared: BTreeMap::new(),
            call_response: None,
            grpc: GrpcReceived::default(),
            status: (0, String::new()),
        }
    }

    pub(crate) fn reach(&mut self, direction: Direction) -> &mut Reach {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// What Envoy puts after `wasm log`: a root context says its root and VM id, a stream's also its plugin's name.
    pub(crate) fn log_prefix(&self) -> String {
        let Some(plugin) = &self.plugin else {
            return String::new();
        };
        let name = if self.id == self.root {
            ""
        } else {
            plugin.name.as_str()
        };
        [name, &plugin.root_id, &plugin.vm_id]
            .into_iter()
            .filter(|part| !part.is_empty())
            .fold(String::new(), |prefix, part| format!("{prefix} {part}"))
    }
}
