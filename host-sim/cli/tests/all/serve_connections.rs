//! `serve`: connections of every kind, before it and behind it. WebSocket, HTTP/2, TLS with clients' certificates, bytes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fingerpost_config_compiler::CertificateIdentity;
use fingerpost_envoy_runner::Authority;
use fingerpost_local_envoy::client::AcceptAny;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::run::Folder;
use crate::serve::{Running, contains, entry, upstream, with_rule};

/// A listener that does this with its first connection.
fn first_connection(work: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            work(stream);
        }
    });
    port
}

/// Reads to the end of a head.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|it| it == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

const UPGRADE: &str = "GET /v1/chat HTTP/1.1\r\nhost: shop.example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";

#[test]
fn a_websocket_goes_on_byte_for_byte() {
    let (sender, received) = channel();
    let port = first_connection(move |mut stream| {
        let _ = sender.send(head(&mut stream));
        let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst";
        let _ = stream.write_all(switch.as_bytes());
        let mut said = [0; 4];
        if stream.read_exact(&mut said).is_ok() {
            let _ = stream.write_all(&said.map(|it| it.to_ascii_uppercase()));
        }
    });
    let rule = "{match: [{uri: {prefix: /v1}}], rewrite: {uri: /w}, route: [{destination: {host: ext.example.org}}]}";
    let folder = Folder::with("shop.yaml", &with_rule(rule, &[entry("ext.example.org", port)]));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let mut client = TcpStream::connect(serve.address).expect("it listens");
    client.write_all(UPGRADE.as_bytes()).expect("it reads");
    let answer = head(&mut client).to_ascii_lowercase();
    contains(
        &answer,
        &[
            "http/1.1 101",
            "connection: upgrade\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n",
            "x-fingerpost-rule: default/shop http[0].match[0]\r\n",
        ],
    );
    client.write_all(b"ping").expect("it reads");
    let mut said = String::new();
    client.read_to_string(&mut said).expect("text");
    assert_eq!(said, "firstPING");
    contains(
        &received.recv().expect("it was asked"),
        &[
            "GET /w/chat HTTP/1.1\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-version: 13\r\n",
        ],
    );
    serve.end().check(0, &[]);
}

#[test]
fn an_upstream_may_decline_an_upgrade() {
    let (port, _received) = upstream("HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nok");
    let rule = "{route: [{destination: {host: ext.example.org}}]}";
    let folder = Folder::with("shop.yaml", &with_rule(rule, &[entry("ext.example.org", port)]));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let mut client = TcpStream::connect(serve.address).expect("it listens");
    client.write_all(UPGRADE.as_bytes()).expect("it reads");
    // As of Envoy's own making, with the upstream's headers: no bytes follow.
    contains(&head(&mut client), &["HTTP/1.1 200", "x-a: 1\r\n"]);
    serve.end().check(0, &[]);
}

/// What an upstream with a port of this protocol receives first.
fn first_words(protocol: &str) -> String {
    let (port, received) = upstream("");
    let service =
        entry("ext.example.org", port).replace("protocol: HTTP,", &format!("protocol: {protocol},"));
    let folder = Folder::with(
        "shop.yaml",
        &with_rule("{route: [{destination: {host: ext.example.org}}]}", &[service]),
    );
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let request = "GET /x HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n";
    contains(&serve.send(request.as_bytes()), &["HTTP/1.1 503"]); // it does not answer
    serve.end().check(0, &[]);
    received.recv().expect("it was asked")
}

#[test]
fn an_upstream_is_asked_in_the_version_of_http_that_its_port_has() {
    contains(&first_words("HTTP"), &["GET /x HTTP/1.1\r\n"]);
    contains(&first_words("HTTP2"), &["PRI * HTTP/2.0\r\n\r\n"]);
    contains(&first_words("GRPC"), &["PRI * HTTP/2.0\r\n\r\n"]);
}

#[test]
fn an_http2_cluster_is_answered_by_the_echo() {
    let rule = "{route: [{destination: {host: api}}]}";
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{name: grpc, port: 80}]}\n";
    let folder = Folder::with("shop.yaml", &with_rule(rule, &[service.to_owned()]));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let request =
        "POST /x HTTP/1.1\r\nhost: shop.example.com\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    contains(
        &serve.send(request.as_bytes()),
        &[
            "HTTP/1.1 200",
            "\"host\":\"shop.example.com\"",
            "\"body\":{\"bytes\":5}",
        ],
    );
    serve.end().check(0, &[]);
}

/// A Gateway with one server on port 443, or another, for this VirtualService.
fn gateway(server: &str, service: &str, more: &[String]) -> String {
    let gateway = format!(
        "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: edge, namespace: istio-system}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{server}]
"
    );
    let service = format!(
        "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop, namespace: istio-system}}
spec:
  gateways: [edge]
  hosts: [shop.example.com]
  {service}
"
    );
    let mut parts = vec![gateway, service];
    parts.extend_from_slice(more);
    parts.join("---\n")
}

#[test]
fn a_server_that_speaks_first_is_reached_over_tcp() {
    let port = first_connection(|mut stream| {
        let _ = stream.write_all(b"5.5.5-MariaDB\n");
        let mut said = [0; 4];
        if stream.read_exact(&mut said).is_ok() {
            let _ = stream.write_all(&said);
        }
    });
    let folder = Folder::with(
        "db.yaml",
        &gateway(
            "{port: {number: 3306, name: db, protocol: TCP}, hosts: ['*']}",
            "tcp: [{route: [{destination: {host: db.example.org, port: {number: 80}}}]}]",
            &[entry("db.example.org", port)],
        ),
    );
    let mut serve = Running::start(&folder, "--filter-runtime native -f db.yaml");
    let mut client = TcpStream::connect(serve.address).expect("it listens");
    let mut greeting = [0; 14];
    client
        .read_exact(&mut greeting)
        .expect("a greeting, before a word of ours");
    assert_eq!(&greeting, b"5.5.5-MariaDB\n");
    client.write_all(b"quit").expect("it reads");
    let mut rest = String::new();
    client.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "quit");
    drop(client);
    contains(&serve.line(), &["bytes", "db.example.org:80"]);
    serve.end().check(0, &[]);
}

#[test]
fn tls_passes_through_to_the_upstream_of_its_server_name() {
    let (sender, received): (_, Receiver<Vec<u8>>) = channel();
    let port = first_connection(move |mut stream| {
        let mut start = vec![0; 512];
        let count = stream.read(&mut start).unwrap_or_default();
        start.truncate(count);
        let _ = sender.send(start);
    });
    let folder = Folder::with(
        "db.yaml",
        &gateway(
            "{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [shop.example.com]}",
            "tls: [{match: [{sniHosts: [shop.example.com]}], route: [{destination: {host: ext.example.org, port: {number: 80}}}]}]",
            &[entry("ext.example.org", port)],
        ),
    );
    let mut serve = Running::start(&folder, "--filter-runtime native -f db.yaml");
    // Another name has no chain: Envoy closes the connection, and so does this.
    assert!(Client::default().get(serve.address, "other.example.com").is_err());
    serve.said("the client asks for the server name `other.example.com`, which no filter chain takes");
    let _ = Client::default().get(serve.address, "shop.example.com"); // nothing answers
    let start = received.recv().expect("the hello");
    assert_eq!(start.first(), Some(&0x16), "a TLS handshake");
    assert!(
        start.windows(16).any(|it| it == b"shop.example.com"),
        "the server name"
    );
    serve.end().check(0, &[]);
}

/// A TLS client that takes any server.
#[derive(Default)]
struct Client<'c> {
    /// In PEM, with its key.
    certificate: Option<(&'c str, &'c str)>,
    alpn: &'c [&'c str],
}

impl Client<'_> {
    /// The status line and the protocol that was agreed on; an error if the handshake fails or nothing answers.
    fn get(&self, address: SocketAddr, name: &str) -> io::Result<(String, Option<String>)> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAny(provider)));
        let mut config = match self.certificate {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(chain.as_bytes()).expect("PEM")],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM"),
                )
                .map_err(io::Error::other)?,
        };
        config.alpn_protocols = self.alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
        let request = "GET / HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        let agreed = stream
            .conn
            .alpn_protocol()
            .map(|it| String::from_utf8_lossy(it).into_owned());
        Ok((String::from_utf8_lossy(&answer).into_owned(), agreed))
    }
}

/// The status line for a client that shows this certificate, in PEM with its key.
fn status_with(certificate: Option<(&str, &str)>, serve: &Running) -> io::Result<String> {
    let client = Client {
        certificate,
        alpn: &[],
    };
    let answered = client.get(serve.address, "shop.example.com");
    answered.map(|(status, _)| status)
}

/// A server that ends TLS in this mode, with a Secret whose authority is this one.
fn secured(tls: &str, authority: Option<&Authority>) -> String {
    let secret = authority.map(|authority| {
        let own = authority.sign(&["shop.example.com"]).expect("a certificate");
        let base64 = |text: &str| STANDARD.encode(text);
        format!(
            "\
apiVersion: v1
kind: Secret
metadata: {{name: shop, namespace: istio-system}}
data:
  tls.crt: {}
  tls.key: {}
  ca.crt: {}
",
            base64(&own.chain_pem),
            base64(&own.key_pem),
            base64(authority.pem())
        )
    });
    gateway(
        &format!(
            "{{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [shop.example.com], tls: {{credentialName: shop, {tls}}}}}"
        ),
        "http: [{directResponse: {status: 204}}]",
        &secret.into_iter().collect::<Vec<_>>(),
    )
}

#[test]
fn a_client_needs_a_certificate_of_the_authority_where_the_server_is_mutual() {
    let (authority, other) = (Authority::new().expect("one"), Authority::new().expect("one"));
    let trusted = authority.sign(&["client.example.com"]).expect("a certificate");
    let untrusted = other.sign(&["client.example.com"]).expect("a certificate");
    let folder = Folder::with("shop.yaml", &secured("mode: MUTUAL", Some(&authority)));
    let mut serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let with = |certificate| status_with(certificate, &serve);
    assert_eq!(
        with(Some((&trusted.chain_pem, &trusted.key_pem))).expect("an answer"),
        "HTTP/1.1 204"
    );
    assert!(with(Some((&untrusted.chain_pem, &untrusted.key_pem))).is_err());
    assert!(with(None).is_err());
    // In this order: certificates are judged as they come.
    serve.said("a TLS handshake failed: invalid peer certificate");
    serve.said("a TLS handshake failed: peer sent no certificates");
    serve.end().check(0, &[]);
}

#[test]
fn a_client_may_come_without_a_certificate_where_the_server_is_optionally_mutual() {
    let (authority, other) = (Authority::new().expect("one"), Authority::new().expect("one"));
    let trusted = authority.sign(&["client.example.com"]).expect("a certificate");
    let untrusted = other.sign(&["client.example.com"]).expect("a certificate");
    let folder = Folder::with("shop.yaml", &secured("mode: OPTIONAL_MUTUAL", Some(&authority)));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let with = |certificate| status_with(certificate, &serve);
    assert_eq!(with(None).expect("an answer"), "HTTP/1.1 204");
    assert_eq!(
        with(Some((&trusted.chain_pem, &trusted.key_pem))).expect("an answer"),
        "HTTP/1.1 204"
    );
    assert!(with(Some((&untrusted.chain_pem, &untrusted.key_pem))).is_err());
    serve.end().check(0, &[]);
}

#[test]
fn a_certificate_needs_one_of_the_names_and_fingerprints_of_the_server() {
    let authority = Authority::new().expect("one");
    let named = authority
        .sign(&["a.example.com", "10.1.2.3"])
        .expect("a certificate");
    let other = authority.sign(&["b.example.com"]).expect("a certificate");
    let der = CertificateDer::from_pem_slice(named.chain_pem.as_bytes()).expect("PEM");
    let identity = CertificateIdentity::parse(&der).expect("a certificate");
    assert_eq!(identity.names, ["a.example.com", "10.1.2.3"]);
    for restriction in [
        "subjectAltNames: [x.example.com, a.example.com]".to_owned(),
        "subjectAltNames: ['10.1.2.3']".to_owned(),
        format!("verifyCertificateHash: [{}]", identity.hash),
        format!("verifyCertificateSpki: ['{}']", identity.public_key_hash),
    ] {
        let text = secured(&format!("mode: MUTUAL, {restriction}"), Some(&authority));
        let folder = Folder::with("shop.yaml", &text);
        let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
        let with = |certificate| status_with(certificate, &serve);
        assert_eq!(
            with(Some((&named.chain_pem, &named.key_pem))).expect("an answer"),
            "HTTP/1.1 204",
            "{restriction}"
        );
        assert!(
            with(Some((&other.chain_pem, &other.key_pem))).is_err(),
            "{restriction}"
        );
        serve.end().check(0, &[]);
    }
}

#[test]
fn clients_come_in_where_their_authority_is_not_at_hand_and_it_is_said() {
    let folder = Folder::with("shop.yaml", &secured("mode: MUTUAL", None));
    let mut serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    serve.said("the authorities of clients are not at hand");
    assert_eq!(status_with(None, &serve).expect("an answer"), "HTTP/1.1 204");
    serve.end().check(0, &[]);
}

#[test]
fn http2_is_agreed_on_over_tls() {
    let folder = Folder::with("shop.yaml", &secured("mode: SIMPLE", None));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let get = |alpn| {
        Client {
            certificate: None,
            alpn,
        }
        .get(serve.address, "shop.example.com")
    };
    let (status, agreed) = get(&["http/1.1"]).expect("an answer");
    assert_eq!(
        (status.as_str(), agreed.as_deref()),
        ("HTTP/1.1 204", Some("http/1.1"))
    );
    // The request of this test is HTTP/1.1, which is no HTTP/2: what counts is the frame that the server begins with.
    let (frame, agreed) = get(&["h2", "http/1.1"]).expect("a frame");
    assert_eq!(agreed.as_deref(), Some("h2"));
    assert_eq!(frame.as_bytes().get(3), Some(&4), "a SETTINGS frame: {frame:?}");
    serve.end().check(0, &[]);
}
