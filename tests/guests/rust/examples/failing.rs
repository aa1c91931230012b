//! Fails when the path says so: a panic, a trap, a memory bomb, an endless recursion, an endless loop.

use fingerpost_guests::{path, say};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

#[derive(Default)]
struct Stream {
    path: String,
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

fn fail(how: &str) {
    match how {
        "panic" => panic!("as asked"),
        "trap" => {
            #[cfg(target_arch = "wasm32")]
            core::arch::wasm32::unreachable();
        }
        "memory" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(Vec::with_capacity(16 << 20));
                std::hint::black_box(&kept);
            }
        }
        "deep" => {
            say(format!("depth {}", deeper(std::hint::black_box(0))));
        }
        "loop" => loop {
            std::hint::black_box(how);
        },
        _ => {}
    }
}

#[inline(never)]
#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth + 1)) + 1)
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.path = path();
        say(format!("request headers {}", self.path));
        if let Some(how) = self.path.strip_prefix("/request/") {
            fail(how);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        say("response headers");
        if let Some(how) = self.path.strip_prefix("/response/") {
            fail(how);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        if let Some(how) = self.path.strip_prefix("/response-body/")
            && size > 0
        {
            fail(how);
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        say("log");
    }
}
