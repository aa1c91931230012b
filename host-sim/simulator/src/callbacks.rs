//! How a filter comes to its answer: the checks around a callback, the callback, and what the guest asked for meanwhile.

use crate::chain::{DataAnswer, HeadersAnswer, TrailersAnswer, keep};
use crate::context::{Context, Direction, Source};
use crate::error::{Cause, Failure};
use crate::exports::OnHeaders;
use crate::limits;
use crate::local_reply::LocalReply;
use crate::plugin::FailurePolicy;
use crate::simulator::Simulator;
use crate::state::DeferredAction;
use crate::stream::Failed;
use crate::vm::Vm;
use crate::warning::Warning;

/// Whether a filter can be called.
enum Live {
    /// By this VM and context.
    Here(usize, u32),
    /// Not any more, and what comes passes it.
    Passed,
    Failed,
}

impl Simulator {
    pub(crate) fn call_headers(
        &mut self,
        id: u32,
        direction: Direction,
        filter: usize,
        end: bool,
    ) -> HeadersAnswer {
        let (vm, context) = match self.live(id, direction, filter) {
            Live::Here(vm, context) => (vm, context),
            Live::Passed => return HeadersAnswer::Continue,
            Live::Failed => return HeadersAnswer::StopAll,
        };
        let count = self
            .world
            .streams
            .get(&id)
            .map_or(0, |stream| stream.side(direction).headers.len());
        if direction == Direction::Response && !self.is_created(vm, context) {
            return HeadersAnswer::Continue;
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let returned = self.enter(vm, |vm, world| {
            // The guest learns of the stream before it can reach anything of it.
            if direction == Direction::Request {
                create(vm, world, context);
            }
            if let Some(context) = vm.context(context) {
                context.end_of_stream = end;
                context.reach(direction).headers = true;
                context.at_response_headers = direction == Direction::Response;
            }
            let (callback, name) = match direction {
                Direction::Request => (vm.exports.on_request_headers.clone(), "proxy_on_request_headers"),
                Direction::Response => (
                    vm.exports.on_response_headers.clone(),
                    "proxy_on_response_headers",
                ),
            };
            match callback {
                OnHeaders::Absent => Some(None),
                OnHeaders::Old(callback) => vm
                    .call(world, context, name, &callback, (context, count))
                    .map(Some),
                OnHeaders::New(callback) => {
                    let arguments = (context, count, u32::from(end));
                    vm.call(world, context, name, &callback, arguments).map(Some)
                }
            }
        });
        let stopped = self.finish_callback(vm);
        let answer = match returned.flatten() {
            None => return self.failed_or(id, filter, HeadersAnswer::StopAll),
            Some(None) => HeadersAnswer::Continue,
            Some(Some(_)) if stopped => HeadersAnswer::StopAll,
            Some(Some(0)) => HeadersAnswer::Continue,
            Some(Some(1)) if self.allows_stop_iteration(id, filter) => HeadersAnswer::StopIteration,
            // 2 (continue, but do not end the stream) is Envoy's own and passes through; everything else stops all.
            Some(Some(2)) => HeadersAnswer::Continue,
            Some(Some(_)) => HeadersAnswer::StopAll,
        };
        self.touch(vm, context, |it| it.at_response_headers = false);
        if answer == HeadersAnswer::Continue {
            self.touch(vm, context, |it| it.reach(direction).headers = false);
            self.refuse_to_go_on_twice(vm, context, direction, end);
        }
        self.after_callback(vm);
        answer
    }

    pub(crate) fn call_data(
        &mut self,
        id: u32,
        direction: Direction,
        filter: usize,
        source: Source,
        end: bool,
    ) -> DataAnswer {
        let (vm, context) = match self.live(id, direction, filter) {
            Live::Here(vm, context) => (vm, context),
            Live::Passed => return DataAnswer::Continue,
            Live::Failed => return DataAnswer::StopNoBuffer,
        };
        if !self.is_created(vm, context) {
            return DataAnswer::Continue;
        }
        // A filter that buffers is shown what it has let pile up, with this piece at its end.
        let mut source = source;
        let mut was_buffering = false;
        self.touch(vm, context, |it| was_buffering = it.reach(direction).buffering);
        if was_buffering && source == Source::Chunk {
            source = Source::Buffered;
            if let Some(stream) = self.world.streams.get_mut(&id) {
                keep(stream, direction, Source::Chunk);
            }
            // The answer to a request waits until the filter has seen the piece.
            if direction == Direction::Response && self.refuse_too_large(id, direction) {
                return DataAnswer::StopNoBuffer;
            }
        }
        self.touch(vm, context, |it| {
            it.end_of_stream = end;
            it.reach(direction).body = Some(source);
        });
        let length = self.world.streams.get(&id).map_or(0, |stream| {
            let side = stream.side(direction);
            match source {
                Source::Buffered => side.buffered.as_ref().map_or(0, Vec::len),
                Source::Chunk => side.chunk.len(),
            }
        });
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let returned = self.enter(vm, |vm, world| {
            let (callback, name) = match direction {
                Direction::Request => (vm.exports.on_request_body.clone(), "proxy_on_request_body"),
                Direction::Response => (vm.exports.on_response_body.clone(), "proxy_on_response_body"),
            };
            match callback {
                None => Some(None),
                Some(callback) => {
                    let arguments = (context, length, u32::from(end));
                    vm.call(world, context, name, &callback, arguments).map(Some)
                }
            }
        });
        let stopped = self.finish_callback(vm);
        let (answer, buffering) = match returned.flatten() {
            None => return self.failed_or(id, filter, DataAnswer::StopNoBuffer),
            Some(None) => (DataAnswer::Continue, false),
            Some(Some(_)) if stopped => (DataAnswer::StopNoBuffer, false),
            Some(Some(0)) => (DataAnswer::Continue, false),
            Some(Some(1)) => (DataAnswer::StopAndBuffer, true),
            Some(Some(2)) => (DataAnswer::StopAndWatermark, false),
            Some(Some(_)) => (DataAnswer::StopNoBuffer, false),
        };
        self.touch(vm, context, |it| {
            it.made_trailers = false;
            let reach = it.reach(direction);
            reach.buffering = buffering;
            if answer == DataAnswer::Continue {
                reach.body = None;
            }
        });
        self.after_callback(vm);
        if source == Source::Buffered && direction == Direction::Request && was_buffering {
            self.refuse_too_large(id, direction);
        }
        answer
    }

    pub(crate) fn call_trailers(&mut self, id: u32, direction: Direction, filter: usize) -> TrailersAnswer {
        let (vm, context) = match self.live(id, direction, filter) {
            Live::Here(vm, context) => (vm, context),
            Live::Passed => return TrailersAnswer::Continue,
            Live::Failed => return TrailersAnswer::Stop,
        };
        if !self.is_created(vm, context) {
            return TrailersAnswer::Continue;
        }
        self.touch(vm, context, |it| it.reach(direction).trailers = true);
        let trailers = self
            .world
            .streams
            .get(&id)
            .and_then(|stream| stream.side(direction).trailers.as_ref());
        let count = u32::try_from(trailers.map_or(0, |trailers| trailers.len())).unwrap_or(u32::MAX);
        let returned = self.enter(vm, |vm, world| {
            let (callback, name) = match direction {
                Direction::Request => (
                    vm.exports.on_request_trailers.clone(),
                    "proxy_on_request_trailers",
                ),
                Direction::Response => (
                    vm.exports.on_response_trailers.clone(),
                    "proxy_on_response_trailers",
                ),
            };
            match callback {
                None => Some(None),
                Some(callback) => vm
                    .call(world, context, name, &callback, (context, count))
                    .map(Some),
            }
        });
        let stopped = self.finish_callback(vm);
        let answer = match returned.flatten() {
            None => return self.failed_or(id, filter, TrailersAnswer::Stop),
            Some(None) => TrailersAnswer::Continue,
            Some(Some(0)) if !stopped => TrailersAnswer::Continue,
            Some(Some(_)) => TrailersAnswer::Stop,
        };
        if answer == TrailersAnswer::Continue {
            self.touch(vm, context, |it| it.reach(direction).trailers = false);
        }
        self.after_callback(vm);
        answer
    }

    /// The filter's VM and context, unless the VM has failed: then the stream is failed, once.
    fn live(&mut self, id: u32, direction: Direction, filter: usize) -> Live {
        let stream = self.world.streams.get(&id);
        let Some(here) = stream.and_then(|stream| stream.filters.get(filter)).copied() else {
            return Live::Failed;
        };
        if here.failed == Failed::WithReply && direction == Direction::Response {
            return Live::Passed;
        }
        if let Some((vm, _)) = here.place
            && self.nested > limits::NESTED_CALLBACKS
        {
            let cause = Cause::Trap("call stack exhausted: streams go on from inside each other".to_owned());
            self.fail_vm(vm, "proxy_continue_stream", cause);
        }
        if let Some((vm, context)) = here.place
            && self
                .vms
                .get(vm)
                .and_then(Option::as_ref)
                .is_some_and(|vm| vm.failure.is_none())
        {
            return Live::Here(vm, context);
        }
        self.fail_stream(id, filter);
        Live::Failed
    }

    fn failed_or<A>(&mut self, id: u32, filter: usize, answer: A) -> A {
        self.fail_stream(id, filter);
        answer
    }

    /// 503 with an empty body, unless the filter has replied already.
    fn fail_stream(&mut self, id: u32, filter: usize) {
        let Some(here) = self
            .world
            .streams
            .get_mut(&id)
            .and_then(|stream| stream.filters.get_mut(filter))
        else {
            return;
        };
        if here.failed != Failed::NotYet {
            return;
        }
        let replied = match here.place {
            Some((vm, context)) => {
                let vm = self.vms.get_mut(vm).and_then(Option::as_mut);
                vm.and_then(|vm| vm.context(context))
                    .is_some_and(|context| context.reply_sent)
            }
            None => false,
        };
        here.failed = if replied {
            Failed::Silently
        } else {
            Failed::WithReply
        };
        if !replied {
            let reply = LocalReply {
                status: 503,
                details: "wasm_fail_stream".to_owned(),
                body: Vec::new(),
                headers: Vec::new(),
                grpc_status: Some(14),
            };
            self.reply(id, &reply);
        }
    }

    fn allows_stop_iteration(&self, id: u32, filter: usize) -> bool {
        let stream = self.world.streams.get(&id);
        let filter = stream.and_then(|stream| stream.filters.get(filter));
        let plugin = filter.and_then(|filter| self.plugins.get(filter.plugin));
        plugin.is_some_and(|plugin| plugin.stop_iteration)
    }

    pub(crate) fn fails_open(&self, plugin: usize) -> bool {
        self.plugins
            .get(plugin)
            .is_some_and(|plugin| plugin.policy == FailurePolicy::Open)
    }

    pub(crate) fn is_created(&mut self, vm: usize, context: u32) -> bool {
        let vm = self.vms.get_mut(vm).and_then(Option::as_mut);
        vm.and_then(|vm| vm.context(context))
            .is_some_and(|context| context.created)
    }

    fn touch(&mut self, vm: usize, context: u32, change: impl FnOnce(&mut Context)) {
        let vm = self.vms.get_mut(vm).and_then(Option::as_mut);
        if let Some(context) = vm.and_then(|vm| vm.context(context)) {
            change(context);
        }
    }

    /// Whether the guest asked for a local reply, so that its answer does not count.
    fn finish_callback(&mut self, vm: usize) -> bool {
        let vm = self.vms.get_mut(vm).and_then(Option::as_mut);
        vm.is_some_and(|vm| std::mem::take(&mut vm.state().stop_iteration))
    }

    /// Does what the guest asked for during its callback, in order.
    pub(crate) fn after_callback(&mut self, vm: usize) {
        self.finish_callback(vm);
        self.nested += 1;
        while let Some(after) = self.next_after(vm) {
            match after {
                DeferredAction::Continue { context, direction } => self.continue_from(vm, context, direction),
                DeferredAction::Reply { context, reply } => {
                    if let Some((id, _)) = self.stream_of(vm, context) {
                        self.touch(vm, context, |it| {
                            it.reply_sent = true;
                            it.replies_now = false;
                        });
                        self.reply(id, &reply);
                    }
                }
                DeferredAction::Reset { context } => {
                    self.touch(vm, context, |it| it.closes_now = false);
                    if let Some((id, _)) = self.stream_of(vm, context)
                        && let Some(stream) = self.world.streams.get_mut(&id)
                    {
                        stream.reset = true;
                    }
                }
                DeferredAction::Done { root } => self.finish_root(vm, root),
                DeferredAction::Crash {
                    function,
                    what,
                    instead,
                } => self.crashes(function, what, instead),
            }
        }
        self.nested -= 1;
    }

    /// What the guest asked for next, if it may still have it.
    fn next_after(&mut self, vm: usize) -> Option<DeferredAction> {
        let after = &self.vms.get_mut(vm)?.as_mut()?.state().after;
        after.front()?;
        self.stop_if_busy(vm, "proxy_continue_stream");
        let (after, _) = self.vms.get_mut(vm)?.as_mut()?.state().after.pop_front()?;
        Some(after)
    }

    /// Notes that Envoy would have crashed here; once, however often the guest does it in a row.
    fn crashes(&mut self, callback: &str, what: &'static str, instead: &'static str) {
        let failure = Failure {
            callback: callback.to_owned(),
            cause: Cause::ProxyCrash { what, instead },
            stack: Vec::new(),
            log: Vec::new(),
        };
        if self.failures.last() != Some(&failure) {
            self.failures.push(failure);
        }
    }

    fn continue_from(&mut self, vm: usize, context: u32, direction: Direction) {
        let Some((id, filter)) = self.stream_of(vm, context) else {
            return;
        };
        let Some(stream) = self.world.streams.get(&id) else {
            return;
        };
        let step = match direction {
            Direction::Request => filter,
            Direction::Response => stream.filters.len().saturating_sub(filter + 1),
        };
        match stream.side(direction).started {
            true => self.go_on(id, direction, step),
            false => self.crashes(
                "proxy_continue_stream",
                "told a response to go on that has not come",
                "do so in the callbacks for responses only, or later",
            ),
        }
    }

    /// A guest that tells a response to go on and then lets its headers pass: they go out twice, and Envoy crashes if
    /// they are all there is.
    fn refuse_to_go_on_twice(&mut self, vm: usize, context: u32, direction: Direction, end: bool) {
        if direction == Direction::Request {
            return;
        }
        let Some(here) = self.vms.get_mut(vm).and_then(Option::as_mut) else {
            return;
        };
        let before = here.state().after.len();
        here.state().after.retain(|(after, _)| {
            !matches!(after, DeferredAction::Continue { context: of, direction: Direction::Response } if *of == context)
        });
        if here.state().after.len() == before {
            return;
        }
        let plugin = here.context(context).and_then(|context| context.plugin.clone());
        if end {
            let what =
                "told a response without a body to go on in proxy_on_response_headers, and returned Continue";
            return self.crashes("proxy_continue_stream", what, "do one of both");
        }
        self.world.warn(Warning {
            plugin: plugin.map(|plugin| plugin.name.clone()),
            text: "told a response to go on in proxy_on_response_headers, and returned Continue: Envoy sends its headers twice, and \
                   the client takes the second for its body; do one of both"
                .to_owned(),
        });
    }

    fn stream_of(&mut self, vm: usize, context: u32) -> Option<(u32, usize)> {
        let id = self.vms.get_mut(vm)?.as_mut()?.context(context)?.stream?;
        let filters = &self.world.streams.get(&id)?.filters;
        let filter = filters
            .iter()
            .position(|filter| filter.place == Some((vm, context)))?;
        Some((id, filter))
    }
}

/// Tells the guest of a stream, once.
pub(crate) fn create(vm: &mut Vm, world: &mut Box<crate::world::World>, id: u32) {
    let Some(context) = vm.context(id) else {
        return;
    };
    if context.created {
        return;
    }
    context.created = true;
    let parent = if context.root == id { 0 } else { context.root };
    if let Some(callback) = vm.exports.on_context_create.clone() {
        vm.call(world, id, "proxy_on_context_create", &callback, (id, parent));
    }
}
