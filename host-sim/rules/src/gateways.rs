//! Findings about Gateways: which proxy they are for, their servers, ports and certificates.

use fingerpost_resources::{Code, Severity};

use crate::example::{beside, servers, virtual_service, whole};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::AutoPassthrough,
        severity: Severity::Warning,
        title: "a server passes TLS on by the server name alone",
        why: "Istio opens an AUTO_PASSTHROUGH port for every service of the mesh, as east-west gateways need it. Fingerpost does not support \
              that, and nothing listens on the port.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
- {port: {number: 15443, name: tls, protocol: TLS}, hosts: ['*.local'], tls: {mode: AUTO_PASSTHROUGH}}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::BadCertificate,
        severity: Severity::Error,
        title: "a certificate or a key cannot be used",
        why: "Envoy would refuse it. The servers that need the Secret refuse connections, and all others serve; `compile` then ends with \
              exit code 1. Where the certificate is in a file, it is a warning, as is a chain in which one did not sign the one before it.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ['*']
    tls: {mode: SIMPLE, credentialName: shop}
---
apiVersion: v1
kind: Secret
metadata: {name: shop, namespace: istio-system}
stringData: {tls.crt: a certificate, tls.key: a key}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
",
        ),
    },
    Rule {
        code: Code::CertificateExpired,
        severity: Severity::Warning,
        title: "a certificate is not valid now",
        why: "Envoy serves an expired certificate, or one that is not valid yet, and clients refuse it. Envoy itself refuses all clients whose \
              authority has expired, or whose authority's revocation list has ended.",
        example: None,
    },
    Rule {
        code: Code::CertificateHost,
        severity: Severity::Warning,
        title: "a certificate is not for the hosts of its server",
        why: "Clients refuse a certificate that does not name the host that they ask for among its subjectAltNames. It is a note if the certificate has \
              no such list: clients that look at the common name are old, or made for it.",
        example: None,
    },
    Rule {
        code: Code::CertificateNotFound,
        severity: Severity::Warning,
        title: "the certificate of a server is not in the input",
        why: "Envoy starts and refuses connections to the server until it gets the certificate. In a cluster Istio reads the Secret \
              from the namespace of the gateway's Pod. `up` and `serve` make their own certificate.",
        example: servers(
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls: {mode: SIMPLE, credentialName: shop}
",
            "\
- port: {number: 80, name: http, protocol: HTTP}
  hosts: ['*']
",
        ),
    },
    Rule {
        code: Code::GatewayNotNamed,
        severity: Severity::Note,
        title: "no VirtualService names the Gateway",
        why: "A Gateway opens ports and takes hosts; what to do with requests, VirtualServices say. Without one, every request gets 404.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 8080, name: http, protocol: HTTP}, hosts: [other.example.com]}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 8080, name: http, protocol: HTTP}, hosts: [other.example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  hosts: [other.example.com]
  gateways: [other]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::GatewayNotSelected,
        severity: Severity::Note,
        title: "a Gateway is for other proxies",
        why: "A Gateway is served by the proxies whose labels have everything in its `selector`. `--labels` says which labels the proxy has. It is a warning if the selector is the proxy's labels but for a slip, such as `istio: ingresgateway`.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec:
  selector: {istio: egressgateway}
  servers:
  - {port: {number: 8080, name: http, protocol: HTTP}, hosts: [other.example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  hosts: [other.example.com]
  gateways: [other]
  http:
  - route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: other}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 8080, name: http, protocol: HTTP}, hosts: [other.example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  hosts: [other.example.com]
  gateways: [other]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoGateway,
        severity: Severity::Warning,
        title: "the proxy has no listener",
        why: "Envoy opens a port only for a server of a Gateway that selects the proxy. A VirtualService alone opens none.",
        example: whole(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - directResponse: {status: 200}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - directResponse: {status: 200}
",
        ),
    },
    Rule {
        code: Code::NoMeshCertificates,
        severity: Severity::Error,
        title: "a server needs the certificates of the mesh",
        why: "`ISTIO_MUTUAL` uses the certificates that Istio's control plane gives to the proxy. Without a control plane there are none, and \
              Envoy refuses a server without certificates.",
        example: servers(
            "\
- {port: {number: 443, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: ISTIO_MUTUAL}}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::NodePort,
        severity: Severity::Warning,
        title: "a server has the node port of the gateway's Service",
        why: "The proxy listens on the port that the Service has, not on its `nodePort`, which is open on the nodes.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  ports: [{name: http2, port: 80, nodePort: 31380}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 31380, name: http, protocol: HTTP}, hosts: ['*']}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  ports: [{name: http2, port: 80, nodePort: 31380}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::ServerDropped,
        severity: Severity::Warning,
        title: "a server does not fit into its listener",
        why: "All servers of one port and address share a listener. If one of them contradicts an earlier one, for example in its protocol, \
              Istio drops it.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
- {port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::ServerNameOutsideGateway,
        severity: Severity::Warning,
        title: "a server name is served that the Gateway does not have",
        why: "With PASSTHROUGH Istio compares the hosts of the Gateway with those of the VirtualService. If these overlap, every name in `sniHosts` is \
              served, also one that the Gateway leaves out.",
        example: whole(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: tls, protocol: TLS}, hosts: [shop.example.com], tls: {mode: PASSTHROUGH}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ['*.example.com']
  gateways: [edge]
  tls:
  - match: [{sniHosts: [admin.example.com]}]
    route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: tls, protocol: TLS}, hosts: [shop.example.com], tls: {mode: PASSTHROUGH}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [shop.example.com]}]
    route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::ServerSpeaksFirst,
        severity: Severity::Warning,
        title: "a protocol in which the server speaks first shares a port with TLS",
        why: "On a port with TLS Envoy waits for the first bytes of a client, to see whether they are TLS. A client of MySQL or SMTP says nothing before \
              the server has greeted it, so both wait, and Envoy closes the connection after 15 seconds.",
        example: whole(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: tls, protocol: TLS}, hosts: [shop.example.com], tls: {mode: PASSTHROUGH}}
  - {port: {number: 443, name: mysql, protocol: MYSQL}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [shop.example.com]}]
    route: [{destination: {host: web}}]
  tcp:
  - route: [{destination: {host: db, port: {number: 3306}}}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 3306, name: mysql}]}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 443, name: tls, protocol: TLS}, hosts: [shop.example.com], tls: {mode: PASSTHROUGH}}
  - {port: {number: 3306, name: mysql, protocol: MYSQL}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  tls:
  - match: [{sniHosts: [shop.example.com]}]
    route: [{destination: {host: web}}]
  tcp:
  - route: [{destination: {host: db, port: {number: 3306}}}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 3306, name: mysql}]}
",
        ),
    },
    Rule {
        code: Code::ServerWithoutRoute,
        severity: Severity::Warning,
        title: "no rule is for the connections of a server",
        why: "Istio opens a port for bytes only if a `tcp` or `tls` rule of a VirtualService is for it.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
- {port: {number: 5432, name: tcp, protocol: TCP}, hosts: ['*']}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::SharedCertificate,
        severity: Severity::Note,
        title: "servers of one port share a certificate",
        why: "A browser uses one HTTP/2 connection for all hosts of a certificate that lead to one address, and the connection belongs to the server \
              that took it: the other server's hosts get 404 there, or the rules of that server. It is not found where the certificate is not \
              for the other host, or where both servers have the same rules for it.",
        example: servers(
            "\
- {port: {number: 443, name: https-a, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: SIMPLE, credentialName: cert}}
- {port: {number: 443, name: https-b, protocol: HTTPS}, hosts: [www.example.com], tls: {mode: SIMPLE, credentialName: cert}}
",
            "\
- {port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com, www.example.com], tls: {mode: SIMPLE, credentialName: cert}}
",
        ),
    },
    Rule {
        code: Code::ShortHost,
        severity: Severity::Note,
        title: "a host has no dot",
        why: "Istio takes a short host for a service of the namespace and serves its full name, which clients of a gateway do not send.",
        example: virtual_service(
            "\
hosts: [shop]
gateways: [edge]
http:
- route: [{destination: {host: web}}]
",
            "\
hosts: [shop.example.com]
gateways: [edge]
http:
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::StapleLeftOut,
        severity: Severity::Warning,
        title: "the OCSP response of a Secret is not sent",
        why: "Istio sends `tls.ocsp-staple` of a Secret to clients. Fingerpost does not support it: clients that need one ask the authority \
              of the certificate themselves.",
        example: None,
    },
    Rule {
        code: Code::TlsVersions,
        severity: Severity::Warning,
        title: "the lowest TLS version is above the highest",
        why: "Envoy accepts it, and then no handshake succeeds. Its defaults are TLS 1.2 and 1.3.",
        example: servers(
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls: {mode: SIMPLE, credentialName: shop, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2}
",
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls: {mode: SIMPLE, credentialName: shop, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3}
",
        ),
    },
    Rule {
        code: Code::TooMany,
        severity: Severity::Warning,
        title: "a list is longer than Istio uses it",
        why: "Istio gives Envoy at most two certificates of a server, one of each kind of key, and ignores the others.",
        example: servers(
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls:
    mode: SIMPLE
    tlsCertificates:
    - {serverCertificate: /a.crt, privateKey: /a.key}
    - {serverCertificate: /b.crt, privateKey: /b.key}
    - {serverCertificate: /c.crt, privateKey: /c.key}
",
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls:
    mode: SIMPLE
    tlsCertificates:
    - {serverCertificate: /a.crt, privateKey: /a.key}
    - {serverCertificate: /b.crt, privateKey: /b.key}
",
        ),
    },
    Rule {
        code: Code::UdpServer,
        severity: Severity::Warning,
        title: "a server is for UDP",
        why: "Istio's gateways do not route UDP. They open a TCP port of that number, and datagrams are lost.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
- {port: {number: 53, name: dns, protocol: UDP}, hosts: ['*']}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::UnknownCipher,
        severity: Severity::Warning,
        title: "a cipher suite is left out",
        why: "Istio leaves out cipher suites that it does not know, those of TLS 1.3, which are always on, and repeated ones.",
        example: servers(
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls: {mode: SIMPLE, credentialName: shop, cipherSuites: [ECDHE-RSA-AES256-GCM]}
",
            "\
- port: {number: 443, name: https, protocol: HTTPS}
  hosts: ['*']
  tls: {mode: SIMPLE, credentialName: shop, cipherSuites: [ECDHE-RSA-AES256-GCM-SHA384]}
",
        ),
    },
];
