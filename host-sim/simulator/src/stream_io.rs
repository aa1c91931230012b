//! The way of a stream: request through the filters, upstream, response back, and its end; calls and queues meanwhile.

use crate::HeaderMap;
use crate::chain::From;
use crate::codec::{self, Framed};
use crate::connection_manager;
use crate::context::{Direction, Source};
use crate::headers::Headers;
use crate::limits;
use crate::local_reply::LocalReply;
use crate::message::{Request, Response};
use crate::outcome::{End, Outcome};
use crate::simulator::{Simulator, StreamId, Verdict};
use crate::stream::{Pieces, Stream};
use fingerpost_envoy_http::local_reply;
use std::mem;
use std::time::Duration;

impl Simulator {
    /// Sends a request through the filters, up to the upstream, and leaves the stream open.
    pub fn begin(&mut self, request: Request) -> StreamId {
        self.open(request, true)
    }

    pub(crate) fn open(&mut self, request: Request, is_routed: bool) -> StreamId {
        self.outside_event();
        self.last_stream = self.last_stream.wrapping_add(1);
        let id = self.last_stream;
        let filters = self.filters_for(id);
        let now = self.world.clock.now();
        let mut stream = Stream::new(filters, request.client, now, self.world.budget.nothing());
        stream.connection = id;
        stream.begin_with(&self.world.filter_state);
        stream.give(request.headers.weight());
        stream.request.headers = request.headers;
        stream.is_routed = is_routed;
        stream.flags = request.refused.as_ref().map_or(0, |refused| refused.1);
        self.world.streams.insert(id, stream);
        match request.refused {
            Some(refused) => self.reply(id, &refused.0),
            None => self.feed(
                id,
                Direction::Request,
                request.body,
                request.trailers,
                request.pause,
            ),
        }
        StreamId(id)
    }

    /// Asks the upstream, if the whole request has reached it, and sends the answer back through the filters. Calls
    /// that guests make on the way are answered.
    pub fn proceed(&mut self, stream: StreamId) {
        self.outside_event();
        loop {
            self.deliver();
            let Some(here) = self.world.streams.get_mut(&stream.0) else {
                return;
            };
            let ready =
                here.request.out.complete && !here.asked_upstream && !here.response.started && !here.reset;
            if !ready {
                return;
            }
            here.asked_upstream = true;
            let Some(request) = here.upstream() else {
                return;
            };
            let response = self.ask_upstream(stream.0, request);
            let limit = codec::ROUTE_TIMEOUT;
            match response.filter(|response| response.delay <= limit) {
                Some(response) => {
                    self.pass_time(response.delay);
                    self.answer(stream.0, response);
                }
                None => {
                    self.pass_time(limit);
                    self.time_out(stream.0);
                }
            }
        }
    }

    /// What the upstream answers to a request as it reads it; nothing where it waits for more of it.
    fn ask_upstream(&mut self, id: u32, mut request: Request) -> Option<Response> {
        let length = request.body.iter().map(Vec::len).sum();
        let (framed, text) = codec::frame_request(&request.headers, length, "the request's body");
        if framed != Framed::Whole
            && let Some(stream) = self.world.streams.get(&id)
        {
            let warning = stream.request.warning(b"content-length", text);
            self.world.warnings.push(warning);
        }
        match framed {
            Framed::Whole => {}
            Framed::Cut(most) => codec::cut(&mut request.body, most),
            Framed::Waits => return None,
        }
        let response = (self.upstream)(&request);
        Some(codec::arrives(request.headers.get(":method"), response))
    }

    /// What Envoy's router answers when the upstream has not, in the time that a route has.
    fn time_out(&mut self, id: u32) {
        let (reply, flags) = codec::refusal(
            504,
            "response_timeout",
            "upstream request timeout",
            codec::flags::UPSTREAM_TIMEOUT,
        );
        if let Some(stream) = self.world.streams.get_mut(&id) {
            stream.flags = flags;
        }
        self.reply(id, &reply);
    }

    /// Lets time pass within a message; timers tick.
    fn pass_time(&mut self, by: Duration) {
        if !by.is_zero() {
            self.advance(by);
        }
    }

    /// How far a stream has come.
    pub fn state(&self, stream: StreamId) -> End {
        match self.world.streams.get(&stream.0) {
            Some(stream) if stream.reset => End::Reset,
            Some(stream) if stream.response.out.complete => End::Complete,
            Some(_) => End::Held,
            None => End::Reset,
        }
    }

    /// Ends a stream, whatever state it is in, and says what came of it.
    pub fn finish(&mut self, stream: StreamId) -> Outcome {
        self.outside_event();
        let end = self.state(stream);
        let stream = self.end(stream.0);
        self.deliver(); // what `proxy_on_log` has asked for
        let cost = mem::take(&mut self.cost);
        let (trace, trace_left_out) = self.world.trace.take();
        let mut outcome = Outcome {
            end,
            response: None,
            upstream: None,
            details: None,
            route_cache_cleared: 0,
            filter_state: Default::default(),
            filter_objects: Default::default(),
            log: self.take_log(),
            failures: self.take_failures(),
            warnings: Vec::new(),
            cost,
            trace,
            trace_left_out,
        };
        if let Some(stream) = stream {
            outcome.response = stream.downstream();
            if let Some(response) = outcome.response.as_mut().filter(|_| end == End::Complete)
                && !codec::frame_response(&stream, response, &mut self.world.warnings)
            {
                outcome.end = End::Reset;
            }
            outcome.upstream = stream.upstream();
            outcome.details = stream.details;
            outcome.route_cache_cleared = stream.route_cache_cleared;
            outcome.filter_state = stream.filter_state.into_map();
            outcome.filter_objects = stream.filter_objects.into_map();
        }
        outcome.warnings = mem::take(&mut self.world.warnings);
        outcome
    }

    /// Ends a stream of which only the request was of interest.
    pub(crate) fn close(&mut self, stream: StreamId) -> Verdict {
        match self.end(stream.0) {
            Some(stream) if stream.reset => Verdict::Reset,
            Some(stream) if stream.request.out.headers => Verdict::Continue {
                headers: stream.request.headers,
                properties: stream.filter_state.into_map(),
            },
            Some(stream) => stream.downstream().map_or(Verdict::Held, Verdict::Reply),
            None => Verdict::Reset,
        }
    }

    fn answer(&mut self, id: u32, response: Response) {
        let Some(stream) = self.world.streams.get_mut(&id) else {
            return;
        };
        stream.give(response.headers.weight());
        stream.response.headers = response.headers;
        stream.response.started = true;
        stream.details.get_or_insert_with(|| "via_upstream".to_owned());
        let pieces = u32::try_from(response.body.len()).unwrap_or(u32::MAX);
        stream.latency = response.delay + response.pause * pieces.saturating_sub(1);
        let (body, trailers) = (response.body, response.trailers);
        self.feed(id, Direction::Response, body, trailers, response.pause);
    }

    /// As an HTTP/1 codec does it: headers, each piece, and then the end by itself. Calls are answered in between: they
    /// are quicker than the message.
    fn feed(
        &mut self,
        id: u32,
        direction: Direction,
        body: Vec<Vec<u8>>,
        trailers: Option<Headers>,
        pause: Duration,
    ) {
        let bare = body.iter().all(Vec::is_empty) && trailers.is_none();
        if let Some(stream) = self.world.streams.get_mut(&id) {
            stream.side_mut(direction).started = true;
            stream.side_mut(direction).ended = bare;
        }
        self.pass_headers(id, direction, From::First, bare);
        if bare {
            return;
        }
        for (index, piece) in body.into_iter().filter(|piece| !piece.is_empty()).enumerate() {
            self.pass_time(if index == 0 { Duration::ZERO } else { pause });
            self.deliver();
            self.feed_data(id, direction, piece, false);
        }
        self.deliver();
        match trailers {
            None => self.feed_data(id, direction, Vec::new(), true),
            Some(trailers) => {
                self.outside_event();
                if let Some(stream) = self.world.streams.get_mut(&id) {
                    stream.give(trailers.weight());
                    let side = stream.side_mut(direction);
                    side.trailers = Some(trailers);
                    side.ended = true;
                    self.pass_trailers(id, direction, From::First);
                }
            }
        }
    }

    fn feed_data(&mut self, id: u32, direction: Direction, piece: Vec<u8>, end: bool) {
        self.outside_event();
        let Some(stream) = self.world.streams.get_mut(&id) else {
            return;
        };
        stream.give(piece.len());
        let side = stream.side_mut(direction);
        if side.aborted {
            return;
        }
        side.received += piece.len();
        side.chunk = piece;
        side.ended |= end;
        self.pass_data(id, direction, From::First, Source::Chunk, end);
    }

    /// Sends a reply instead of the upstream's. Before there is a response it passes the filters; once there is one it replaces
    /// that without passing them; once the client has its headers, nothing is left but a reset.
    pub(crate) fn reply(&mut self, id: u32, reply: &LocalReply) {
        let Some(stream) = self.world.streams.get_mut(&id) else {
            return;
        };
        if stream.reset || stream.response.out.complete {
            return;
        }
        stream.details = Some(reply.details.clone());
        if stream.response.out.headers {
            stream.reset = true;
            return;
        }
        let (headers, body) = written(stream, reply);
        stream.request.aborted = true;
        let fresh = !stream.response.started;
        stream.response.headers = headers;
        stream.response.started = true;
        if fresh {
            let body = if body.is_empty() { Vec::new() } else { vec![body] };
            stream.response.ended = true;
            let bare = body.is_empty();
            self.pass_headers(id, Direction::Response, From::First, bare);
            for piece in body {
                if let Some(stream) = self.world.streams.get_mut(&id) {
                    stream.response.received += piece.len();
                    stream.response.chunk = piece;
                    self.pass_data(id, Direction::Response, From::First, Source::Chunk, true);
                }
            }
        } else {
            stream.response.aborted = true;
            stream.response.trailers = None;
            stream.sent_status = Some(stream.status());
            connection_manager::send(&mut stream.response.headers);
            codec::warn_of_response(&stream.response, &mut self.world.warnings);
            let out = &mut stream.response.out;
            out.headers = true;
            out.body = Pieces::default();
            out.body.push(body);
            out.complete = true;
        }
    }

    /// Answers calls and tells roots of their queues, until nothing is under way.
    pub(crate) fn deliver(&mut self) {
        self.delivering = true;
        self.deliver_all();
        self.delivering = false;
    }

    fn deliver_all(&mut self) {
        loop {
            if let Some(ready) = self.world.ready.pop_front() {
                let vm = ready.vm as usize;
                self.stop_if_busy(vm, "proxy_on_queue_ready");
                self.enter(vm, |vm, world| {
                    if let Some(callback) = vm.exports.on_queue_ready.clone() {
                        vm.call(
                            world,
                            ready.root,
                            "proxy_on_queue_ready",
                            &callback,
                            (ready.root, ready.token),
                        );
                    }
                });
                self.after_callback(vm);
            } else if let Some(pending) = self.world.calls.pop_front() {
                self.stop_if_busy(pending.vm as usize, "proxy_on_http_call_response");
                self.ask_cluster(pending);
            } else if let Some((vm, token)) = self.world.grpc_calls.pop_front() {
                self.stop_if_busy(vm as usize, "proxy_on_grpc_receive");
                self.answer_grpc(vm, token);
            } else if let Some(((due, _), arrival)) = self.world.arrivals.pop_first() {
                self.tell_of(due, arrival);
            } else {
                return;
            }
        }
    }

    /// The end of a stream, as Envoy tells filters of it: all log, then each is done and deleted.
    fn end(&mut self, id: u32) -> Option<Stream> {
        let stream = self.world.streams.get_mut(&id)?;
        stream.complete = true;
        let places: Vec<_> = stream.filters.iter().filter_map(|filter| filter.place).collect();
        for (vm, context) in &places {
            self.enter(*vm, |vm, world| {
                crate::callbacks::create(vm, world, *context);
                if let Some(callback) = vm.exports.on_log.clone() {
                    set_ending(vm, *context, true);
                    vm.call(world, *context, "proxy_on_log", &callback, *context);
                    set_ending(vm, *context, false);
                }
            });
            self.after_callback(*vm);
        }
        for (vm, context) in &places {
            self.enter(*vm, |vm, world| {
                if let Some(context) = vm.context(*context) {
                    context.ending = true;
                }
                if let Some(callback) = vm.exports.on_done.clone() {
                    vm.call(world, *context, "proxy_on_done", &callback, *context);
                }
                if let Some(callback) = vm.exports.on_delete.clone() {
                    vm.call(world, *context, "proxy_on_delete", &callback, *context);
                }
            });
            self.after_callback(*vm);
            if let Some(vm) = self.vms.get_mut(*vm).and_then(Option::as_mut) {
                vm.state().contexts.remove(context);
            }
        }
        let stream = self.world.streams.remove(&id);
        self.drop_unused_vms();
        self.forget_oldest();
        stream
    }
}

impl Simulator {
    /// Bounds what waits for an outcome that may never be requested.
    fn forget_oldest(&mut self) {
        self.world.trim_log();
        let failures = self.failures.len().saturating_sub(limits::FAILURES);
        self.failures.drain(..failures);
    }
}

fn set_ending(vm: &mut crate::vm::Vm, context: u32, logging: bool) {
    if let Some(context) = vm.context(context) {
        context.logging = logging;
        context.ending = logging;
    }
}

/// A local reply's headers and body, as Envoy writes them.
fn written(stream: &Stream, reply: &LocalReply) -> (Headers, Vec<u8>) {
    let mut headers = Headers::new(HeaderMap::Response);
    for (name, value) in &reply.headers {
        headers.add(name, value);
    }
    // Envoy writes the status once more after the filter's own headers, so theirs has no effect.
    headers.remove(b":status");
    let local = local_reply::LocalReply {
        status: u16::try_from(reply.status & 0xffff).unwrap_or_default(), // all that Envoy keeps
        body: reply.body.clone(),
        headers: headers.into_list(),
        grpc_status: reply.grpc_status,
    };
    let request = &stream.request.headers;
    let prepared = local.answer(request.list());
    let mut headers = Headers::from_list(HeaderMap::Response, prepared.headers);
    headers.add(b":status", prepared.status.to_string().as_bytes());
    let is_head = request.get(":method") == Some(b"HEAD");
    (headers, if is_head { Vec::new() } else { prepared.body })
}
