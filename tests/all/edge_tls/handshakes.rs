//! Which handshakes a server of each kind takes, and which certificate it shows.

use rustls::{CipherSuite, ProtocolVersion, SignatureScheme};

use fingerpost_tests::tls_client::Client;
use fingerpost_tests::tls_session::Session;

use super::authority::{Authority, Key, Leaf};
use super::edge::{Edge, Seen};

/// Those who take part: what servers and clients show, and who signed it.
pub(crate) struct Cast {
    authority: Authority,
    site: Leaf,
    wild: Leaf,
    deep: Leaf,
    rsa: Leaf,
    /// What clients show.
    known: Leaf,
    /// Signed by the same authority, with another name.
    other: Leaf,
    revoked: Leaf,
    expired: Leaf,
    /// Signed by an authority that no server trusts.
    stranger: Leaf,
}

impl Cast {
    pub(crate) fn new() -> Result<Self, String> {
        let authority = Authority::new("clients")?;
        let sign = |serial, names: &[&str]| authority.sign(serial, Key::Elliptic, names);
        Ok(Self {
            site: sign(1, &["site.test"])?,
            wild: sign(2, &["*.wild.test"])?,
            deep: sign(3, &["deep.wild.test"])?,
            rsa: authority.sign(4, Key::Rsa, &["localhost"])?,
            known: sign(5, &["known.client"])?,
            other: sign(6, &["other.client"])?,
            revoked: sign(7, &["known.client"])?,
            expired: authority.sign_until(8, Key::Elliptic, &["known.client"], 2000)?,
            stranger: Authority::new("strangers")?.sign(9, Key::Elliptic, &["known.client"])?,
            authority,
        })
    }

    /// A Gateway with a server for each kind of handshake, and the Secrets that it names.
    pub(crate) fn resources(&self) -> String {
        let fingerprint = self.known.hash();
        let key = self.known.key_hash();
        let clients = "credentialName: site, caCertCredentialName: clients-cacert";
        let servers = [
            server("443", "HTTPS", "site.test", "mode: SIMPLE, credentialName: site"),
            server(
                "443",
                "HTTPS",
                "'*.wild.test'",
                "mode: SIMPLE, credentialName: wild",
            ),
            server(
                "443",
                "HTTPS",
                "deep.wild.test",
                "mode: SIMPLE, credentialName: kubernetes://deep",
            ),
            server(
                "8001",
                "HTTPS",
                "'*'",
                "mode: SIMPLE, credentialName: site, minProtocolVersion: TLSV1_3",
            ),
            server(
                "8002",
                "HTTPS",
                "'*'",
                "mode: SIMPLE, credentialName: site, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]",
            ),
            server("8003", "HTTPS", "'*'", "mode: MUTUAL, credentialName: site"),
            server(
                "8004",
                "HTTPS",
                "'*'",
                &format!("mode: OPTIONAL_MUTUAL, {clients}"),
            ),
            server(
                "8005",
                "HTTPS",
                "'*'",
                &format!("mode: MUTUAL, {clients}, verifyCertificateHash: [{fingerprint}]"),
            ),
            server(
                "8006",
                "HTTPS",
                "'*'",
                &format!("mode: MUTUAL, {clients}, verifyCertificateSpki: [{key}]"),
            ),
            server(
                "8007",
                "HTTPS",
                "'*'",
                &format!("mode: MUTUAL, {clients}, subjectAltNames: [known.client]"),
            ),
            server(
                "8008",
                "HTTPS",
                "'*'",
                "mode: MUTUAL, credentialName: site, caCertCredentialName: listed-cacert",
            ),
            server(
                "8009",
                "HTTPS",
                "'*'",
                &format!("mode: MUTUAL, {clients}, insecureSkipVerify: true"),
            ),
            server(
                "8010",
                "HTTPS",
                "'*'",
                "mode: SIMPLE, credentialNames: [site, rsa]",
            ),
            server(
                "8011",
                "HTTPS",
                "'*'",
                "mode: MUTUAL, serverCertificate: FOLDER/site.crt, privateKey: FOLDER/site.key, caCertificates: FOLDER/ca.crt, caCrl: FOLDER/ca.crl",
            ),
            server("8012", "TLS", "'*'", "mode: SIMPLE, credentialName: site"),
            server("8013", "TLS", "pass.test", "mode: PASSTHROUGH"),
            server(
                "8014",
                "HTTPS",
                "'*'",
                "mode: SIMPLE, tlsCertificates: [{serverCertificate: FOLDER/site.crt, privateKey: FOLDER/site.key}, {serverCertificate: FOLDER/rsa.crt, privateKey: FOLDER/rsa.key}]",
            ),
            server("8015", "HTTPS", "docs.test", "mode: SIMPLE, credentialName: site"),
            server(
                "8015",
                "HTTPS",
                "portal.test",
                "mode: SIMPLE, credentialName: site",
            ),
        ];
        let tls = |leaf: &Leaf| vec![("tls.crt", leaf.pem.clone()), ("tls.key", leaf.key.clone())];
        let ca = || ("ca.crt", self.authority.pem.clone());
        let list = self.list();
        let secrets = [
            secret("site", &[tls(&self.site), vec![ca()]].concat()),
            secret(
                "wild",
                &[("cert", self.wild.pem.clone()), ("key", self.wild.key.clone())],
            ),
            secret("deep", &tls(&self.deep)),
            secret("rsa", &tls(&self.rsa)),
            secret("clients-cacert", &[("cacert", self.authority.pem.clone())]),
            secret("listed-cacert", &[ca(), ("ca.crl", list)]),
        ];
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: default}}\n\
             spec:\n  selector: {{istio: ingressgateway}}\n  servers:\n{}{RULES}{}",
            servers.concat(),
            secrets.concat()
        )
    }

    /// Files beside the module, by their names.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        vec![
            ("site.crt", self.site.pem.clone()),
            ("site.key", self.site.key.clone()),
            ("rsa.crt", self.rsa.pem.clone()),
            ("rsa.key", self.rsa.key.clone()),
            ("ca.crt", self.authority.pem.clone()),
            ("ca.crl", self.list()),
        ]
    }

    fn list(&self) -> String {
        // Only certificates with an odd year would make this fail.
        self.authority.revoke(&[&self.revoked], 4000).unwrap_or_default()
    }
}

const RULES: &str = "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: default}
spec:
  hosts: ['*']
  gateways: [edge]
  http: [{route: [{destination: {host: one, port: {number: 80}}}]}]
  tcp: [{match: [{port: 8012}], route: [{destination: {host: one, port: {number: 80}}}]}]
  tls: [{match: [{port: 8013, sniHosts: [pass.test]}], route: [{destination: {host: one, port: {number: 80}}}]}]
";

/// One rule for all hosts.
pub(crate) fn http_rules() -> &'static str {
    RULES.split("  tcp:").next().unwrap_or_default()
}

/// Two servers of one port and one name are one to Istio, so the name is that of the host too.
pub(crate) fn server(port: &str, protocol: &str, host: &str, tls: &str) -> String {
    let name = host.trim_matches(['\'', '*', '.']);
    format!(
        "  - {{port: {{number: {port}, name: p{port}-{name}, protocol: {protocol}}}, hosts: [{host}], tls: {{{tls}}}}}\n"
    )
}

pub(crate) fn secret(name: &str, data: &[(&str, String)]) -> String {
    let data: Vec<String> = data
        .iter()
        .map(|(key, text)| format!("{key}: {text:?}"))
        .collect();
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: istio-system}}\nstringData: {{{}}}\n",
        data.join(", ")
    )
}

/// What is not as it should be.
pub(crate) fn failures(cast: &Cast, edge: &Edge) -> Vec<String> {
    let mut failures = Vec::new();
    let mut judge = |what: &str, result: Result<(), String>| {
        if let Err(reason) = result {
            failures.push(format!("{what}: {reason}"));
        }
    };
    let plain = Client::default();
    let showing = |leaf: &Leaf| Client {
        identity: leaf.identity(),
        ..Client::default()
    };
    let shows = |seen: Seen, leaf: &Leaf| seen.shows(leaf).map(drop);
    // The certificate by the server name: exact, wildcard, the most specific; another name has no server.
    for (name, leaf) in [
        ("site.test", Some(&cast.site)),
        ("a.wild.test", Some(&cast.wild)),
        ("b.a.wild.test", Some(&cast.wild)),
        ("deep.wild.test", Some(&cast.deep)),
        ("wild.test", None),
        ("other.test", None),
    ] {
        let seen = edge.see(443, Some(name), &plain);
        judge(
            name,
            leaf.map_or_else(|| seen.refuses(), |leaf| seen.shows(leaf).map(drop)),
        );
    }
    judge("no server name", edge.see(443, None, &plain).refuses());

    let v12 = Client {
        version: Some(ProtocolVersion::TLSv1_2),
        ..Client::default()
    };
    let v13 = Client {
        version: Some(ProtocolVersion::TLSv1_3),
        ..Client::default()
    };
    judge(
        "minProtocolVersion TLSV1_3, a client of 1.3",
        shows(edge.see(8001, None, &v13), &cast.site),
    );
    judge(
        "minProtocolVersion TLSV1_3, a client of 1.2",
        edge.see(8001, None, &v12).refuses(),
    );
    judge(
        "maxProtocolVersion TLSV1_2, a client of 1.3",
        edge.see(8002, None, &v13).refuses(),
    );
    let agreed = edge.see(8002, None, &plain);
    judge(
        "maxProtocolVersion and cipherSuites",
        agreed.shows(&cast.site).and_then(|session| {
            let agreed = (session.version, session.suite);
            let expected = (
                Some(ProtocolVersion::TLSv1_2),
                Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
            );
            (agreed == expected)
                .then_some(())
                .ok_or_else(|| format!("{agreed:?}"))
        }),
    );
    let other_suite = Client {
        suites: &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256],
        version: Some(ProtocolVersion::TLSv1_2),
        ..Client::default()
    };
    judge(
        "a cipher suite that is not listed",
        edge.see(8002, None, &other_suite).refuses(),
    );

    // With each certificate that a client may show, and without one: which servers answer.
    let clients = [
        ("none", plain.clone()),
        ("the known", showing(&cast.known)),
        ("another name", showing(&cast.other)),
        ("revoked", showing(&cast.revoked)),
        ("expired", showing(&cast.expired)),
        ("of a stranger", showing(&cast.stranger)),
    ];
    for (port, what, let_in) in [
        (8003, "MUTUAL", [false, true, true, true, false, false]),
        (8004, "OPTIONAL_MUTUAL", [true, true, true, true, false, false]),
        (
            8005,
            "verifyCertificateHash",
            [false, true, false, false, false, false],
        ),
        (
            8006,
            "verifyCertificateSpki",
            [false, true, false, false, false, false],
        ),
        (8007, "subjectAltNames", [false, true, false, true, false, false]),
        (8008, "ca.crl", [false, true, true, false, false, false]),
        (8009, "insecureSkipVerify", [false, true, true, true, true, true]),
        (
            8011,
            "files, with caCrl",
            [false, true, true, false, false, false],
        ),
        (443, "SIMPLE", [true; 6]),
    ] {
        for ((shown, client), is_let_in) in clients.iter().zip(let_in) {
            let name = (port == 443).then_some("site.test");
            let seen = edge.see(port, name, client);
            let result = if is_let_in {
                seen.shows(&cast.site).map(drop)
            } else {
                seen.refuses()
            };
            judge(&format!("{what}, a client's certificate: {shown}"), result);
        }
    }

    let only_rsa = Client {
        schemes: &[SignatureScheme::RSA_PSS_SHA256],
        ..Client::default()
    };
    for (port, what) in [(8010, "credentialNames"), (8014, "tlsCertificates")] {
        judge(what, shows(edge.see(port, None, &plain), &cast.site));
        judge(what, shows(edge.see(port, None, &only_rsa), &cast.rsa));
    }

    for (port, offered, agreed) in [
        (8003, &["h2", "http/1.1"][..], Some("h2")),
        (443, &["http/1.1", "h2"], Some("h2")),
        (443, &["http/1.1"], Some("http/1.1")),
        (443, &["other"], None),
        (443, &[], None),
    ] {
        let client = Client {
            alpn: offered,
            ..showing(&cast.known)
        };
        let session = edge.address(port).and_then(|it| {
            Session::open(&client, it, Some("site.test")).map_err(|it| it.as_str().to_owned())
        });
        let result = session.and_then(|it| {
            let as_agreed = it.protocol.as_deref() == agreed;
            as_agreed
                .then_some(())
                .ok_or_else(|| format!("{:?}", it.protocol))
        });
        judge(&format!("ALPN {offered:?}"), result);
    }

    judge(
        "TLS that ends at the gateway, and bytes inside",
        shows(edge.see(8012, None, &plain), &cast.site),
    );
    let passed = match edge.see(8013, Some("pass.test"), &plain) {
        Seen::Answer(session, 200) if session.certificate != cast.site.der => Ok(()),
        seen => Err(format!("{:?}", seen.refuses())),
    };
    judge("PASSTHROUGH", passed);
    judge(
        "PASSTHROUGH, another name",
        edge.see(8013, Some("other.test"), &plain).refuses(),
    );

    // A connection that a client uses for the host of another server.
    let reused = edge.address(8015).and_then(|address| {
        let said = |failure: fingerpost_tests::client::Failure| failure.as_str().to_owned();
        let mut session = Session::open(&plain, address, Some("docs.test")).map_err(said)?;
        let mut status = |host| session.get(host, "/").map(|it| it.status).map_err(said);
        Ok((status("docs.test")?, status("portal.test")?))
    });
    judge(
        "a connection used for another server's host",
        match reused {
            Ok((200, 404)) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    failures
}
