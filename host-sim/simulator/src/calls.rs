//! HTTP calls of guests: how a cluster answers, when the answer comes, and which callback the guest gets.
//!
//! Answers come in the order of time: a call whose answer takes longer does not hold up another.

use crate::codec::{self, Framed};
use crate::message::{CallOutcome, Response};
use crate::simulator::Simulator;
use crate::warning::Warning;
use crate::world::{Arrival, PendingCall};
use std::time::Duration;

impl Simulator {
    /// Has the cluster answer, and puts the answer on its way.
    pub(crate) fn ask_cluster(&mut self, pending: PendingCall) {
        let timeout = pending.call.timeout;
        let outcome = match self.outcome_of(&pending) {
            CallOutcome::Answer(response) if !timeout.is_zero() && response.delay > timeout => {
                CallOutcome::Timeout
            }
            outcome => outcome,
        };
        // What Envoy's router says in the cluster's stead (`source/common/router/router.cc`).
        let method = pending.call.request.headers.get(":method");
        let own = |status: u16, text: &str| {
            let response = Response::new(status)
                .header("content-length", text.len().to_string())
                .header("content-type", "text/plain")
                .body(text);
            codec::arrives(method, response)
        };
        let response = match outcome {
            CallOutcome::Answer(response) => response,
            CallOutcome::Reset => own(
                503,
                "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
            ),
            CallOutcome::Timeout if !timeout.is_zero() => own(504, "upstream request timeout").after(timeout),
            CallOutcome::Timeout | CallOutcome::Silence => return,
        };
        self.world.last_call = self.world.last_call.wrapping_add(1);
        let due = pending.made + response.delay;
        let arrival = Arrival {
            vm: pending.vm,
            root: pending.root,
            token: pending.token,
            response,
            _held: pending.held,
        };
        self.world.arrivals.insert((due, self.world.last_call), arrival);
    }

    /// A cluster that is promised a longer body than it gets does not answer.
    fn outcome_of(&mut self, pending: &PendingCall) -> CallOutcome {
        let mut call = pending.call.clone();
        let length = call.request.body.iter().map(Vec::len).sum();
        let what = format!("the call to {}", call.cluster);
        let (framed, text) = codec::frame_request(&call.request.headers, length, &what);
        if framed != Framed::Whole {
            let plugin = pending.plugin.clone();
            self.world.warn(Warning { plugin, text });
        }
        match framed {
            Framed::Whole => {}
            Framed::Cut(most) => codec::cut(&mut call.request.body, most),
            Framed::Waits => return CallOutcome::Timeout,
        }
        let Some(cluster) = self.clusters.get_mut(&call.cluster) else {
            return CallOutcome::Silence;
        };
        match cluster(&call) {
            CallOutcome::Answer(response) => {
                CallOutcome::Answer(codec::arrives(call.request.headers.get(":method"), response))
            }
            outcome @ (CallOutcome::Reset | CallOutcome::Timeout | CallOutcome::Silence) => outcome,
        }
    }

    /// Lets the time until an answer pass, and tells the guest of it.
    pub(crate) fn tell_of(&mut self, due: Duration, arrival: Arrival) {
        let left = due.saturating_sub(self.world.clock.now());
        if left > Duration::ZERO {
            self.tick_until(due, left);
        }
        let Arrival {
            vm,
            root,
            token,
            response,
            _held,
        } = arrival;
        let vm = vm as usize;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let headers = length(response.headers.len());
        let body = length(response.body.iter().map(Vec::len).sum());
        let trailers = length(response.trailers.as_ref().map_or(0, |trailers| trailers.len()));
        self.enter(vm, |vm, world| {
            if let Some(context) = vm.context(root) {
                context.call_response = Some(response);
            }
            if let Some(callback) = vm.exports.on_http_call_response.clone() {
                let arguments = (root, token, headers, body, trailers);
                vm.call(world, root, "proxy_on_http_call_response", &callback, arguments);
            }
            if let Some(context) = vm.context(root) {
                context.call_response = None;
            }
        });
        self.after_callback(vm);
    }
}
