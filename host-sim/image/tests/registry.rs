//! An image is pushed to a registry: to one of this test that wants a token, and to Debian's `docker-registry`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use fingerpost_image::{Credentials, Form, Image, PushError, Reference, push, sha256_hex};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What a registry holds: blobs by digest, manifests by tag with their types, and how many uploads it took.
#[derive(Default)]
struct Held {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    uploads: usize,
}

/// Starts a registry on the loopback that follows the distribution specification as far as a push goes. It gives a token to
/// the user `u` with the password `p`, and an absolute location for each second upload.
fn start() -> (String, Arc<Mutex<Held>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let held = Arc::new(Mutex::new(Held::default()));
    let (own, shared) = (address.clone(), Arc::clone(&held));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (own, shared) = (own.clone(), Arc::clone(&shared));
            thread::spawn(move || serve(stream, &own, &shared));
        }
    });
    (address, held)
}

/// Answers the requests of a connection.
fn serve(stream: TcpStream, own: &str, held: &Mutex<Held>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split_whitespace();
        let (method, path) = (
            words.next().unwrap_or("").to_owned(),
            words.next().unwrap_or("").to_owned(),
        );
        let mut headers = BTreeMap::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).expect("a header");
            match header.trim_end().split_once(": ") {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None => break,
            };
        }
        let length = headers
            .get("content-length")
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let (status, more, text) = answer(&method, &path, &headers, body, own, held);
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n{text}",
            text.len()
        );
        if writer.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
    own: &str,
    held: &Mutex<Held>,
) -> (&'static str, String, &'static str) {
    let nothing = String::new;
    let authorization = headers.get("authorization").map(String::as_str);
    if path.starts_with("/token?") {
        let asked =
            path.contains("service=test") && path.contains("scope=repository%3Ateam%2Ff%3Apull%2Cpush");
        let is_known = authorization == Some("Basic dTpw");
        return match asked && is_known {
            true => ("200 OK", nothing(), r#"{"token": "t"}"#),
            false => ("401 Unauthorized", nothing(), ""),
        };
    }
    if authorization != Some("Bearer t") {
        let challenge = format!("www-authenticate: Bearer realm=\"http://{own}/token\",service=\"test\"\r\n");
        return ("401 Unauthorized", challenge, "");
    }
    let mut held = held.lock().expect("the registry");
    let (rest, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, rest.strip_prefix("/v2/team/f/").unwrap_or("")) {
        ("HEAD", blob) => match held.blobs.contains_key(blob.trim_start_matches("blobs/")) {
            true => ("200 OK", nothing(), ""),
            false => ("404 Not Found", nothing(), ""),
        },
        ("POST", "blobs/uploads/") => {
            held.uploads += 1;
            let origin = if held.uploads.is_multiple_of(2) {
                format!("http://{own}")
            } else {
                String::new()
            };
            let state = if held.uploads.is_multiple_of(2) {
                "?state=s"
            } else {
                ""
            };
            let location = format!(
                "location: {origin}/v2/team/f/blobs/uploads/{}{state}\r\n",
                held.uploads
            );
            ("202 Accepted", location, "")
        }
        ("PUT", upload) if upload.starts_with("blobs/uploads/") => {
            let digest = query.rsplit("digest=").next().unwrap_or("").to_owned();
            if digest != format!("sha256:{}", sha256_hex(&body)) {
                return ("400 Bad Request", nothing(), "");
            }
            held.blobs.insert(digest, body);
            ("201 Created", nothing(), "")
        }
        ("PUT", manifest) => {
            let kind = headers.get("content-type").cloned().unwrap_or_default();
            let tag = manifest.trim_start_matches("manifests/").to_owned();
            held.manifests.insert(tag, (kind, body));
            ("201 Created", nothing(), "")
        }
        _ => ("404 Not Found", nothing(), ""),
    }
}

fn credentials(basic: &str) -> Credentials {
    let config = format!(r#"{{"auths": {{"r": {{"auth": "{basic}"}}}}}}"#);
    Credentials::in_docker_config(&config, "r").expect("credentials")
}

#[test]
fn a_registry_holds_what_was_pushed() {
    for form in [Form::Compat, Form::Oci] {
        let (address, held) = start();
        let image = Image::new(form, MODULE, "1.0.0");
        let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
        push(&image, &reference, Some(&credentials("dTpw"))).expect("a push");
        // Twice is as good as once, and uploads nothing.
        let uploads = held.lock().expect("the registry").uploads;
        push(&image, &reference, Some(&credentials("dTpw"))).expect("a push");
        let held = held.lock().expect("the registry");
        assert_eq!(held.uploads, uploads);
        for part in &image.parts {
            assert_eq!(held.blobs.get(&part.digest()), Some(&part.bytes));
        }
        let (kind, manifest) = held.manifests.get("1.0").expect("the manifest");
        assert_eq!(
            (kind.as_str(), manifest),
            (
                "application/vnd.oci.image.manifest.v1+json",
                &image.manifest.bytes
            )
        );
    }
}

#[test]
fn without_the_right_credentials_nothing_is_pushed() {
    for wrong in [None, Some(credentials("dTpx"))] {
        let (address, held) = start();
        let image = Image::new(Form::Compat, MODULE, "1.0.0");
        let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
        let pushed = push(&image, &reference, wrong.as_ref());
        assert!(matches!(pushed, Err(PushError::Denied)), "{pushed:?}");
        assert_eq!(held.lock().expect("the registry").uploads, 0);
    }
}

#[test]
fn a_registry_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
    let pushed = push(&Image::new(Form::Compat, MODULE, "1.0.0"), &reference, None);
    assert!(matches!(pushed, Err(PushError::Unreachable(_))), "{pushed:?}");
}

#[test]
#[ignore = "needs docker-registry, of Debian's package of that name"]
fn debians_registry_takes_an_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let config = folder.path().join("config.yml");
    let storage = folder.path().join("storage");
    let text = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}'}}\n",
        storage.display()
    );
    std::fs::write(&config, text).expect("a file");
    let mut registry = std::process::Command::new("docker-registry")
        .arg("serve")
        .arg(&config)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("docker-registry");
    let listens = (0..100).any(|_| {
        thread::sleep(std::time::Duration::from_millis(100));
        TcpStream::connect(address).is_ok()
    });
    let pushed = [Form::Compat, Form::Oci].map(|form| {
        let image = Image::new(form, MODULE, "1.0.0");
        let reference: Reference = format!("{address}/team/f:{form:?}").parse().expect("a reference");
        let pushed = push(&image, &reference, None);
        let blob = storage
            .join("docker/registry/v2/blobs/sha256")
            .join(&image.manifest.sha256[..2]);
        let stored = std::fs::read(blob.join(&image.manifest.sha256).join("data")).ok();
        (
            pushed.map_err(|it| it.to_string()),
            stored == Some(image.manifest.bytes),
        )
    });
    registry.kill().expect("it ends");
    registry.wait().expect("it ends");
    assert!(listens);
    assert_eq!(pushed, [(Ok(()), true), (Ok(()), true)]);
}
