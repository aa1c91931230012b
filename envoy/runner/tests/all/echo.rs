//! What the echo servers answer, and what they say they received.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::support::{bootstrap, envoy, folder, get};
use fingerpost_envoy_runner::{
    Echo, EchoBody, EchoOptions, Report, RunningEnvoy, ServedCluster, StartOptions,
};
use serde_json::{Value, json};

fn echo() -> Echo {
    Echo::start(EchoOptions::default()).unwrap()
}

/// Echo servers that name their cluster.
fn named_echo() -> Echo {
    Echo::start(EchoOptions {
        headers: vec![("server-extra".to_owned(), "1".to_owned())],
        cluster_header: Some("x-echo-cluster".to_owned()),
        ..EchoOptions::default()
    })
    .unwrap()
}

/// Sends these bytes to a server of the cluster `a` and returns what comes back until it hangs up.
fn send(echo: &Echo, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(echo.listen("a").unwrap()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_plain_answer_is_ok() {
    assert_eq!(
        send(&echo(), b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"),
        "HTTP/1.1 200 Echo\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"
    );
    assert_eq!(
        send(
            &named_echo(),
            b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
        ),
        "HTTP/1.1 200 Echo\r\ncontent-type: text/plain\r\nserver-extra: 1\r\nx-echo-cluster: a\r\ncontent-length: 2\r\n\r\nok"
    );
}

/// The body of the answer to these bytes, by a server that shows requests.
fn shown(bytes: &[u8]) -> Value {
    let echo = Echo::start(EchoOptions {
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .unwrap();
    let address = echo
        .listen_for(ServedCluster {
            cluster: "outbound|80|v2|shop.default.svc.cluster.local".to_owned(),
            service: "shop.default:80".to_owned(),
            subset: Some("v2".to_owned()),
        })
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{answer}"
    );
    assert!(
        head.contains("content-type: application/json") && body.ends_with("}\n"),
        "{answer}"
    );
    serde_json::from_str(body).unwrap()
}

#[test]
fn an_answer_shows_the_request() {
    let shown = shown(
        b"POST /a?b=%20 HTTP/1.1\r\nHost: h\r\nX-R: 1\r\nx-r: 2\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
          3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    let expected = json!({
        "service": "shop.default:80",
        "subset": "v2",
        "method": "POST",
        "path": "/a?b=%20",
        "headers": {"host": "h", "x-r": ["1", "2"], "transfer-encoding": "chunked", "connection": "close"},
        "body": {"bytes": 7},
    });
    assert_eq!(shown, expected);
}

#[test]
fn an_answer_to_head_has_the_length_and_no_body() {
    let echo = Echo::start(EchoOptions {
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .unwrap();
    let answer = send(&echo, b"HEAD / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    assert!(
        answer.ends_with("\r\n\r\n") && answer.contains("content-length: "),
        "{answer}"
    );
    assert!(!answer.contains("content-length: 0"), "{answer}");
}

#[test]
fn a_websocket_gets_its_messages_back() {
    let echo = Echo::start(EchoOptions {
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .unwrap();
    let mut stream = TcpStream::connect(echo.listen("a").unwrap()).unwrap();
    let head = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nUpgrade: WebSocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A text and a binary message, a ping and the end, each with a mask of zeros (RFC 6455, section 5.2).
    let frames: [&[u8]; 4] = [
        &[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'],
        &[0x82, 0x81, 0, 0, 0, 0, 7],
        &[0x89, 0x80, 0, 0, 0, 0],
        &[0x88, 0x80, 0, 0, 0, 0],
    ];
    stream.write_all(head).unwrap();
    stream.write_all(&frames.concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    assert!(
        text.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{text}"
    );
    let sent = [0x81, 2, b'h', b'i', 0x82, 1, 7, 0x8a, 0, 0x88, 0];
    assert!(answer.ends_with(&sent), "{answer:?}");
}

/// What comes back for a request to an echo server that shows requests, and the bytes after its head.
fn send_to_shower(bytes: &[u8]) -> (String, Vec<u8>) {
    let echo = Echo::start(EchoOptions {
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .unwrap();
    let mut stream = TcpStream::connect(echo.listen("a").unwrap()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    (String::from_utf8(answer).unwrap(), body)
}

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_handshake_that_is_not_of_a_websocket_is_refused_with_the_reason() {
    for (from, to, status, reason) in [
        ("GET", "POST", "400", "GET"),
        (
            "connection: Upgrade",
            "connection: keep-alive",
            "400",
            "connection: upgrade",
        ),
        (
            "sec-websocket-version: 13\r\n",
            "",
            "426",
            "sec-websocket-version: 13",
        ),
        ("version: 13", "version: 8", "426", "sec-websocket-version: 13"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "YQ==", "400", "sec-websocket-key"),
        ("sec-websocket-key", "x-key", "400", "sec-websocket-key"),
    ] {
        let (head, body) = send_to_shower(HANDSHAKE.replace(from, to).as_bytes());
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{to}: {head}");
        assert_eq!(
            status == "426",
            head.contains("sec-websocket-version: 13\r\n"),
            "{head}"
        );
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains(reason), "{to}: {body}");
    }
}

/// RFC 6455, section 7.4.1.
#[test]
fn a_frame_that_is_wrong_ends_a_websocket_with_the_reason() {
    for (frame, code) in [
        // Without a mask, with a reserved bit, of an unknown kind, a ping in pieces, a text that is not UTF-8.
        (&[0x81, 1, b'a'][..], 1002_u16),
        (&[0xc1, 0x81, 0, 0, 0, 0, b'a'], 1002),
        (&[0x83, 0x80, 0, 0, 0, 0], 1002),
        (&[0x09, 0x80, 0, 0, 0, 0], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ] {
        let (head, frames) = send_to_shower(&[HANDSHAKE.as_bytes(), frame].concat());
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let [high, low] = code.to_be_bytes();
        assert_eq!(frames, [0x88, 2, high, low], "{frame:?}");
    }
}

#[test]
fn what_is_not_http_is_answered_with_its_status() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nbad header\r\n\r\n"[..],
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
    ] {
        let answer = send(&echo(), bytes);
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"),
            "{answer}"
        );
    }
    let long = format!("GET / HTTP/1.1\r\nx-a: {}", "a".repeat(1024 * 1024));
    let answer = send(&echo(), long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn an_x_echo_that_cannot_be_read_is_refused_with_the_reason() {
    let answer = send(
        &echo(),
        b"GET / HTTP/1.1\r\nhost: h\r\nx-echo: delay=soon\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.ends_with("\r\n\r\nx-echo: `delay=soon`: expected a number of seconds, as delay=0.7\n"),
        "{answer}"
    );
}

#[test]
fn a_server_that_says_ok_takes_an_upgrade_for_a_request() {
    let head = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n\r\n";
    assert!(send(&echo(), head).starts_with("HTTP/1.1 200"));
}

/// The status of HTTP, the body, and `grpc-status` wherever it is, of a call.
fn call(path: &'static str) -> (u16, Vec<u8>, String) {
    let echo = Echo::start(EchoOptions {
        body: EchoBody::Request,
        ..EchoOptions::default()
    })
    .unwrap();
    let address = echo.listen("a").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::post(format!("http://h{path}"))
            .header("content-type", "application/grpc+proto")
            .body(())
            .unwrap();
        let (answer, _) = sender.send_request(request, true).unwrap();
        let (head, mut body) = answer.await.unwrap().into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            bytes.extend_from_slice(&data.unwrap());
        }
        let trailers = body.trailers().await.unwrap().unwrap_or_default();
        let status = trailers.get("grpc-status").or(head.headers.get("grpc-status"));
        let status = status.map(|it| it.to_str().unwrap().to_owned());
        (head.status.as_u16(), bytes, status.unwrap_or_default())
    })
}

#[test]
fn the_health_check_of_grpc_is_answered() {
    // `HealthCheckResponse{status: SERVING}` in its frame.
    let serving = vec![0, 0, 0, 0, 2, 0x08, 1];
    assert_eq!(
        call("/grpc.health.v1.Health/Check"),
        (200, serving, "0".to_owned())
    );
    assert_eq!(call("/shop.Shop/Buy"), (200, Vec::new(), "12".to_owned()));
}

#[test]
fn a_request_is_told_as_it_stood_on_the_wire() {
    let echo = echo();
    send(&echo, b"PURGE /a%2Fb//../c?x=%20&y#f HTTP/1.1\r\nX-B: 2\r\nHost: H:80\r\nx-a: \xe9\r\nx-b: 1\r\nconnection: close\r\n\r\n");
    let received = echo.take().remove(0);
    assert_eq!(
        (received.method.as_str(), received.path.as_str()),
        ("PURGE", "/a%2Fb//../c?x=%20&y#f")
    );
    assert_eq!(
        (received.cluster.as_str(), received.authority.as_str()),
        ("a", "H:80")
    );
    let headers: Vec<_> = received
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("x-b", "2"),
        ("host", "H:80"),
        ("x-a", "\u{e9}"),
        ("x-b", "1"),
        ("connection", "close"),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn bodies_are_passed_over_and_the_next_request_on_the_connection_is_answered() {
    let echo = echo();
    let answers = send(
        &echo,
        b"POST /1 HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello\
          POST /2 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\ntrailer: x\r\n\r\n\
          HEAD /3 HTTP/1.1\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
    assert_eq!(
        answers.matches("ok").count(),
        2,
        "an answer to HEAD has no body: {answers}"
    );
    let paths: Vec<_> = echo.take().into_iter().map(|received| received.path).collect();
    assert_eq!(paths, ["/1", "/2", "/3"]);
}

#[test]
fn x_echo_sets_the_status_for_so_many_attempts_of_a_case() {
    let echo = echo();
    let ask = |case| {
        let request = format!(
            "GET / HTTP/1.1\r\nx-case: {case}\r\nx-echo: status=503;times=2\r\nconnection: close\r\n\r\n"
        );
        send(&echo, request.as_bytes())[9..12].to_owned()
    };
    assert_eq!([ask(1), ask(1), ask(2), ask(1)], ["503", "503", "503", "200"]);
    assert_eq!(echo.take_case("1").len(), 3);
    assert_eq!(echo.take().len(), 1);
}

#[test]
fn x_echo_hangs_up_or_delays() {
    let echo = echo();
    assert_eq!(send(&echo, b"GET / HTTP/1.1\r\nx-echo: reset\r\n\r\n"), "");
    let start = Instant::now();
    send(
        &echo,
        b"GET / HTTP/1.1\r\nx-echo: delay=0.2\r\nconnection: close\r\n\r\n",
    );
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "a sleep may last longer, never shorter"
    );
}

#[test]
fn requests_can_be_sent_on_as_they_arrive() {
    let (sink, received) = channel();
    let echo = Echo::start(EchoOptions {
        report: Report::To(sink),
        ..EchoOptions::default()
    })
    .unwrap();
    get(echo.listen("a").unwrap(), "/sent", &[]);
    assert_eq!(received.recv().unwrap().path, "/sent");
    assert_eq!(echo.take(), []);
}

#[test]
fn a_cluster_has_one_address_and_thirty_clusters_have_thirty() {
    let echo = named_echo();
    let addresses: Vec<_> = (0..30).map(|n| echo.listen(&format!("c{n}")).unwrap()).collect();
    for (n, address) in addresses.iter().enumerate() {
        assert_eq!(echo.listen(&format!("c{n}")).unwrap(), *address);
        let answer = get(*address, "/", &[]);
        assert!(answer.contains(&format!("x-echo-cluster: c{n}\r\n")), "{answer}");
    }
}

#[test]
fn when_it_is_dropped_nobody_listens() {
    let echo = echo();
    let address = echo.listen("a").unwrap();
    drop(echo);
    assert!(TcpStream::connect(address).is_err());
}

/// Has a real Envoy speak to the server as `cluster` says.
fn check_through_envoy(cluster: &[(&str, Value)]) {
    let (directory, echo) = (folder(), echo());
    let mut bootstrap = bootstrap("127.0.0.1:0");
    for (field, value) in cluster {
        bootstrap.0["static_resources"]["clusters"][0][*field] = value.clone();
    }
    bootstrap.point_cluster("upstream", echo.listen("upstream").unwrap());
    let envoy = RunningEnvoy::start(envoy(), &bootstrap, directory.path(), StartOptions::default()).unwrap();
    let address = envoy.listeners().unwrap()[0].address;

    let answer = get(
        address,
        "/a%2Fb?c",
        &[("x-case", "1"), ("x-r", "1"), ("x-r", "2")],
    );
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"),
        "{answer}"
    );
    let received = echo.take_case("1").remove(0);
    assert_eq!(
        (received.path.as_str(), received.authority.as_str()),
        ("/a%2Fb?c", "test.example")
    );
    let repeated: Vec<_> = received
        .headers
        .iter()
        .filter(|(name, _)| name == "x-r")
        .collect();
    assert_eq!(repeated.len(), 2, "{:?}", received.headers);
    let refused = get(address, "/", &[("x-echo", "status=503"), ("x-case", "2")]);
    assert!(
        refused.starts_with("HTTP/1.1 503") && refused.ends_with("ok"),
        "{refused}"
    );
    let reset = get(address, "/", &[("x-echo", "reset"), ("x-case", "3")]);
    assert!(
        reset.starts_with("HTTP/1.1 503") && reset.contains("reset reason"),
        "{reset}"
    );
}

fn http2() -> (&'static str, Value) {
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }});
    ("typed_extension_protocol_options", options)
}

fn tls() -> (&'static str, Value) {
    let context =
        json!({"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"});
    (
        "transport_socket",
        json!({"name": "envoy.transport_sockets.tls", "typed_config": context}),
    )
}

#[test]
fn envoy_can_speak_http1_to_it() {
    check_through_envoy(&[]);
}

#[test]
fn envoy_can_speak_http2_to_it() {
    check_through_envoy(&[http2()]);
}

#[test]
fn envoy_can_speak_tls_to_it() {
    check_through_envoy(&[tls()]);
}

#[test]
fn envoy_can_speak_http2_over_tls_to_it() {
    check_through_envoy(&[tls(), http2()]);
}
