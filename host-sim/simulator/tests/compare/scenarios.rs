//! Which guests are run with which requests.

use crate::messages;
use fingerpost_simulator::{FailurePolicy, Request};
use std::time::Duration;

/// A chain of guests and the requests that are sent to it, one after another.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) plugins: Vec<Chosen>,
    pub(crate) requests: Vec<Request>,
    /// What passes before each request.
    pub(crate) pause: Option<Duration>,
    /// How many milliseconds sender and upstream wait between pieces of a body, at each try.
    pub(crate) pauses: &'static [u64],
    /// How long the route waits for its upstream, where it is not the default.
    pub(crate) route_timeout: Option<Duration>,
    /// The listener's buffer limit, where it is not the default.
    pub(crate) buffer_limit: Option<u32>,
    /// Whether all that is logged counts, or only what our guests say.
    pub(crate) every_line: bool,
}

/// A guest with the settings of its plugin.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) guest: &'static str,
    pub(crate) name: &'static str,
    pub(crate) root_id: &'static str,
    pub(crate) vm_id: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) vm_configuration: &'static str,
    pub(crate) policy: FailurePolicy,
    pub(crate) stop_iteration: bool,
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) capabilities: &'static [&'static str],
}

pub(crate) fn guest(guest: &'static str) -> Chosen {
    Chosen {
        guest,
        name: "plugin",
        root_id: "root",
        vm_id: "vm",
        configuration: "config",
        vm_configuration: "vm config",
        policy: FailurePolicy::Closed,
        stop_iteration: false,
        environment: &[],
        capabilities: &[],
    }
}

pub(crate) fn scenario(name: &'static str, plugins: Vec<Chosen>, requests: Vec<Request>) -> Scenario {
    Scenario {
        name,
        plugins,
        requests,
        pause: None,
        pauses: &[40, 200, 1000],
        route_timeout: None,
        buffer_limit: None,
        every_line: false,
    }
}

pub(crate) fn get(path: &str) -> Request {
    Request::get(path)
        .authority("guest.example")
        .header("user-agent", "compare")
}

pub(crate) fn gets(paths: &[&str]) -> Vec<Request> {
    paths.iter().map(|path| get(path)).collect()
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        headers(),
        bodies(),
        long_bodies(),
        replies(),
        calls(),
        scenario(
            "gRPC",
            vec![guest("grpc")],
            gets(&[
                "/nowhere",
                "/call",
                "/message",
                "/fail",
                "/late-fail",
                "/none",
                "/stream",
                "/stream-close",
                "/stream-fail",
                "/stream-late-fail",
                "/stream-none",
                "/cancel",
            ]),
        ),
        sharing(),
        ticks(),
        properties(),
        attributes(),
        messages::refused(),
        messages::lengths(),
        messages::lengths_of_pieces(),
        messages::refused_requests(),
        scenario(
            "foreign functions",
            vec![guest("foreign")],
            gets(&["/zlib", "/signatures"]),
        ),
        one_filter(),
        a_chain(),
        two_plugins_in_a_vm(),
        failing("fails closed", FailurePolicy::Closed),
        failing("fails open", FailurePolicy::Open),
        failing(
            "reloads",
            FailurePolicy::Reload {
                backoff: Duration::from_millis(10),
            },
        ),
        few_capabilities(),
        scenario(
            "statuses",
            vec![guest("wat-statuses")],
            vec![get("/").header("x-a", "1")],
        ),
        scenario(
            "ABI 0.1.0",
            vec![guest("wat-abi-0-1-0")],
            vec![
                get("/"),
                get("/again"),
                // A body would stop where the headers did, for good.
                get("/").header("x-wait", "1").header("x-answer", "empty"),
            ],
        ),
        assemblyscript(),
        actions("every answer", false),
        actions("every answer, stopping at headers allowed", true),
    ]
}

/// A module of others, with requests that most filters act on.
pub(crate) fn other(name: &str) -> Scenario {
    let name: &'static str = name.to_owned().leak(); // once for each module, in a test
    let cookie = "session=123; other=456; hmac=1; country=US";
    let form = |kind| {
        Request::post("/pre/foo-one/foo-two/post?a=b")
            .authority("guest.example")
            .header("x-answer", kind)
    };
    let requests = vec![
        get("/"),
        get("/one/two?three=four&token=1")
            .header("cookie", cookie)
            .header("x-a", "1"),
        get("/main/somepage/otherpage")
            .authority("foo.example")
            .header("authorization", "Bearer abc.def.ghi"),
        get("/hello/FOO/bar")
            .authority("WWW.Example.COM")
            .header("accept", "text/html")
            .header("user-agent", "iPhone Mobile"),
        get("/").header("x-answer", "404"),
        get("/").header("x-answer", "empty"),
        form("chunks").chunks(["credit card 4111-1111-1111-1111 ", "secret"]),
        form("trailers").chunks(["one"]).trailer("x-t", "1"),
        form("").body("a body with a length"),
    ];
    Scenario {
        every_line: true,
        ..scenario(
            name,
            vec![Chosen {
                configuration: "",
                ..guest(name)
            }],
            requests,
        )
    }
}

fn headers() -> Scenario {
    let rich = |path: &str| {
        get(path)
            .header("x-a", "1")
            .header("X-A", "2")
            .header("cookie", "c=1")
            .header("cookie", "d=2")
            .header("accept", "text/html")
            .header("accept", "*/*")
            .header("x-envoy-max-retries", "7")
            .header("x-envoy-retry-on", "5xx")
            .header("te", "gzip")
            .header("x-empty-already", "")
    };
    let mut requests: Vec<Request> = [
        "/",
        "/set",
        "/add",
        "/remove",
        "/replace-all",
        "/order",
        "/others",
        "/no-map",
        "/twice",
    ]
    .iter()
    .map(|path| rich(path))
    .collect();
    requests.push(
        get("/trailers")
            .header("x-answer", "trailers")
            .chunks(["abc"])
            .trailer("x-t", "1"),
    );
    requests.push(get("/").header("x-answer", "404"));
    requests.push(get("/").header("x-answer", "twice"));
    requests.push(get("/").header("x-answer", "empty"));
    requests.push(Request::new("HEAD", "/").authority("guest.example"));
    scenario("headers", vec![guest("headers")], requests)
}

fn bodies() -> Scenario {
    let mut requests = Vec::new();
    for path in [
        "/",
        "/whole",
        "/prepend",
        "/append",
        "/replace",
        "/middle",
        "/inside",
        "/far",
        "/trailers",
        "/headers-wait-not",
    ] {
        requests.push(Request::post(path).authority("guest.example").body("hello"));
        let pieces = Request::post(path)
            .authority("guest.example")
            .chunks(["hello ", "wide ", "world"]);
        requests.push(pieces.clone().header("x-answer", "chunks"));
        requests.push(pieces.trailer("x-sent", "1").header("x-answer", "trailers"));
    }
    requests.push(get("/whole"));
    scenario("bodies", vec![guest("body")], requests)
}

/// Bodies that a filter keeps, on either side of the limit, and such as pass it by piece.
fn long_bodies() -> Scenario {
    let piece = "0123456789".repeat(20);
    let post = |path: &str, pieces: usize| {
        Request::post(path)
            .authority("guest.example")
            .chunks(vec![piece.as_str(); pieces])
    };
    let requests = vec![
        post("/whole", 3),
        post("/whole", 4),
        post("/", 8),
        get("/whole").header("x-answer", "long"),
        get("/whole").header("x-answer", "longer"),
        get("/").header("x-answer", "longer"),
        post("/whole", 3)
            .header("x-answer", "longer")
            .trailer("x-sent", "1"),
        post("/whole", 4).header("content-type", "application/grpc"),
        get("/"),
    ];
    Scenario {
        buffer_limit: Some(700),
        ..scenario("bodies over the buffer limit", vec![guest("body")], requests)
    }
}

fn replies() -> Scenario {
    let mut requests = gets(&[
        "/",
        "/plain",
        "/bare",
        "/empty",
        "/typed",
        "/length",
        "/twice",
        "/resume",
        "/redirect",
        "/status",
        "/grpc",
        "/at-response",
        "/at-response-bare",
    ]);
    requests.push(get("/grpc-kind").header("content-type", "application/grpc"));
    requests.push(get("/grpc").header("content-type", "application/grpc"));
    requests.push(get("/grpc-own").header("content-type", "application/grpc"));
    requests.push(get("/grpc-empty").header("content-type", "application/grpc+proto"));
    for path in ["/grpc-own", "/grpc-kind"] {
        let head = Request::new("HEAD", path).authority("guest.example");
        requests.push(head.header("content-type", "application/grpc"));
    }
    requests.push(Request::new("HEAD", "/plain").authority("guest.example"));
    requests.push(Request::post("/plain").authority("guest.example").body("unread"));
    requests.push(
        Request::post("/at-body")
            .authority("guest.example")
            .chunks(["one", "two"]),
    );
    requests.push(
        Request::post("/at-end")
            .authority("guest.example")
            .chunks(["one", "two"]),
    );
    requests.push(get("/close"));
    requests.push(get("/close-response"));
    requests.push(get("/at-response-body").header("x-answer", "chunks"));
    scenario("local replies", vec![guest("replies")], requests)
}

fn calls() -> Scenario {
    let mut requests = gets(&["/", "/deny", "/errors", "/two"]);
    requests.push(get("/response").header("x-answer", "empty")); // a body would race with the call's answer
    requests.push(
        Request::post("/")
            .authority("guest.example")
            .chunks(["waits ", "too"]),
    );
    requests.push(
        Request::post("/deny")
            .authority("guest.example")
            .body("never read"),
    );
    scenario("calls", vec![guest("calls")], requests)
}

fn sharing() -> Scenario {
    scenario(
        "shared data, queues and metrics",
        vec![guest("sharing")],
        gets(&["/data", "/again", "/queue", "/metrics", "/metrics"]),
    )
}

fn ticks() -> Scenario {
    Scenario {
        pause: Some(Duration::from_millis(300)),
        ..scenario(
            "ticks",
            vec![guest("sharing")],
            gets(&["/tick", "/ticked", "/ticked"]),
        )
    }
}

fn properties() -> Scenario {
    let request = get("/path/here?query=1&b=2")
        .header("x-a", "1")
        .header("x-a", "2")
        .header("referer", "http://r.example/");
    let post = Request::post("/upload").authority("guest.example").body("12345");
    scenario(
        "properties",
        vec![guest("properties")],
        vec![request, post, get("/foreign")],
    )
}

/// Every attribute in every callback, of requests and responses in each form.
fn attributes() -> Scenario {
    let post = |path: &str| Request::post(path).authority("guest.example");
    scenario(
        "attributes",
        vec![guest("attributes")],
        vec![
            get("/path/here?query=1&b=2")
                .header("x-a", "1")
                .header("x-a", "2")
                .header("referer", "http://r.example/"),
            post("/upload").body("12345").header("x-answer", "chunks"),
            post("/upload")
                .chunks(["one", "four"])
                .trailer("x-sent", "1")
                .header("x-answer", "trailers"),
            get("/reply"),
            get("/call"),
            get("/edit"),
            get("/").header("x-answer", "empty"),
            get("/").header("x-answer", "404"),
            post("/grpc")
                .chunks(["one"])
                .header("content-type", "application/grpc")
                .header("x-answer", "trailers"),
        ],
    )
}

fn named(name: &'static str) -> Chosen {
    Chosen {
        name,
        configuration: name,
        vm_id: name,
        environment: &[("GUEST", "yes")],
        ..guest("lifecycle")
    }
}

fn ways() -> Vec<Request> {
    vec![
        get("/"),
        Request::post("/")
            .authority("guest.example")
            .chunks(["a", "b"])
            .trailer("t", "1")
            .header("x-answer", "trailers"),
        get("/").header("x-first", "request"),
        get("/").header("x-second", "request"),
        get("/").header("x-third", "request"),
        Request::post("/")
            .authority("guest.example")
            .body("body")
            .header("x-second", "request"),
    ]
}

fn one_filter() -> Scenario {
    scenario("the life of a stream", vec![named("first")], ways())
}

fn a_chain() -> Scenario {
    scenario(
        "a chain of three",
        vec![named("first"), named("second"), named("third")],
        ways(),
    )
}

fn two_plugins_in_a_vm() -> Scenario {
    let shared = |name| Chosen {
        vm_id: "shared",
        ..named(name)
    };
    scenario(
        "two plugins in one VM",
        vec![shared("first"), shared("second")],
        ways(),
    )
}

fn failing(name: &'static str, policy: FailurePolicy) -> Scenario {
    let chosen = Chosen {
        policy,
        ..guest("failing")
    };
    let requests = gets(&[
        "/",
        "/request/panic",
        "/",
        "/request/trap",
        "/",
        "/response/panic",
        "/",
        "/response-body/trap",
        "/",
    ]);
    Scenario {
        pause: Some(Duration::from_millis(30)),
        ..scenario(name, vec![chosen], requests)
    }
}

fn few_capabilities() -> Scenario {
    let chosen = Chosen {
        capabilities: &[
            "proxy_log",
            "proxy_on_context_create",
            "proxy_on_vm_start",
            "proxy_on_configure",
            "proxy_on_request_headers",
            "proxy_get_header_map_value",
            "proxy_get_header_map_pairs",
            "proxy_get_buffer_bytes",
            "proxy_on_delete",
        ],
        ..guest("headers")
    };
    scenario(
        "few capabilities",
        vec![chosen],
        vec![get("/set").header("x-a", "1"), get("/others")],
    )
}

fn assemblyscript() -> Scenario {
    let mut requests = gets(&["/", "/reply"]);
    requests.push(
        Request::post("/")
            .authority("guest.example")
            .chunks(["one", "two"])
            .header("x-answer", "chunks"),
    );
    scenario("AssemblyScript", vec![guest("as-filter")], requests)
}

/// Requests and responses in three forms, and for each place at which a filter can stop every number it can answer.
fn actions(name: &'static str, stop_iteration: bool) -> Scenario {
    let chosen = Chosen {
        stop_iteration,
        ..guest("wat-actions")
    };
    let mut requests = Vec::new();
    for place in ["x-h", "x-b", "x-t", "x-rh", "x-rb", "x-rt"] {
        for number in ["1", "2", "3", "4", "5"] {
            let form = |kind: &str| {
                Request::post("/")
                    .authority("guest.example")
                    .header(place, number)
                    .header("x-answer", kind)
            };
            requests.push(form("chunks").chunks(["a", "bc"]));
            requests.push(form("trailers").chunks(["a"]).trailer("t", "1"));
        }
        requests.push(get("/").header(place, "1").header("x-answer", "empty"));
    }
    Scenario {
        // A timer of the guest's lets streams go on after 250 ms, when all pieces have come.
        pauses: &[40; 5],
        ..scenario(name, vec![chosen], requests)
    }
}
