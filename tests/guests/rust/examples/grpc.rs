//! Calls a gRPC service, and opens streams to it; the request waits for the end of either.

use fingerpost_guests::{host, path, say, shown, text};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType, Status};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
#[derive(Default)]
struct Stream {
    token: u32,
}

impl Context for Root {}
impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::default()))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

const SERVICE: &str = "guest.Service";
const METADATA: [(&str, &[u8]); 1] = [("x-q", b"1")];

fn opened(what: &str, result: Result<u32, Status>) -> u32 {
    say(match &result {
        Ok(token) => format!("{what}: token {token}"),
        Err(status) => format!("{what}: {status:?}"),
    });
    result.unwrap_or_default()
}

fn called(what: &str, result: Result<(), Status>) {
    say(format!("{what}: {result:?}"));
}

fn call(cluster: &str, method: &str) -> u32 {
    let second = Duration::from_secs(1);
    let message = Some(&b"ask"[..]);
    let result = hostcalls::dispatch_grpc_call(cluster, SERVICE, method, METADATA.to_vec(), message, second);
    opened(method, result)
}

fn stream(cluster: &str, method: &str) -> u32 {
    let result = hostcalls::open_grpc_stream(cluster, SERVICE, method, METADATA.to_vec());
    opened(method, result)
}

fn status() {
    let status = hostcalls::get_grpc_status();
    say(format!("status {status:?}"));
}

fn map(name: &str, kind: MapType) {
    match host::pairs(kind) {
        Ok(mut pairs) => {
            pairs.retain(|(key, _)| key != "date" && key != "x-envoy-upstream-service-time");
            say(format!("{name} {pairs:?}"));
        }
        Err(status) => say(format!("{name} {status:?}")),
    }
}

fn received(size: usize) {
    let bytes = host::buffer(BufferType::GrpcReceiveBuffer, 0, size);
    say(format!("received {size}: {}", shown(bytes)));
}

impl Stream {
    fn go_on(&self) {
        say(shown(host::go_on(0)));
    }
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, token: u32, code: u32, size: usize) {
        say(format!("call {token} ends with {code}"));
        received(size);
        map("ahead", MapType::GrpcReceiveInitialMetadata);
        status();
        self.go_on();
    }

    fn on_grpc_stream_initial_metadata(&mut self, token: u32, count: u32) {
        say(format!("stream {token} ahead {}", count > 0));
        map("ahead", MapType::GrpcReceiveInitialMetadata);
        map("behind", MapType::GrpcReceiveTrailingMetadata);
    }

    fn on_grpc_stream_message(&mut self, token: u32, size: usize) {
        say(format!("stream {token} message"));
        received(size);
    }

    fn on_grpc_stream_trailing_metadata(&mut self, token: u32, count: u32) {
        say(format!("stream {token} behind {}", count > 0));
        map("ahead", MapType::GrpcReceiveInitialMetadata);
        map("behind", MapType::GrpcReceiveTrailingMetadata);
    }

    fn on_grpc_stream_close(&mut self, token: u32, code: u32) {
        say(format!("stream {token} ends with {code}"));
        status();
        called(
            "send late",
            hostcalls::send_grpc_stream_message(token, Some(b"late"), false),
        );
        called("close", hostcalls::close_grpc_stream(token));
        self.go_on();
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let send = |token, message: &[u8], end| {
            let result = hostcalls::send_grpc_stream_message(token, Some(message), end);
            called(&format!("send {}", text(message)), result);
        };
        match path().as_str() {
            "/call" => self.token = call("grpc", "Echo"),
            "/message" => self.token = call("\x0a\x06\x0a\x04grpc", "Echo"),
            "/fail" => self.token = call("grpc", "Fail"),
            "/late-fail" => self.token = call("grpc", "LateFail"),
            "/none" => self.token = call("grpc", "None"),
            "/stream" => {
                let token = stream("grpc", "Echo");
                send(token, b"one", false);
                send(token, b"two", true);
            }
            "/stream-close" => {
                let token = stream("grpc", "Echo");
                send(token, b"one", false);
                called("close", hostcalls::close_grpc_stream(token));
            }
            "/stream-fail" => send(stream("grpc", "Fail"), b"one", true),
            "/stream-late-fail" => send(stream("grpc", "LateFail"), b"one", true),
            "/stream-none" => send(stream("grpc", "None"), b"one", true),
            "/cancel" => {
                let token = call("grpc", "Echo");
                called("cancel", hostcalls::cancel_grpc_call(token));
                called("again", hostcalls::cancel_grpc_call(token));
                let token = stream("grpc", "Echo");
                called("cancel", hostcalls::cancel_grpc_stream(token));
                called("again", hostcalls::cancel_grpc_stream(token));
                return Action::Continue;
            }
            _ => {
                call("nowhere", "Echo");
                stream("nowhere", "Echo");
                status();
                return Action::Continue;
            }
        }
        Action::Pause
    }
}
