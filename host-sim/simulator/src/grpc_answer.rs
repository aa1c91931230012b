//! Answers the gRPC calls and streams of guests, one callback of the guest after another.
//!
//! A stream is answered once, with everything, when the guest has closed its side.

use crate::HeaderMap;
use crate::grpc::{GrpcAnswer, GrpcReceived};
use crate::headers::Headers;
use crate::simulator::Simulator;

/// A step of an answer.
enum GrpcEvent {
    Ahead(Headers),
    Message(Vec<u8>),
    Behind(Headers),
    Close(u32, String),
}

impl Simulator {
    pub(crate) fn answer_grpc(&mut self, vm: u32, token: u32) {
        let place = vm as usize;
        let here = self.vms.get_mut(place).and_then(Option::as_mut);
        let Some(call) = here.and_then(|vm| vm.state().grpc.get(&token).map(|open| open.call.clone())) else {
            return; // cancelled
        };
        let Some(cluster) = self.grpc_clusters.get_mut(&call.cluster) else {
            return;
        };
        let answer = cluster(&call);
        let steps = match token % 4 {
            1 => of_call(answer),
            _ => of_stream(answer),
        };
        for event in steps {
            self.tell_grpc(place, token, event);
        }
    }

    fn tell_grpc(&mut self, vm: usize, token: u32, event: GrpcEvent) {
        self.enter(vm, |vm, world| {
            let Some(open) = vm.state().grpc.get(&token) else {
                return; // the guest has cancelled it meanwhile
            };
            let root = open.root;
            let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            let exports = &vm.exports;
            let mut received = GrpcReceived::default();
            let mut status = (0, String::new());
            let (callback, name, number) = match event {
                GrpcEvent::Ahead(headers) => {
                    let count = length(headers.len());
                    received.ahead = Some(headers);
                    let callback = exports.on_grpc_receive_initial_metadata.clone();
                    (callback, "proxy_on_grpc_receive_initial_metadata", count)
                }
                GrpcEvent::Message(message) => {
                    let count = length(message.len());
                    received.message = Some(message);
                    (exports.on_grpc_receive.clone(), "proxy_on_grpc_receive", count)
                }
                GrpcEvent::Behind(trailers) => {
                    let count = length(trailers.len());
                    received.behind = Some(trailers);
                    let callback = exports.on_grpc_receive_trailing_metadata.clone();
                    (callback, "proxy_on_grpc_receive_trailing_metadata", count)
                }
                GrpcEvent::Close(code, error) => {
                    status = (code, error);
                    (exports.on_grpc_close.clone(), "proxy_on_grpc_close", code)
                }
            };
            let closes = name == "proxy_on_grpc_close";
            let last = closes || (token % 4 == 1);
            if let Some(callback) = callback {
                if let Some(context) = vm.context(root) {
                    context.grpc = received;
                    if closes {
                        context.status = status;
                    }
                }
                vm.call(world, root, name, &callback, (root, token, number));
                if let Some(context) = vm.context(root) {
                    context.grpc = GrpcReceived::default();
                    context.status.1.clear();
                }
            }
            let calls = &mut vm.state().grpc;
            match calls.get_mut(&token) {
                Some(open) if last && token % 4 == 2 && !open.closed_here => open.closed_there = true,
                Some(_) if last => {
                    calls.remove(&token);
                }
                Some(_) | None => {}
            }
        });
        self.after_callback(vm);
    }
}

/// A call gets a callback for its message or for its failure, and no other.
fn of_call(answer: GrpcAnswer) -> Vec<GrpcEvent> {
    const INTERNAL: u32 = 13;
    vec![match (answer.status, answer.messages.into_iter().next()) {
        (0, Some(message)) => GrpcEvent::Message(message),
        (0, None) => GrpcEvent::Close(INTERNAL, String::new()),
        (status, _) => GrpcEvent::Close(status, detailed(&answer.error)),
    }]
}

/// Envoy says where an answer's end came from, behind what the service says.
fn detailed(error: &str) -> String {
    match error {
        "" => "via_upstream".to_owned(),
        error => format!("{error}{{via_upstream}}"),
    }
}

fn of_stream(answer: GrpcAnswer) -> Vec<GrpcEvent> {
    let ahead = match answer.only_trailers() {
        true => Headers::new(HeaderMap::Response),
        false => answer.ahead(),
    };
    let behind = answer.behind();
    let mut events = vec![GrpcEvent::Ahead(ahead)];
    events.extend(answer.messages.into_iter().map(GrpcEvent::Message));
    events.push(GrpcEvent::Behind(behind));
    events.push(GrpcEvent::Close(answer.status, detailed(&answer.error)));
    events
}
