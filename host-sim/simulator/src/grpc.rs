//! gRPC calls and streams of guests: what a test is asked, what it answers, and how the guest hears of it.
//!
//! A stream is answered when the guest has sent all it wants to send: once, with everything.

use crate::budget::Held;
use crate::headers::{HeaderKind, Headers};
use crate::simulator::Simulator;
use std::time::Duration;

/// A call that a guest made with `proxy_grpc_call`, or a stream that it opened with `proxy_grpc_stream`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCall {
    /// The cluster it is for.
    pub cluster: String,
    /// The service's full name.
    pub service: String,
    /// The method's name.
    pub method: String,
    /// What the guest sends ahead.
    pub metadata: Headers,
    /// What it sends: one message, or all messages of a stream.
    pub messages: Vec<Vec<u8>>,
    /// How long it is willing to wait; zero is for ever.
    pub timeout: Duration,
}

/// What comes back. A status other than 0 without a message is an answer of trailers only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// What the service sends ahead, besides `:status` and `content-type`.
    pub metadata: Headers,
    /// Its messages; of a call only the first counts.
    pub messages: Vec<Vec<u8>>,
    /// What it sends behind, besides `grpc-status` and `grpc-message`.
    pub trailers: Headers,
    /// `grpc-status`
    pub status: u32,
    /// `grpc-message`
    pub error: String,
}

impl GrpcAnswer {
    /// A good answer, so far without a message.
    pub fn ok() -> Self {
        Self::error(0, "")
    }

    /// A status that is not good.
    pub fn error(status: u32, error: impl Into<String>) -> Self {
        Self {
            metadata: Headers::new(HeaderKind::Response),
            messages: Vec::new(),
            trailers: Headers::new(HeaderKind::Trailers),
            status,
            error: error.into(),
        }
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Vec<u8>>) -> Self {
        self.messages.push(message.into());
        self
    }

    /// Adds metadata to be sent ahead.
    #[must_use]
    pub fn metadata(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.metadata.add(name.as_bytes(), value.as_ref());
        self
    }

    /// Adds metadata to be sent behind.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.add(name.as_bytes(), value.as_ref());
        self
    }

    fn only_trailers(&self) -> bool {
        self.status != 0 && self.messages.is_empty()
    }

    fn ahead(&self) -> Headers {
        let mut headers = Headers::new(HeaderKind::Response);
        headers.add(b":status", b"200");
        headers.add(b"content-type", b"application/grpc");
        for (name, value) in self.metadata.iter() {
            headers.add(name, value);
        }
        headers
    }

    fn behind(&self) -> Headers {
        let mut trailers = Headers::new(HeaderKind::Trailers);
        let begun = self.only_trailers().then(|| self.ahead());
        let ahead = begun.iter().flat_map(|headers| headers.iter());
        for (name, value) in ahead.chain(self.trailers.iter()) {
            trailers.add(name, value);
        }
        trailers.add(b"grpc-status", self.status.to_string().as_bytes());
        if !self.error.is_empty() {
            trailers.add(b"grpc-message", self.error.as_bytes());
        }
        trailers
    }
}

/// A call or stream that has not ended.
#[derive(Debug)]
pub(crate) struct OpenGrpc {
    pub(crate) root: u32,
    pub(crate) call: GrpcCall,
    pub(crate) asked: bool,
    pub(crate) closed_here: bool,
    pub(crate) closed_there: bool,
    pub(crate) held: Held,
}

/// What of an answer a root context is being told.
#[derive(Debug, Default)]
pub(crate) struct GrpcReceived {
    pub(crate) ahead: Option<Headers>,
    pub(crate) message: Option<Vec<u8>>,
    pub(crate) behind: Option<Headers>,
}

/// A step of an answer.
enum Told {
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
        for told in steps {
            self.tell_grpc(place, token, told);
        }
    }

    fn tell_grpc(&mut self, vm: usize, token: u32, told: Told) {
        self.enter(vm, |vm, world| {
            let Some(open) = vm.state().grpc.get(&token) else {
                return; // the guest has cancelled it meanwhile
            };
            let root = open.root;
            let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
            let exports = &vm.exports;
            let mut received = GrpcReceived::default();
            let mut status = (0, String::new());
            let (callback, name, number) = match told {
                Told::Ahead(headers) => {
                    let count = length(headers.len());
                    received.ahead = Some(headers);
                    let callback = exports.on_grpc_receive_initial_metadata.clone();
                    (callback, "proxy_on_grpc_receive_initial_metadata", count)
                }
                Told::Message(message) => {
                    let count = length(message.len());
                    received.message = Some(message);
                    (exports.on_grpc_receive.clone(), "proxy_on_grpc_receive", count)
                }
                Told::Behind(trailers) => {
                    let count = length(trailers.len());
                    received.behind = Some(trailers);
                    let callback = exports.on_grpc_receive_trailing_metadata.clone();
                    (callback, "proxy_on_grpc_receive_trailing_metadata", count)
                }
                Told::Close(code, error) => {
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

/// A call hears of its message or of its failure, of nothing else.
fn of_call(answer: GrpcAnswer) -> Vec<Told> {
    const INTERNAL: u32 = 13;
    vec![match (answer.status, answer.messages.into_iter().next()) {
        (0, Some(message)) => Told::Message(message),
        (0, None) => Told::Close(INTERNAL, String::new()),
        (status, _) => Told::Close(status, detailed(&answer.error)),
    }]
}

/// Envoy says where an answer's end came from, behind what the service says.
fn detailed(error: &str) -> String {
    match error {
        "" => "via_upstream".to_owned(),
        error => format!("{error}{{via_upstream}}"),
    }
}

fn of_stream(answer: GrpcAnswer) -> Vec<Told> {
    let ahead = match answer.only_trailers() {
        true => Headers::new(HeaderKind::Response),
        false => answer.ahead(),
    };
    let behind = answer.behind();
    let mut told = vec![Told::Ahead(ahead)];
    told.extend(answer.messages.into_iter().map(Told::Message));
    told.push(Told::Behind(behind));
    told.push(Told::Close(answer.status, detailed(&answer.error)));
    told
}
