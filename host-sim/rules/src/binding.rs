//! Findings about what a VirtualService is bound to: Gateways, hosts, namespaces, delegates.

use fingerpost_resources::{Code, Severity};

use crate::example::{Command, asked, beside, virtual_service};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::DelegateConflict,
        severity: Severity::Warning,
        title: "a delegate's condition is outside that of its root",
        why: "Istio merges the matches of a delegate into those of the rule that delegates. Where a condition of both cannot hold at once, \
              it drops the rule.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  http:
  - match: [{uri: {prefix: /v1}}]
    route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  http:
  - match: [{uri: {prefix: /api/v1}}]
    route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::DelegateImplied,
        severity: Severity::Warning,
        title: "a delegate is not in the input, and is assumed",
        why: "With `--no-gateway` a VirtualService that delegates can be tested alone. What the delegate does is not known, so its \
              requests get 503.",
        example: asked(
            Command::TestWithoutGateway,
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
  - route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::DelegateNotFound,
        severity: Severity::Warning,
        title: "a rule delegates to a VirtualService that cannot be used",
        why: "Istio drops a rule whose delegate is missing, has `hosts`, or is not exported to the namespace of the root.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::DelegateNotNamed,
        severity: Severity::Warning,
        title: "a VirtualService without hosts is not the delegate of any rule",
        why: "A VirtualService without `hosts` is used only where a rule of another names it as its `delegate`.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  http:
  - route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - {match: [{uri: {prefix: /api}}], delegate: {name: api}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::GatewayLeftOut,
        severity: Severity::Warning,
        title: "a Gateway is not used, because the command was called with `--no-gateway`",
        why: "With `--no-gateway` every VirtualService is bound to an assumed Gateway for all hosts on port 80. The Gateways of the input play \
              no part.",
        example: None,
    },
    Rule {
        code: Code::GatewayNotFound,
        severity: Severity::Warning,
        title: "a VirtualService names a Gateway that is not in the input",
        why: "Istio binds the VirtualService to nothing, and its hosts get 404. A name without a namespace means the VirtualService's \
              own.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [istio-system/edge]
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
        code: Code::HostImplied,
        severity: Severity::Warning,
        title: "a host of a destination is not in the input, and is assumed",
        why: "With `--no-gateway` a VirtualService can be tested without the Services that it routes to.",
        example: asked(
            Command::TestWithoutGateway,
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - route: [{destination: {host: cart}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::HostNotInGateway,
        severity: Severity::Warning,
        title: "no server of the Gateway takes a host of the VirtualService",
        why: "A request comes to a VirtualService only if its Gateway has a server with that host, or with a wildcard over it.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.example.com']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com, shop.example.net]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.example.com', '*.example.net']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com, shop.example.net]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::LegacyGateway,
        severity: Severity::Warning,
        title: "a Gateway is named in the old form",
        why: "Istio once took `gateway.namespace.svc.cluster.local`. It still does, and warns.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [edge.default.svc.cluster.local]
http:
- route: [{destination: {host: web}}]
",
            "\
hosts: [shop.example.com]
gateways: [default/edge]
http:
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NotExported,
        severity: Severity::Warning,
        title: "a VirtualService is not exported to the namespace of the gateway",
        why: "A gateway sees resources that are exported to the namespace of its Pod (`--proxy-namespace`). `exportTo: [.]` keeps a \
              VirtualService within its own.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [edge]
exportTo: [.]
http:
- route: [{destination: {host: web}}]
",
            "\
hosts: [shop.example.com]
gateways: [edge]
exportTo: [istio-system]
http:
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::OnlyForSidecars,
        severity: Severity::Note,
        title: "a VirtualService is for sidecars only",
        why: "Without `gateways`, or with `mesh` alone, a VirtualService routes the requests of workloads in the mesh. A gateway does not \
              use it.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
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
        code: Code::RulesWithoutServer,
        severity: Severity::Warning,
        title: "no server uses the kind of rules that a VirtualService has",
        why: "A server for HTTP uses `http` rules, one that passes TLS on `tls` rules, and one for bytes `tcp` rules.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [edge]
tcp:
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
];
