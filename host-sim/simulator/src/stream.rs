//! A stream on its way through the filters: what of it lies where, and how far it has come. It moves nothing itself.

use crate::HeaderMap;
use crate::budget::Held;
use crate::context::Direction;
use crate::headers::Headers;
use crate::limits;
use crate::message::{Request, Response};
use crate::warning::Warning;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// How a filter has answered last, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Iteration {
    #[default]
    Continue,
    /// Nothing goes beyond this filter, but it is still called.
    StopSingle,
    /// Nothing more reaches this filter.
    StopAll,
}

/// How far a filter has come, in one direction.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) iteration: Iteration,
    pub(crate) headers_continued: bool,
    /// The filter has seen the end of the stream.
    pub(crate) end_seen: bool,
    /// What has piled up was never shown to this filter, so going on starts with it.
    pub(crate) start_here: bool,
}

/// One direction of a stream.
#[derive(Debug)]
pub(crate) struct HalfStream {
    pub(crate) headers: Headers,
    /// There are headers.
    pub(crate) started: bool,
    /// What a filter that stopped has let pile up.
    pub(crate) buffered: Option<Vec<u8>>,
    /// The piece that is on its way through the filters.
    pub(crate) chunk: Vec<u8>,
    pub(crate) trailers: Option<Headers>,
    /// The sender has sent everything.
    pub(crate) ended: bool,
    /// Bytes of body that have arrived.
    pub(crate) received: usize,
    /// In the order in which this direction passes the filters.
    pub(crate) steps: Vec<Step>,
    /// No filter sees any more of it: a local reply took its place.
    pub(crate) aborted: bool,
    /// The plugin that wrote a header last.
    pub(crate) written: BTreeMap<Vec<u8>, String>,
    /// The plugin that changed the body last.
    pub(crate) body_by: Option<String>,
    /// What has left the filters at the other end.
    pub(crate) out: Out,
}

/// What has left the filters.
#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) headers: bool,
    pub(crate) body: Pieces,
    pub(crate) trailers: bool,
    pub(crate) complete: bool,
}

/// A body in pieces, none of them empty.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    list: Vec<Vec<u8>>,
    bytes: usize,
}

impl Pieces {
    pub(crate) fn push(&mut self, piece: Vec<u8>) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.list.push(piece);
        }
    }

    /// The bytes of all pieces.
    pub(crate) fn size(&self) -> usize {
        self.bytes
    }

    pub(crate) fn to_vec(&self) -> Vec<Vec<u8>> {
        self.list.clone()
    }
}

/// Values by path, with their size.
#[derive(Debug, Default)]
pub(crate) struct PathValues {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl PathValues {
    pub(crate) fn get(&self, path: &[u8]) -> Option<&[u8]> {
        self.values.get(path).map(Vec::as_slice)
    }

    pub(crate) fn set(&mut self, path: &[u8], value: &[u8]) {
        self.bytes += value.len();
        match self.values.insert(path.to_vec(), value.to_vec()) {
            Some(replaced) => self.bytes -= replaced.len(),
            None => self.bytes += path.len() + limits::ENTRY_BYTES,
        }
    }

    pub(crate) fn into_map(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.values
    }
}

impl HalfStream {
    pub(crate) fn new(kind: HeaderMap, filters: usize) -> Self {
        Self {
            headers: Headers::new(kind),
            started: false,
            buffered: None,
            chunk: Vec::new(),
            trailers: None,
            ended: false,
            received: 0,
            steps: vec![Step::default(); filters],
            aborted: false,
            written: BTreeMap::new(),
            body_by: None,
            out: Out::default(),
        }
    }

    /// The bytes of body that are here, on their way or kept.
    pub(crate) fn body_size(&self) -> usize {
        self.chunk.len() + self.buffered.as_ref().map_or(0, Vec::len)
    }

    /// A warning about a header, or about a body that is not as long as the header says.
    pub(crate) fn warning(&self, header: &[u8], text: String) -> Warning {
        let about_body = header == b"content-length" || header == b":status";
        let by_body = self.body_by.as_ref().filter(|_| about_body);
        Warning {
            plugin: self.written.get(header).or(by_body).cloned(),
            text,
        }
    }

    fn weight(&self) -> usize {
        let trailers = self.trailers.as_ref().map_or(0, Headers::weight);
        self.headers.weight() + self.body_size() + trailers + self.out.body.bytes
    }

    pub(crate) fn trailers_mut(&mut self) -> &mut Headers {
        self.trailers
            .get_or_insert_with(|| Headers::new(HeaderMap::Trailers))
    }
}

/// What a VM's failure has meant for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Failed {
    #[default]
    NotYet,
    /// The filter had replied before, so nothing more could be said: whatever comes stops here.
    Silently,
    /// The stream got a 503, which passes this filter unseen.
    WithReply,
}

/// A filter's part in a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    pub(crate) plugin: usize,
    /// The VM and the context there; nothing where the VM had failed before the stream came.
    pub(crate) place: Option<(usize, u32)>,
    /// What the failure of its VM has meant for the stream so far.
    pub(crate) failed: Failed,
}

#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) request: HalfStream,
    pub(crate) response: HalfStream,
    pub(crate) filters: Vec<Filter>,
    pub(crate) filter_state: PathValues,
    pub(crate) filter_objects: PathValues,
    pub(crate) route_cache_cleared: u32,
    pub(crate) details: Option<String>,
    pub(crate) reset: bool,
    pub(crate) complete: bool,
    pub(crate) asked_upstream: bool,
    pub(crate) sent_status: Option<u16>,
    pub(crate) protocol: String,
    pub(crate) connection: u32,
    /// The address of the client's end of the connection.
    pub(crate) client: SocketAddr,
    pub(crate) began: Duration,
    /// How long the upstream took.
    pub(crate) latency: Duration,
    /// `response.flags`
    pub(crate) flags: i64,
    /// There is a router behind the filters, which judges what they leave.
    pub(crate) is_routed: bool,
    /// Bytes that came from client and upstream, not from guests.
    given: usize,
    held: Held,
}

impl Stream {
    pub(crate) fn new(filters: Vec<Filter>, client: SocketAddr, began: Duration, held: Held) -> Self {
        let count = filters.len();
        Self {
            request: HalfStream::new(HeaderMap::Request, count),
            response: HalfStream::new(HeaderMap::Response, count),
            filters,
            filter_state: PathValues::default(),
            filter_objects: PathValues::default(),
            route_cache_cleared: 0,
            details: None,
            reset: false,
            complete: false,
            asked_upstream: false,
            sent_status: None,
            protocol: "HTTP/1.1".to_owned(),
            connection: 0,
            client,
            began,
            latency: Duration::ZERO,
            flags: 0,
            is_routed: true,
            given: 0,
            held,
        }
    }

    /// What other filters have set before, as the test says.
    pub(crate) fn begin_with(&mut self, filter_state: &BTreeMap<Vec<u8>, Vec<u8>>) {
        for (path, value) in filter_state {
            self.filter_state.set(path, value);
        }
        self.give(self.filter_state.bytes);
    }

    /// Bytes come from outside: they are not what guests keep.
    pub(crate) fn give(&mut self, bytes: usize) {
        self.given = self.given.saturating_add(bytes);
    }

    /// Counts what the stream holds now.
    pub(crate) fn recount(&mut self) {
        let sides = self.request.weight() + self.response.weight();
        let weight = sides + self.filter_state.bytes + self.filter_objects.bytes;
        self.held.resize(weight.saturating_sub(self.given));
    }

    pub(crate) fn side(&self, direction: Direction) -> &HalfStream {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    pub(crate) fn side_mut(&mut self, direction: Direction) -> &mut HalfStream {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// The filter at a step: responses pass the filters the other way round.
    pub(crate) fn filter_at(&self, direction: Direction, step: usize) -> Option<usize> {
        match direction {
            Direction::Request => (step < self.filters.len()).then_some(step),
            Direction::Response => self.filters.len().checked_sub(step + 1),
        }
    }

    /// The status in the response's headers.
    pub(crate) fn status(&self) -> u16 {
        let status = self.response.headers.text(":status");
        status.and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The status of the response, once there is one.
    pub(crate) fn code(&self) -> Option<u16> {
        self.sent_status
            .or_else(|| self.response.started.then(|| self.status()))
    }

    /// Whether the router has chosen an upstream.
    pub(crate) fn has_upstream(&self) -> bool {
        self.request.out.headers
    }

    /// What the upstream got, if it got anything.
    pub(crate) fn upstream(&self) -> Option<Request> {
        let out = &self.request.out;
        out.headers.then(|| Request {
            headers: self.request.headers.clone(),
            client: self.client,
            pause: Duration::ZERO,
            refused: None,
            body: out.body.to_vec(),
            trailers: self.request.trailers.clone().filter(|_| out.trailers),
        })
    }

    /// What the client got, if it got anything.
    pub(crate) fn downstream(&self) -> Option<Response> {
        let out = &self.response.out;
        out.headers.then(|| Response {
            headers: self.response.headers.clone(),
            body: out.body.to_vec(),
            trailers: self.response.trailers.clone().filter(|_| out.trailers),
            delay: Duration::ZERO,
            pause: Duration::ZERO,
        })
    }
}
