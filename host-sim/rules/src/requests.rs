//! What `explain` warns of: findings about one request.

use fingerpost_resources::{Code, Severity};

use crate::example::{Command, asked, explain};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ClosedConnections,
        severity: Severity::Warning,
        title: "connections are closed, because a destination does not exist",
        why: "Envoy closes a connection whose cluster does not exist or has no endpoint. The client gets no status and no message.",
        example: asked(
            Command::Explain {
                url: "http://shop.example.com:5432/",
                header: "",
            },
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bytes}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 5432, name: tcp, protocol: TCP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bytes}
spec:
  hosts: ['*']
  gateways: [bytes]
  tcp:
  - route:
    - {destination: {host: web, port: {number: 80}}, weight: 50}
    - {destination: {host: db, port: {number: 80}}, weight: 50}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bytes}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 5432, name: tcp, protocol: TCP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bytes}
spec:
  hosts: ['*']
  gateways: [bytes]
  tcp:
  - route: [{destination: {host: web, port: {number: 80}}}]
",
        ),
    },
    Rule {
        code: Code::DoubleSlash,
        severity: Severity::Warning,
        title: "a rewrite makes two slashes in a row",
        why: "Envoy replaces the matched prefix as a text, and the slash that follows it stays.",
        example: explain(
            "http://shop.example.com/api/items",
            "",
            "\
- match: [{uri: {prefix: /api}}]
  rewrite: {uri: /}
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api/}}]
  rewrite: {uri: /}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::Fault,
        severity: Severity::Warning,
        title: "the rule injects a fault",
        why: "Envoy delays or aborts a part of the requests on purpose. A fault that was left behind after a test looks like an outage.",
        example: explain(
            "http://shop.example.com/",
            "",
            "\
- fault: {abort: {httpStatus: 503, percentage: {value: 10}}}
  route: [{destination: {host: web}}]
",
            "\
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::GrpcOverHttp1,
        severity: Severity::Warning,
        title: "gRPC is sent to a port that gets HTTP/1.1",
        why: "gRPC needs HTTP/2. A gateway speaks HTTP/2 only to a port whose name begins with `grpc` or `http2`, or with such an `appProtocol`, whatever its clients speak. `compile` tells it by the rule or the port: a match on `content-type: application/grpc` or on the path of a method, `retryOn` with conditions of gRPC alone, a fault with a `grpcStatus`, or `grpc` in a place of the port's name that does not count. Where the reason may be another, as Connect or JSON on the same paths, it is a note.",
        example: asked(
            Command::Explain {
                url: "http://shop.example.com/hello.Greeter/Hi",
                header: "content-type: application/grpc",
            },
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: grpc}]}
",
        ),
    },
    Rule {
        code: Code::InsideASegment,
        severity: Severity::Warning,
        title: "a prefix ends inside a segment of the path",
        why: "Envoy compares a prefix as a text: `/api` takes `/apidocs` too.",
        example: explain(
            "http://shop.example.com/apidocs",
            "",
            "\
- match: [{uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
- route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api/}}, {uri: {exact: /api}}]
  route: [{destination: {host: web}}]
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::LeftOut,
        severity: Severity::Warning,
        title: "a rule of the host is not used",
        why: "A rule that could have been for this request was left out, so another rule takes it, or none.",
        example: explain(
            "http://shop.example.com/api",
            "",
            "\
- match: [{port: 8080, uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
- route: [{destination: {host: web}}]
",
            "\
- match: [{port: 80, uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoCluster,
        severity: Severity::Warning,
        title: "a destination does not exist",
        why: "Envoy answers 503 to the requests that are led there.",
        example: explain(
            "http://shop.example.com/",
            "",
            "\
- route: [{destination: {host: wbe}}]
",
            "\
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoLeadingSlash,
        severity: Severity::Warning,
        title: "a rewrite makes a path that begins without a slash",
        why: "Upstreams answer 400 to such a path.",
        example: explain(
            "http://shop.example.com/api/items",
            "",
            "\
- match: [{uri: {prefix: /api/}}]
  rewrite: {uri: v1/}
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api/}}]
  rewrite: {uri: /v1/}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::OriginNotAllowed,
        severity: Severity::Warning,
        title: "the CORS policy does not allow the origin of the request",
        why: "The answer gets no `access-control-allow-origin`, so the browser does not give it to the page.",
        example: explain(
            "http://shop.example.com/",
            "origin: https://www.example.com",
            "\
- corsPolicy: {allowOrigins: [{exact: 'http://www.example.com'}]}
  route: [{destination: {host: web}}]
",
            "\
- corsPolicy: {allowOrigins: [{exact: 'https://www.example.com'}]}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::PortNotServed,
        severity: Severity::Warning,
        title: "no Gateway serves the port of the URL",
        why: "Nothing listens there, so a client gets `connection refused`. The answer is that of the port of the URL's scheme: behind a \
              port-forward or a load balancer another port may lead to it. `--port` chooses one.",
        example: asked(
            Command::Explain {
                url: "http://shop.example.com:8080/",
                header: "",
            },
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::Shadowed,
        severity: Severity::Warning,
        title: "a rule for the request comes too late",
        why: "Rules are tried in order. An earlier one takes everything that this one could take, so it never gets a request.",
        example: explain(
            "http://shop.example.com/api/items",
            "",
            "\
- match: [{uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
- match: [{uri: {prefix: /api/items}}]
  timeout: 5s
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api/items}}]
  timeout: 5s
  route: [{destination: {host: web}}]
- match: [{uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UntrustedProto,
        severity: Severity::Warning,
        title: "a redirect to https never ends behind a load balancer that ends TLS",
        why: "The gateway trusts no proxy before it: it overwrites `x-forwarded-proto` by the scheme of its connection. Set \
              `numTrustedProxies` for the gateway in the cluster, or leave the redirect to the load balancer.",
        example: explain(
            "http://shop.example.com/",
            "x-forwarded-proto: https",
            "\
- redirect: {scheme: https}
",
            "\
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::WebsocketOverHttp2,
        severity: Severity::Warning,
        title: "a WebSocket goes to a port that gets HTTP/2",
        why: "A port gets HTTP/2 if its name begins with `http2` or `grpc`, by such an `appProtocol`, or by `h2UpgradePolicy: UPGRADE`. Over HTTP/2 Envoy asks for a WebSocket by extended CONNECT (RFC 8441). Few servers offer that; from the others the client gets 502.",
        example: asked(
            Command::Explain {
                url: "http://shop.example.com/live",
                header: "upgrade: websocket",
            },
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http2}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}]}
",
        ),
    },
];
