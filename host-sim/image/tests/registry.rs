//! An image is pushed to a registry: to one of this test, in plain text and over TLS, and to Debian's `docker-registry`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use fingerpost_image::{
    Authorities, Credentials, Form, Image, PushError, Reference, Registry, push, sha256_hex,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What a registry holds: blobs by digest, manifests by tag with their types, and how many uploads it took.
#[derive(Default)]
struct Held {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    uploads: usize,
}

/// How the registry authenticates clients. The user is `u`, the password `p`.
#[derive(Clone, Copy)]
enum Login {
    /// By a token, which it gives to that user.
    Token,
    /// By the password itself.
    Password,
    /// Anybody.
    None,
}

/// What a registry does beside what every one does.
#[derive(Clone)]
struct Habits {
    login: Login,
    tls: Option<Arc<ServerConfig>>,
    /// Answers questions for layers with a redirect to where they are stored.
    redirects: bool,
    /// Answers the manifest of this tag so.
    refuses: Option<(&'static str, &'static str, &'static str)>,
}

impl Habits {
    fn of(login: Login) -> Self {
        Self {
            login,
            tls: None,
            redirects: false,
            refuses: None,
        }
    }
}

/// Starts a registry on the loopback that follows the distribution specification as far as a push goes, with an absolute
/// location for each second upload.
fn start(habits: Habits) -> (String, Arc<Mutex<Held>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let held = Arc::new(Mutex::new(Held::default()));
    let (own, shared) = (address.clone(), Arc::clone(&held));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (own, shared, habits) = (own.clone(), Arc::clone(&shared), habits.clone());
            thread::spawn(move || match habits.tls.clone() {
                None => serve(stream, &own, &habits, &shared),
                Some(tls) => {
                    let connection = ServerConnection::new(tls).expect("a server");
                    serve(StreamOwned::new(connection, stream), &own, &habits, &shared);
                }
            });
        }
    });
    (address, held)
}

/// Answers the requests of a connection.
fn serve(stream: impl Read + Write, own: &str, habits: &Habits, held: &Mutex<Held>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
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
            stream.read_line(&mut header).expect("a header");
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
        stream.read_exact(&mut body).expect("a body");
        let (status, more, text) = answer(&method, &path, &headers, body, own, habits, held);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}\r\n{text}",
            text.len()
        );
        let writer = stream.get_mut();
        if writer
            .write_all(answer.as_bytes())
            .and_then(|()| writer.flush())
            .is_err()
        {
            return;
        }
    }
}

/// The answer of the authentication, its token server included; none if the request may go on.
fn refused(
    path: &str,
    authorization: Option<&str>,
    own: &str,
    habits: &Habits,
) -> Option<(&'static str, String, &'static str)> {
    let scheme = if habits.tls.is_some() { "https" } else { "http" };
    let is_user = authorization == Some("Basic dTpw");
    match habits.login {
        Login::None => None,
        Login::Password => {
            let challenge = "www-authenticate: Basic realm=\"test\"\r\n".to_owned();
            (!is_user).then_some(("401 Unauthorized", challenge, ""))
        }
        Login::Token if path.starts_with("/token?") => {
            let asked =
                path.contains("service=test") && path.contains("scope=repository%3Ateam%2Ff%3Apull%2Cpush");
            Some(match asked && is_user {
                true => ("200 OK", String::new(), r#"{"token": "t"}"#),
                false => ("401 Unauthorized", String::new(), ""),
            })
        }
        Login::Token => {
            let challenge = format!(
                "www-authenticate: Negotiate\r\nwww-authenticate: bearer realm=\"{scheme}://{own}/token\",service=\"test\"\r\n"
            );
            (authorization != Some("Bearer t")).then_some(("401 Unauthorized", challenge, ""))
        }
    }
}

fn answer(
    method: &str,
    path: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
    own: &str,
    habits: &Habits,
    held: &Mutex<Held>,
) -> (&'static str, String, &'static str) {
    let nothing = String::new;
    let authorization = headers.get("authorization").map(String::as_str);
    if let Some(refused) = refused(path, authorization, own, habits) {
        return refused;
    }
    let mut held = held.lock().expect("the registry");
    let (rest, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, rest.strip_prefix("/v2/team/f/").unwrap_or("")) {
        ("HEAD", blob) => match held.blobs.contains_key(blob.trim_start_matches("blobs/")) {
            true if habits.redirects => (
                "307 Temporary Redirect",
                "location: http://192.0.2.1/storage\r\n".to_owned(),
                "",
            ),
            true => ("200 OK", nothing(), ""),
            false => ("404 Not Found", nothing(), ""),
        },
        ("POST", "blobs/uploads/") => {
            held.uploads += 1;
            let scheme = if habits.tls.is_some() { "https" } else { "http" };
            let origin = if held.uploads.is_multiple_of(2) {
                format!("{scheme}://{own}")
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
            let tag = manifest.trim_start_matches("manifests/").to_owned();
            if let Some((refused, status, text)) = habits.refuses
                && refused == tag
            {
                return (status, nothing(), text);
            }
            let kind = headers.get("content-type").cloned().unwrap_or_default();
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

/// Pushes an image as the user `u` with this password in base64, or as nobody.
fn push_to(
    address: &str,
    form: Form,
    basic: Option<&str>,
    authorities: Option<&Authorities>,
) -> (Image, Result<(), PushError>) {
    let image = Image::new(form, MODULE, "1.0.0");
    let reference: Reference = format!("{address}/team/f:1.0").parse().expect("a reference");
    let credentials = basic.map(credentials);
    let registry = Registry {
        credentials: credentials.as_ref(),
        authorities,
    };
    let pushed = push(&image, &reference, registry);
    (image, pushed)
}

const RIGHT: Option<&str> = Some("dTpw");
const WRONG: Option<&str> = Some("dTpx");

/// What a server on the loopback shows, and the file of who signed it.
fn identity() -> (Arc<ServerConfig>, Authorities) {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("an authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&key).expect("a certificate");
    let pem = certificate.pem();
    let issuer = Issuer::new(authority, key);
    let own_key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a server");
    let own = own.signed_by(&own_key, &issuer).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::try_from(own_key.serialize_der()).expect("a key"),
        )
        .expect("a server");
    (
        Arc::new(config),
        Authorities::parse(pem.as_bytes()).expect("an authority"),
    )
}

#[track_caller]
fn holds(held: &Mutex<Held>, image: &Image) {
    let held = held.lock().expect("the registry");
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

#[test]
fn a_registry_holds_what_was_pushed() {
    for (form, login, basic) in [
        (Form::Compat, Login::Token, RIGHT),
        (Form::Oci, Login::Token, RIGHT),
        (Form::Compat, Login::Password, RIGHT),
        (Form::Compat, Login::None, None),
        (Form::Compat, Login::None, WRONG),
    ] {
        let (address, held) = start(Habits::of(login));
        let (image, pushed) = push_to(&address, form, basic, None);
        pushed.expect("a push");
        holds(&held, &image);
        // Twice is as good as once, and uploads nothing.
        let uploads = held.lock().expect("the registry").uploads;
        push_to(&address, form, basic, None).1.expect("a push");
        assert_eq!(held.lock().expect("the registry").uploads, uploads);
    }
}

#[test]
fn a_push_over_tls_needs_the_authority_of_the_registry() {
    let (tls, authorities) = identity();
    let habits = Habits {
        tls: Some(tls),
        ..Habits::of(Login::Token)
    };
    let (address, held) = start(habits);
    let (image, pushed) = push_to(&address, Form::Compat, RIGHT, Some(&authorities));
    pushed.expect("a push");
    holds(&held, &image);
    // The certificate is for 127.0.0.1, and of this authority.
    let (_, others) = identity();
    let port = address.rsplit(':').next().expect("a port");
    for (address, authorities) in [
        (address.clone(), &others),
        (format!("localhost:{port}"), &authorities),
    ] {
        let (_, pushed) = push_to(&address, Form::Oci, RIGHT, Some(authorities));
        assert!(
            matches!(pushed, Err(PushError::Untrusted(_))),
            "{address}: {pushed:?}"
        );
    }
    assert_eq!(held.lock().expect("the registry").manifests.len(), 1);
}

#[test]
fn a_registry_of_tls_is_not_pushed_to_in_plain_text() {
    let (tls, _) = identity();
    let habits = Habits {
        tls: Some(tls),
        ..Habits::of(Login::None)
    };
    let (address, held) = start(habits);
    let (_, pushed) = push_to(&address, Form::Compat, None, None);
    assert!(matches!(pushed, Err(PushError::Unreachable(_))), "{pushed:?}");
    assert_eq!(held.lock().expect("the registry").uploads, 0);
}

#[test]
fn a_token_of_tls_is_not_asked_for_in_plain_text() {
    let (tls, authorities) = identity();
    // The registry names itself as the token server, by a scheme that is not its own.
    let (plain, _) = start(Habits::of(Login::Token));
    let habits = Habits {
        tls: Some(tls),
        ..Habits::of(Login::Token)
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = habits.tls.clone().expect("a server");
            let connection = ServerConnection::new(tls).expect("a server");
            let plain_login = Habits {
                tls: None,
                ..habits.clone()
            };
            serve(
                StreamOwned::new(connection, stream),
                &plain,
                &plain_login,
                &Mutex::default(),
            );
        }
    });
    let (_, pushed) = push_to(&address, Form::Compat, RIGHT, Some(&authorities));
    let Err(PushError::Unexpected(_, answer)) = &pushed else {
        panic!("{pushed:?}");
    };
    assert!(answer.contains("the token server http://"), "{answer}");
}

#[test]
fn a_layer_behind_a_redirect_is_uploaded_again() {
    let habits = Habits {
        redirects: true,
        ..Habits::of(Login::None)
    };
    let (address, held) = start(habits);
    for uploads in [2, 4] {
        push_to(&address, Form::Compat, None, None).1.expect("a push");
        assert_eq!(held.lock().expect("the registry").uploads, uploads);
    }
}

#[test]
fn a_tag_can_be_moved_unless_the_registry_forbids_it() {
    let (address, held) = start(Habits::of(Login::None));
    push_to(&address, Form::Compat, None, None).1.expect("a push");
    let (image, pushed) = push_to(&address, Form::Oci, None, None);
    pushed.expect("a push");
    holds(&held, &image);

    let text = "{\"errors\": [{\"code\": \"TAG_INVALID\", \"message\": \"tag 1.0\\u001b is immutable\"}]}";
    let habits = Habits {
        refuses: Some(("1.0", "400 Bad Request", text)),
        ..Habits::of(Login::None)
    };
    let (address, _) = start(habits);
    let (_, pushed) = push_to(&address, Form::Compat, None, None);
    let message = pushed.expect_err("a refusal").to_string();
    assert_eq!(
        message,
        "the registry answers 400 Bad Request (TAG_INVALID: tag 1.0 is immutable) to the manifest"
    );
}

#[test]
fn without_the_right_credentials_nothing_is_pushed() {
    for login in [Login::Token, Login::Password] {
        for wrong in [None, WRONG] {
            let (address, held) = start(Habits::of(login));
            let (_, pushed) = push_to(&address, Form::Compat, wrong, None);
            assert!(matches!(pushed, Err(PushError::Denied)), "{pushed:?}");
            assert_eq!(held.lock().expect("the registry").uploads, 0);
        }
    }
}

#[test]
fn a_registry_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let (_, pushed) = push_to(&address, Form::Compat, None, None);
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
        let pushed = push(&image, &reference, Registry::default());
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
