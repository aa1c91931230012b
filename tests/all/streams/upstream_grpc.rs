//! The gRPC server. Messages are texts; the last part of the path is the method.
//!
//! - `Place` (one message, one answer) answers with its message. `busy N` is refused as unavailable the first N times, by `x-case`; `hang`
//!   is never answered; `fail` fails as not found.
//! - `Watch` and `List` (one message, many answers): `count N` sends N messages; `count N fail` then fails as aborted; `hang` sends one
//!   message and no more.
//! - `Upload` (many messages, one answer) answers with all messages, joined.
//! - `Chat` (many messages, many answers) sends each message back as it comes.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};

use super::body::{Body, Ended, text};
use super::grpc_frames::{CallFrame, Code, Messages, message};
use super::received::Log;

/// How often each case has been refused, by the upstream's cluster too: a copy goes to another.
static REFUSED: LazyLock<Mutex<BTreeMap<(String, String), u32>>> = LazyLock::new(Mutex::default);

/// Whether a request is for this server.
pub(super) fn is_call(headers: &HeaderMap) -> bool {
    let kind = headers.get("content-type");
    kind.is_some_and(|it| it.as_bytes().starts_with(b"application/grpc"))
}

/// Answers a call, and notes whether the proxy gave it up.
pub(super) async fn answer(
    request: Request<Incoming>,
    cluster: String,
    log: &Log,
    index: usize,
) -> Response<Body> {
    let call = Open { log, index };
    let method = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (head, body) = request.into_parts();
    let mut messages = Messages::new(body);
    let answer = match method.as_str() {
        "Place" => {
            let asked = messages.all().await.unwrap_or_default().concat();
            place(&asked, &head.headers, cluster).await
        }
        "Watch" | "List" => {
            let asked = messages.all().await.unwrap_or_default().concat();
            watch(&asked)
        }
        "Upload" => {
            let texts = messages.all().await.unwrap_or_default();
            sends(stream::iter([message(&texts.join(" "))]).boxed(), Code::Ok)
        }
        "Chat" => {
            let echoed = stream::unfold(messages, |mut messages| async {
                let text = messages.next().await.ok().flatten()?;
                Some((message(&text), messages))
            });
            sends(echoed.boxed(), Code::Ok)
        }
        _ => fails(Code::Unimplemented),
    };
    call.close();
    answer
}

/// A call without an answer. The proxy gives it up by ending its stream; then this is dropped.
struct Open<'l> {
    log: &'l Log,
    index: usize,
}

impl Open<'_> {
    fn close(self) {
        let ended = Ended::Whole {
            bytes: 0,
            trailers: Vec::new(),
        };
        self.log.end(self.index, ended);
        std::mem::forget(self);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.log.end(self.index, Ended::Broken);
    }
}

async fn place(asked: &str, headers: &HeaderMap, cluster: String) -> Response<Body> {
    match asked.split_once(' ').unwrap_or((asked, "")) {
        ("hang", _) => return std::future::pending().await,
        ("fail", _) => return fails(Code::NotFound),
        ("busy", times) => {
            let times: u32 = times.parse().unwrap_or_default();
            let case = headers.get("x-case").map_or(&b""[..], HeaderValue::as_bytes);
            let mut refused = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
            let case = String::from_utf8_lossy(case).into_owned();
            let count = refused.entry((cluster, case)).or_default();
            *count += 1;
            if *count <= times {
                return fails(Code::Unavailable);
            }
        }
        _ => {}
    }
    sends(stream::iter([message(asked)]).boxed(), Code::Ok)
}

fn watch(asked: &str) -> Response<Body> {
    let words: Vec<&str> = asked.split(' ').collect();
    let count = words.get(1).and_then(|it| it.parse().ok()).unwrap_or(1_usize);
    let sent = stream::iter((0..count).map(|it| message(&it.to_string())));
    match (words.first(), words.get(2)) {
        (Some(&"hang"), _) => sends(sent.chain(stream::pending()).boxed(), Code::Ok),
        (_, Some(&"fail")) => sends(sent.boxed(), Code::Aborted),
        _ => sends(sent.boxed(), Code::Ok),
    }
}

/// Messages, then a status in trailers.
fn sends(messages: BoxStream<'static, CallFrame>, code: Code) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    set_status(&mut trailers, code);
    let frames = messages.chain(stream::iter([Ok(Frame::trailers(trailers))]));
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("x-internal", "1"),
        ("x-kept", "2"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A status without messages, in the headers.
fn fails(code: Code) -> Response<Body> {
    let mut response = Response::new(text(""));
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    set_status(response.headers_mut(), code);
    response
}

/// With metadata beside it.
fn set_status(headers: &mut HeaderMap, code: Code) {
    headers.insert("grpc-status", code.value());
    headers.insert("x-internal", HeaderValue::from_static("1"));
}
