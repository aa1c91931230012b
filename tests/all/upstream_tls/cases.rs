//! The cases: what a DestinationRule says, which server is behind it, and what comes of it.

use std::fmt::Write as _;
use std::path::Path;

use super::upstream::{Meeting, Speaks, Upstream};
use crate::edge_tls::authority::{Authority, Key, Leaf};
use crate::operations::said;

/// A host of the Gateway with an upstream.
pub(crate) struct Case<'c> {
    pub(crate) name: &'static str,
    pub(crate) upstream: &'c Upstream,
    /// The host of the ServiceEntry.
    service: &'static str,
    /// The protocol of its port.
    protocol: &'static str,
    /// `subjectAltNames` of the ServiceEntry.
    names: &'static str,
    /// Fields of the rule beside the route.
    rule: &'static str,
    /// The traffic policy of the DestinationRule.
    policy: String,
    pub(crate) expected: Expected,
}

/// What comes of a request.
pub(crate) enum Expected {
    /// 503, and the upstream got none.
    Refused,
    /// 200, and this is what the upstream met.
    Met(Meeting),
    /// This protocol is agreed by ALPN; what comes then is not looked at.
    Handshake(&'static str),
}

/// Servers and certificates.
pub(crate) struct Cast {
    folder: String,
    authority: Authority,
    client: Leaf,
    good: Upstream,
    other: Upstream,
    stranger: Upstream,
    expired: Upstream,
    revoked: Upstream,
    /// Asks for certificates of clients.
    strict: Upstream,
    /// HTTP over TLS behind a PROXY header.
    behind: Upstream,
    /// HTTP in plain text behind a PROXY header.
    plain_behind: Upstream,
    /// Takes CONNECT.
    pub(crate) proxy: Upstream,
}

impl Cast {
    /// Starts the servers, and writes the files that DestinationRules name.
    pub(crate) fn new(folder: &Path) -> Result<Self, String> {
        let authority = Authority::new("upstreams")?;
        let strangers = Authority::new("strangers")?;
        let sign = |serial, names: &[&str]| authority.sign(serial, Key::Elliptic, names);
        let good = sign(1, &["good.test", "*.wild.test"])?;
        let other = sign(2, &["other.test"])?;
        let stranger = strangers.sign(3, Key::Elliptic, &["good.test"])?;
        let expired = authority.sign_until(4, Key::Elliptic, &["good.test"], 2000)?;
        let revoked = sign(5, &["good.test"])?;
        let client = sign(6, &["gateway.test"])?;
        let list = authority.revoke(&[&revoked], 4096)?;
        for (file, content) in [
            ("ca.pem", &authority.pem),
            ("crl.pem", &list),
            ("client.crt", &client.pem),
            ("client.key", &client.key),
        ] {
            std::fs::write(folder.join(file), content).map_err(said)?;
        }
        let tls = |certificate: &Leaf| Upstream::start(Speaks::tls(certificate, None)?);
        Ok(Self {
            folder: folder.to_string_lossy().into_owned(),
            other: tls(&other)?,
            stranger: tls(&stranger)?,
            expired: tls(&expired)?,
            revoked: tls(&revoked)?,
            strict: Upstream::start(Speaks::tls(&good, Some(&authority))?)?,
            behind: Upstream::start(Speaks::tls(&good, None)?.behind_proxy_header())?,
            plain_behind: Upstream::start(Speaks::plain().behind_proxy_header())?,
            proxy: Upstream::start(Speaks::plain())?,
            good: tls(&good)?,
            authority,
            client,
        })
    }

    /// All resources.
    pub(crate) fn resources(&self, cases: &[Case<'_>]) -> String {
        let indented = |pem: &str| pem.trim_end().replace('\n', "\n    ");
        let mut text = format!(
            "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gateway, namespace: istio-system}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - {{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}
  - {{port: {{number: 9000, name: tcp, protocol: TCP}}, hosts: ['*']}}
---
apiVersion: v1
kind: Secret
metadata: {{name: client, namespace: istio-system}}
stringData:
  tls.crt: |
    {}
  tls.key: |
    {}
  ca.crt: |
    {}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: db, namespace: istio-system}}
spec:
  hosts: [db.test]
  ports: [{{number: 9000, name: tcp, protocol: TCP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{tcp: {}}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: db, namespace: istio-system}}
spec: {{host: db.test, trafficPolicy: {{tunnel: {{targetHost: db.test, targetPort: 3306}}}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: db, namespace: istio-system}}
spec: {{hosts: ['*'], gateways: [gateway], tcp: [{{match: [{{port: 9000}}], route: [{{destination: {{host: db.test}}}}]}}]}}
",
            indented(&self.client.pem),
            indented(&self.client.key),
            indented(&self.authority.pem),
            self.proxy.address.port()
        );
        for case in cases {
            let _ = write!(
                text,
                "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: istio-system}}
spec:
  hosts: [{name}.{service}]
  ports: [{{number: 443, name: port, protocol: {protocol}}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{port: {port}}}}}]
  subjectAltNames: [{names}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: istio-system}}
spec: {{host: {name}.{service}, trafficPolicy: {{{policy}}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: istio-system}}
spec:
  hosts: [{host}]
  gateways: [gateway]
  http:
  - route: [{{destination: {{host: {name}.{service}}}}}]
    {rule}
",
                name = case.name,
                service = case.service,
                protocol = case.protocol,
                names = case.names,
                policy = case.policy.replace("FOLDER", &self.folder),
                rule = case.rule,
                host = case.host(),
                port = case.upstream.address.port(),
            );
        }
        text
    }
}

impl<'c> Case<'c> {
    fn new(name: &'static str, upstream: &'c Upstream, policy: &str, expected: Expected) -> Self {
        Self {
            name,
            upstream,
            service: "service.test",
            protocol: "HTTPS",
            names: "",
            rule: "rewrite: {authority: good.test}",
            policy: policy.to_owned(),
            expected,
        }
    }

    /// The host that clients ask for.
    pub(crate) fn host(&self) -> String {
        format!("{}.wild.test", self.name)
    }
}

/// Over TLS, with this server name.
fn met(sni: &str) -> Meeting {
    Meeting {
        sni: Some(sni.to_owned()),
        // Envoy offers it by itself where nothing else is said.
        alpn: Some("http/1.1".to_owned()),
        request_line: "GET / HTTP/1.1".to_owned(),
        ..Meeting::default()
    }
}

pub(crate) fn all(cast: &Cast) -> Vec<Case<'_>> {
    const FILE: &str = "tls: {mode: SIMPLE, caCertificates: FOLDER/ca.pem}";
    let verified = || Expected::Met(met("good.test"));
    let refused = || Expected::Refused;
    let case = Case::new;
    let simple = |fields: &str| format!("tls: {{mode: SIMPLE, caCertificates: FOLDER/ca.pem, {fields}}}");
    let shown = |sni: &str| Meeting {
        client: Some(cast.client.der.clone()),
        ..met(sni)
    };
    vec![
        case("verified", &cast.good, FILE, verified()),
        case("wrong-name", &cast.other, FILE, refused()),
        case("wrong-authority", &cast.stranger, FILE, refused()),
        case("expired", &cast.expired, FILE, refused()),
        case(
            "revoked",
            &cast.revoked,
            &simple("caCrl: FOLDER/crl.pem"),
            refused(),
        ),
        case(
            "not-revoked",
            &cast.good,
            &simple("caCrl: FOLDER/crl.pem"),
            verified(),
        ),
        // Only the authorities of the operating system are trusted.
        case("system", &cast.good, "tls: {mode: SIMPLE}", refused()),
        case(
            "missing-file",
            &cast.good,
            "tls: {mode: SIMPLE, caCertificates: FOLDER/none.pem}",
            refused(),
        ),
        case(
            "skipped",
            &cast.stranger,
            "tls: {mode: SIMPLE, insecureSkipVerify: true}",
            verified(),
        ),
        // The host of the request is the server name, and the certificate must be for it.
        Case {
            rule: "",
            ..case(
                "request-host",
                &cast.good,
                FILE,
                Expected::Met(met("request-host.wild.test")),
            )
        },
        Case {
            rule: "",
            ..case("other-host", &cast.other, FILE, refused())
        },
        // With a server name and no names, a certificate for any name is accepted.
        case(
            "any-name",
            &cast.other,
            &simple("sni: sent.test"),
            Expected::Met(met("sent.test")),
        ),
        case(
            "name",
            &cast.other,
            &simple("sni: sent.test, subjectAltNames: [none.test, other.test]"),
            Expected::Met(met("sent.test")),
        ),
        case(
            "not-the-name",
            &cast.good,
            &simple("subjectAltNames: [none.test]"),
            refused(),
        ),
        Case {
            names: "none.test",
            ..case("not-the-name-of-the-entry", &cast.good, FILE, refused())
        },
        Case {
            names: "good.test",
            ..case("name-of-the-entry", &cast.good, FILE, verified())
        },
        // The names of the DestinationRule replace those of the ServiceEntry.
        Case {
            names: "none.test",
            ..case(
                "name-of-the-rule",
                &cast.good,
                &simple("subjectAltNames: [good.test]"),
                verified(),
            )
        },
        case("no-certificate", &cast.strict, FILE, refused()),
        case(
            "mutual-by-secret",
            &cast.strict,
            "tls: {mode: MUTUAL, credentialName: client}",
            Expected::Met(shown("good.test")),
        ),
        case(
            "mutual-by-files",
            &cast.strict,
            "tls: {mode: MUTUAL, clientCertificate: FOLDER/client.crt, privateKey: FOLDER/client.key, caCertificates: FOLDER/ca.pem}",
            Expected::Met(shown("good.test")),
        ),
        case(
            "credential-of-others",
            &cast.stranger,
            "tls: {mode: SIMPLE, credentialName: client}",
            refused(),
        ),
        case(
            "credential",
            &cast.good,
            "tls: {mode: SIMPLE, credentialName: client}",
            verified(),
        ),
        // Both speak HTTP/2, of which the server understands the handshake alone.
        Case {
            protocol: "HTTP2",
            ..case("http2", &cast.good, FILE, Expected::Handshake("h2"))
        },
        case(
            "upgraded",
            &cast.good,
            &format!("{FILE}, connectionPool: {{http: {{h2UpgradePolicy: UPGRADE}}}}"),
            Expected::Handshake("h2"),
        ),
        case(
            "as-client",
            &cast.good,
            &format!("{FILE}, connectionPool: {{http: {{useClientProtocol: true}}}}"),
            verified(),
        ),
        case(
            "header-v1",
            &cast.plain_behind,
            "proxyProtocol: {}",
            Expected::Met(Meeting {
                proxy_header: Some(1),
                request_line: "GET / HTTP/1.1".to_owned(),
                ..Meeting::default()
            }),
        ),
        case(
            "header-v2",
            &cast.behind,
            &format!("{FILE}, proxyProtocol: {{version: V2}}"),
            Expected::Met(Meeting {
                proxy_header: Some(2),
                ..met("good.test")
            }),
        ),
    ]
}
