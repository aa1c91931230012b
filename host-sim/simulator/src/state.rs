//! What a VM's host functions work on: the VM's contexts, and the world while it is here.

use crate::budget::Held;
use crate::context::{Context, Direction, Reach};
use crate::error::Cause;
use crate::grpc::OpenGrpc;
use crate::headers::Headers;
use crate::limits;
use crate::local_reply::LocalReply;
use crate::module::AbiVersion;
use crate::plugin::Plugin;
use crate::stream::Stream;
use crate::world::World;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{Memory, ResourceLimiter, TypedFunc};

/// What a guest asked for that happens once its callback has returned.
#[derive(Debug)]
pub(crate) enum DeferredAction {
    Continue {
        context: u32,
        direction: Direction,
    },
    Reply {
        context: u32,
        reply: LocalReply,
    },
    Reset {
        context: u32,
    },
    /// A root context that was held back is done.
    Done {
        root: u32,
    },
    /// A call at which Envoy crashes.
    Crash {
        function: &'static str,
        what: &'static str,
        instead: &'static str,
    },
}

/// A root context's timer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) period: Duration,
    pub(crate) due: Duration,
}

pub(crate) struct HostState {
    pub(crate) world: Box<World>,
    pub(crate) vm: u32,
    /// The first plugin of this VM: its VM id, VM configuration, environment, capabilities and limits are the VM's.
    pub(crate) owner: Arc<Plugin>,
    pub(crate) abi: AbiVersion,
    pub(crate) memory: Option<Memory>,
    pub(crate) malloc: Option<TypedFunc<u32, u32>>,
    pub(crate) contexts: BTreeMap<u32, Context>,
    pub(crate) next_context: u32,
    pub(crate) current: u32,
    pub(crate) effective: u32,
    /// A local reply was requested: whatever the callback returns, the stream stops.
    pub(crate) stop_iteration: bool,
    pub(crate) after: VecDeque<(DeferredAction, Held)>,
    pub(crate) timers: BTreeMap<u32, Timer>,
    /// While the module starts, only few host functions may be called.
    pub(crate) starting: bool,
    pub(crate) last_http_call: u32,
    pub(crate) last_grpc_call: u32,
    pub(crate) last_grpc_stream: u32,
    pub(crate) grpc: BTreeMap<u32, OpenGrpc>,
    pub(crate) hostcalls: u64,
    /// Of all memories, and of all tables.
    memory_bytes: usize,
    table_elements: usize,
    /// The plugin is being started, which may take longer than a request.
    pub(crate) start_up: bool,
}

impl HostState {
    pub(crate) fn new(vm: u32, owner: Arc<Plugin>) -> Self {
        let abi = owner.module.abi();
        Self {
            world: Box::new(World::new()),
            vm,
            owner,
            abi,
            memory: None,
            malloc: None,
            contexts: BTreeMap::from([(0, Context::new(0, 0, None, None))]),
            next_context: 1,
            current: 0,
            effective: 0,
            stop_iteration: false,
            after: VecDeque::new(),
            timers: BTreeMap::new(),
            starting: false,
            last_http_call: 0,
            last_grpc_call: 0,
            last_grpc_stream: 0,
            grpc: BTreeMap::new(),
            hostcalls: 0,
            memory_bytes: 0,
            table_elements: 0,
            start_up: true,
        }
    }

    /// A new context; `root` 0 makes it a root context.
    pub(crate) fn open_context(&mut self, root: u32, plugin: Arc<Plugin>, stream: Option<u32>) -> u32 {
        let id = self.next_context;
        self.next_context = self.next_context.checked_add(1).unwrap_or(1);
        let root = if root == 0 { id } else { root };
        self.contexts
            .insert(id, Context::new(id, root, Some(plugin), stream));
        id
    }

    /// The context that a host function is about: the effective one if it still exists.
    pub(crate) fn context_id(&self) -> u32 {
        match self.effective {
            0 => self.current,
            id if self.contexts.contains_key(&id) => id,
            _ => self.current,
        }
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        self.contexts.get(&self.context_id())
    }

    pub(crate) fn context_mut(&mut self) -> Option<&mut Context> {
        let id = self.context_id();
        self.contexts.get_mut(&id)
    }

    /// The root context of the context that a host function is about.
    pub(crate) fn root(&self) -> Option<&Context> {
        self.contexts.get(&self.context()?.root)
    }

    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.world.streams.get(&self.context()?.stream?)
    }

    pub(crate) fn stream_mut(&mut self) -> Option<&mut Stream> {
        let id = self.context()?.stream?;
        self.world.streams.get_mut(&id)
    }

    /// A map for reading.
    pub(crate) fn map(&self, kind: MapKind) -> Option<&Headers> {
        let context = self.context()?;
        let seen = |reach: bool| reach || context.logging;
        match kind {
            MapKind::RequestHeaders if seen(context.request.headers) => Some(&self.stream()?.request.headers),
            MapKind::ResponseHeaders if seen(context.response.headers) => {
                let side = &self.stream()?.response;
                side.started.then_some(&side.headers)
            }
            MapKind::RequestTrailers if context.request.trailers && !context.logging => {
                self.stream()?.request.trailers.as_ref()
            }
            MapKind::ResponseTrailers if seen(context.response.trailers) => {
                self.stream()?.response.trailers.as_ref()
            }
            MapKind::GrpcInitialMetadata => self.root()?.grpc.ahead.as_ref(),
            MapKind::GrpcTrailingMetadata => self.root()?.grpc.behind.as_ref(),
            MapKind::CallHeaders => Some(&self.root()?.call_response.as_ref()?.headers),
            MapKind::CallTrailers => self.root()?.call_response.as_ref()?.trailers.as_ref(),
            _ => None,
        }
    }

    /// A map for writing. Asking for trailers at the end of a body makes them.
    pub(crate) fn map_mut(&mut self, kind: MapKind) -> Option<&mut Headers> {
        let id = self.context_id();
        let context = self.contexts.get_mut(&id)?;
        let at_end = context.end_of_stream;
        let makes = |reach: &Reach| reach.trailers || (at_end && reach.body.is_some());
        let stream = self.world.streams.get_mut(&context.stream?)?;
        match kind {
            MapKind::RequestHeaders => context.request.headers.then_some(&mut stream.request.headers),
            MapKind::ResponseHeaders => context.response.headers.then_some(&mut stream.response.headers),
            MapKind::RequestTrailers if makes(&context.request) => {
                context.request.trailers = true;
                Some(stream.request.trailers_mut())
            }
            MapKind::ResponseTrailers if makes(&context.response) => {
                context.made_trailers |= !context.response.trailers;
                context.response.trailers = true;
                Some(stream.response.trailers_mut())
            }
            _ => None,
        }
    }

    /// Notes that Envoy crashes at this call.
    pub(crate) fn crash(
        &mut self,
        function: &'static str,
        what: &'static str,
        instead: &'static str,
    ) -> Result<(), Cause> {
        let crash = DeferredAction::Crash {
            function,
            what,
            instead,
        };
        self.do_after(crash, 0)
    }

    /// Notes which plugin has written a header, for a warning if it should turn out to be wrong.
    pub(crate) fn wrote_header(&mut self, kind: MapKind, name: &[u8]) {
        let Some(plugin) = self.context().and_then(|context| context.plugin.clone()) else {
            return;
        };
        let Some(stream) = self.stream_mut().filter(|stream| stream.is_routed) else {
            return;
        };
        let side = match kind {
            MapKind::RequestHeaders => &mut stream.request,
            MapKind::ResponseHeaders => &mut stream.response,
            MapKind::RequestTrailers
            | MapKind::ResponseTrailers
            | MapKind::GrpcInitialMetadata
            | MapKind::GrpcTrailingMetadata
            | MapKind::CallHeaders
            | MapKind::CallTrailers => return,
        };
        if name.len() <= limits::WRITTEN_BYTES && side.written.len() < limits::WRITTEN_NAMES {
            side.written
                .insert(name.to_ascii_lowercase(), plugin.name.clone());
        }
    }

    /// Fails if the budget has no room for a stream that is so many bytes larger.
    pub(crate) fn ask_for_stream(&mut self, bytes: usize) -> Result<(), Cause> {
        self.recount_stream();
        self.world.budget.ask(bytes)
    }

    /// Counts what the stream holds, after a guest has changed it.
    pub(crate) fn recount_stream(&mut self) {
        if let Some(stream) = self.stream_mut() {
            stream.recount();
        }
    }

    /// Notes what is to happen once the callback has returned; `bytes` go with it.
    pub(crate) fn do_after(&mut self, after: DeferredAction, bytes: usize) -> Result<(), Cause> {
        let held = self.world.budget.hold(bytes)?;
        self.after.push_back((after, held));
        Ok(())
    }

    /// Fuel for a callback.
    pub(crate) fn fuel(&self) -> u64 {
        match self.start_up {
            true => self.owner.fuel_to_start(),
            false => self.owner.fuel_of_a_callback(),
        }
    }
}

/// The header maps of the ABI, by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapKind {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallHeaders,
    CallTrailers,
}

impl MapKind {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4 => Self::GrpcInitialMetadata,
            5 => Self::GrpcTrailingMetadata,
            6 => Self::CallHeaders,
            7 => Self::CallTrailers,
            _ => return None,
        })
    }
}

/// Refuses growth as V8 does in Envoy: `memory.grow` returns -1, and the guest sees what it makes of it.
impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, present: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(grown(&mut self.memory_bytes, present, desired, self.owner.memory))
    }

    fn table_growing(&mut self, present: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let most = limits::TABLE_ELEMENTS;
        Ok(grown(&mut self.table_elements, present, desired, most))
    }
}

/// Whether one of several may grow, all of them together up to `most`.
fn grown(total: &mut usize, present: usize, desired: usize, most: usize) -> bool {
    let after = total.saturating_add(desired.saturating_sub(present));
    if after > most {
        return false;
    }
    *total = after;
    true
}
