//! Shared data, queues, timers and metrics.

use fingerpost_guests::{host, path, say, shown};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, MetricType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Root {
    queue: u32,
    metrics: [u32; 3],
    ticks: u32,
}

struct Stream {
    queue: u32,
    metrics: [u32; 3],
}

impl Context for Root {}
impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.queue = host::register("work").unwrap_or_default();
        let kinds = [
            (MetricType::Counter, "guest_counter"),
            (MetricType::Gauge, "guest_gauge"),
            (MetricType::Histogram, "guest_histogram"),
        ];
        for (place, (kind, name)) in self.metrics.iter_mut().zip(kinds) {
            *place = host::define(kind, name).unwrap_or_default();
        }
        true
    }

    fn on_queue_ready(&mut self, queue: u32) {
        say(format!("queue ready {}", queue == self.queue));
        say(format!("item {}", shown(host::dequeue(queue))));
        say(format!("then {}", shown(host::dequeue(queue))));
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        if self.ticks == 2 {
            say("second tick");
            let _ = host::tick(Duration::ZERO);
            let _ = host::set_shared("ticked", b"yes", 0);
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            queue: self.queue,
            metrics: self.metrics,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn get(key: &str) -> String {
    shown(host::shared(key).map(|(value, _)| value))
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match path().as_str() {
            "/data" => {
                say(format!("absent {}", get("key")));
                say(shown(host::set_shared("key", b"one", 0)));
                let (_, cas) = host::shared("key").unwrap_or_default();
                say(shown(host::set_shared("key", b"two", cas)));
                say(format!(
                    "old cas {}",
                    shown(host::set_shared("key", b"three", cas))
                ));
                say(format!("zero cas {}", shown(host::set_shared("key", b"four", 0))));
                say(get("key"));
                say(shown(host::set_shared("empty", b"", 77)));
                say(format!("empty {}", get("empty")));
            }
            "/again" => say(format!("kept {}", get("key"))),
            "/queue" => {
                say(format!(
                    "same {}",
                    shown(host::register("work").map(|it| it == self.queue))
                ));
                say(format!(
                    "resolved {}",
                    shown(host::resolve("", "work").map(|it| it == self.queue))
                ));
                say(format!("unknown {}", shown(host::resolve("", "nothing"))));
                say(format!("elsewhere {}", shown(host::resolve("other-vm", "work"))));
                say(shown(host::enqueue(self.queue, b"item")));
                say(format!("no queue {}", shown(host::enqueue(4711, b"item"))));
                say(format!("no queue {}", shown(host::dequeue(4711))));
            }
            "/metrics" => {
                let [counter, gauge, histogram] = self.metrics;
                say(format!("ids {} {} {}", counter % 4, gauge % 4, histogram % 4));
                for offset in [3, 0, -1] {
                    say(format!(
                        "counter {offset} {}",
                        shown(host::increment(counter, offset))
                    ));
                }
                for offset in [10, 0, -4] {
                    say(format!(
                        "gauge {offset} {}",
                        shown(host::increment(gauge, offset))
                    ));
                }
                say(format!(
                    "histogram increment {}",
                    shown(host::increment(histogram, 1))
                ));
                say(format!("record {}", shown(host::record(counter, 5))));
                say(format!("record {}", shown(host::record(gauge, 42))));
                say(format!("record {}", shown(host::record(histogram, 7))));
                say(format!("counter is {}", shown(host::metric(counter))));
                say(format!("gauge is {}", shown(host::metric(gauge))));
                say(format!("histogram is {}", shown(host::metric(histogram))));
                for unknown in [400, 401, 402, 403] {
                    say(format!("unknown {}", shown(host::metric(unknown))));
                    say(format!("unknown {}", shown(host::increment(unknown, 1))));
                    say(format!("unknown {}", shown(host::record(unknown, 1))));
                }
            }
            "/tick" => say(shown(host::tick(Duration::from_millis(20)))),
            "/ticked" => say(get("ticked")),
            _ => {}
        }
        let _ = host::set(MapType::HttpRequestHeaders, "x-shared", "1");
        Action::Continue
    }
}
