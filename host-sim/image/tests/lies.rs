//! A registry that lies: what it says leads no password elsewhere, and no push goes on without an end.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use fingerpost_image::{Credentials, Form, Image, PushError, Reference, Registry, push};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn credentials() -> Credentials {
    let config = r#"{"auths": {"r": {"auth": "dTpw"}}}"#;
    Credentials::in_docker_config(config, "r").expect("credentials")
}

fn with(credentials: &Credentials) -> Registry<'_> {
    Registry {
        credentials: Some(credentials),
        authorities: None,
    }
}

/// A server that answers every request with these bytes and closes the connection. It says what it was sent.
fn always(answer: Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let address = format!("127.0.0.1:{port}");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&heard);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            let lines = std::iter::from_fn(|| {
                let mut line = String::new();
                let length = reader.read_line(&mut line).unwrap_or(0);
                (length > 0 && !line.trim_end().is_empty()).then_some(line)
            });
            let head: String = lines.collect();
            shared.lock().expect("the list").push(head);
            // Whoever has heard enough closes the connection.
            drop(stream.write_all(&answer));
        }
    });
    (address, heard)
}

/// A registry may say anything. Nothing that it says makes the password go to another server, or the push go on without an
/// end.
#[test]
fn a_registry_that_lies_gets_an_error_and_no_one_else_gets_the_password() {
    let (elsewhere, heard_elsewhere) =
        always(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"token\": \"t\"}".to_vec());
    let line = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\n{more}content-length: 0\r\n\r\n").into_bytes()
    };
    for answer in [
        line(
            "307 Temporary Redirect",
            &format!("location: http://{elsewhere}/v2/\r\n"),
        ),
        line(
            "301 Moved Permanently",
            &format!("location: //{elsewhere}/v2/\r\n"),
        ),
        line(
            "202 Accepted",
            &format!("location: http://{elsewhere}/v2/team/f/blobs/uploads/1\r\n"),
        ),
        line("202 Accepted", &format!("location: http://user@{elsewhere}/\r\n")),
        line("202 Accepted", ""),
        line("200 OK", ""),
        line("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n"),
        line(
            "401 Unauthorized",
            "www-authenticate: Bearer realm=\"\u{1b}[31m\"\r\n",
        ),
        line(
            "401 Unauthorized",
            "www-authenticate: Bearer realm=\"file:///etc/passwd\"\r\n",
        ),
        line("500 \u{1b}[31m", ""),
        b"\0\0\0".to_vec(),
        Vec::new(),
        [
            b"HTTP/1.1 202 Accepted\r\nlocation: ".to_vec(),
            vec![b'a'; 10 << 20],
        ]
        .concat(),
        [
            b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n".to_vec(),
            vec![b'a'; 32 << 20],
        ]
        .concat(),
    ] {
        let (address, heard) = always(answer.clone());
        let image = Image::new(Form::Compat, MODULE, "1.0.0");
        let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
        let pushed = push(&image, &reference, with(&credentials()));
        let start = String::from_utf8_lossy(answer.get(..60).unwrap_or(&answer)).into_owned();
        assert!(pushed.is_err(), "{start}");
        assert!(!heard.lock().expect("the list").is_empty(), "{start}");
        assert_eq!(*heard_elsewhere.lock().expect("the list"), [""; 0], "{start}");
    }
}

/// The password goes over TLS, or nowhere else than to this machine: a registry on it can not have it sent through the network.
#[test]
fn the_token_of_a_registry_on_the_loopback_comes_from_the_loopback() {
    let (elsewhere, heard) =
        always(b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{\"token\": \"t\"}".to_vec());
    let port = elsewhere.rsplit(':').next().expect("a port");
    // Not a name of the loopback, though it leads there.
    let realm = format!("http://127.0.0.2:{port}/token");
    let challenge =
        format!("HTTP/1.1 401 No\r\nwww-authenticate: Bearer realm=\"{realm}\"\r\ncontent-length: 0\r\n\r\n");
    let (address, _) = always(challenge.into_bytes());
    let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
    let pushed = push(
        &Image::new(Form::Compat, MODULE, "1.0.0"),
        &reference,
        with(&credentials()),
    );
    assert!(matches!(pushed, Err(PushError::Unexpected(..))), "{pushed:?}");
    assert_eq!(*heard.lock().expect("the list"), [""; 0]);
}
