//! Findings about destinations: services, subsets, endpoints, and what speaks to them.

use fingerpost_resources::{Code, Severity};

use crate::example::{beside, destination_rule, http, service_entry, whole};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::BadCredential,
        severity: Severity::Error,
        title: "the credential of an upstream is invalid",
        why: "Istio reads the certificates of an upstream from a Secret or ConfigMap in the namespace of the rule.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {tls: {mode: SIMPLE, credentialName: 'configmap://other/authorities'}}
",
            "\
host: web
",
        ),
    },
    Rule {
        code: Code::BadLocality,
        severity: Severity::Error,
        title: "a locality is invalid",
        why: "A locality is `region/zone/subzone`, and no locality can be covered by two entries or fail over to itself.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: eu, to: eu}]}}}
",
            "\
host: web
",
        ),
    },
    Rule {
        code: Code::NoAddress,
        severity: Severity::Warning,
        title: "a service or a workload has no address",
        why: "Without `addresses`, Istio tells a TCP service from others by its port alone.",
        example: service_entry(
            "\
hosts: [db.example.com]
ports: [{number: 5432, name: tcp, protocol: TCP}]
resolution: NONE
",
            "\
hosts: [db.example.com]
addresses: [10.0.0.30]
ports: [{number: 5432, name: tcp, protocol: TCP}]
resolution: NONE
",
        ),
    },
    Rule {
        code: Code::NoEndpoints,
        severity: Severity::Warning,
        title: "a destination has no endpoint",
        why: "The input says that no workload is behind the destination. Envoy answers 503 with `no healthy upstream`. \
              `docs/endpoints.md` says when the endpoints count as known.",
        example: beside(
            "\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: []
",
            "\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.5]}]
",
        ),
    },
    Rule {
        code: Code::NotSelected,
        severity: Severity::Warning,
        title: "a DestinationRule is for other workloads",
        why: "With a `workloadSelector`, a DestinationRule counts for workloads of its namespace with those labels. The gateway is not one of \
              them.",
        example: destination_rule(
            "\
host: web
workloadSelector: {matchLabels: {app: cart}}
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
        ),
    },
    Rule {
        code: Code::PlainTextToTlsPort,
        severity: Severity::Warning,
        title: "a port that speaks TLS gets plain HTTP",
        why: "Neither Istio nor Envoy turns TLS to an upstream on by itself: `trafficPolicy.tls` of a DestinationRule does. Most servers answer 400.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 443, name: https}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, name: http}]}
",
        ),
    },
    Rule {
        code: Code::PlainTextUpstream,
        severity: Severity::Warning,
        title: "a DestinationRule requires the mutual TLS of a mesh",
        why: "ISTIO_MUTUAL uses the certificates that Istio's control plane gives to its own proxies. A stock Envoy has none, so requests are sent \
              in plain text.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}
",
            "\
host: web
trafficPolicy: {tls: {mode: DISABLE}}
",
        ),
    },
    Rule {
        code: Code::DoubleTls,
        severity: Severity::Warning,
        title: "TLS that passes through is wrapped in TLS once more",
        why: "A `tls` rule hands the client's TLS to the endpoint as it is. If the DestinationRule also starts TLS, the endpoint gets TLS in TLS, and \
              hardly any server understands that.",
        example: whole(
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [api.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  gateways: [edge]
  tls: [{match: [{sniHosts: [api.example.com]}], route: [{destination: {host: api.example.com}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE, subjectAltNames: [api.example.com]}}}
",
            "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [api.example.com]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  gateways: [edge]
  tls: [{match: [{sniHosts: [api.example.com]}], route: [{destination: {host: api.example.com}}]}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
",
        ),
    },
    Rule {
        code: Code::RequestHostAsServerName,
        severity: Severity::Warning,
        title: "an outside service gets the host of the request as the TLS server name",
        why: "Without `sni`, Istio has Envoy send the host of the request as the server name, and the certificate must be for it. An outside service \
              has no certificate for your host, so the handshake fails and the request gets 503.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example.com], ports: [{number: 443, name: https, protocol: HTTPS}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{route: [{destination: {host: api.example.com}}]}]
",
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api}
spec: {hosts: [api.example.com], ports: [{number: 443, name: https, protocol: HTTPS}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api}
spec: {host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http: [{rewrite: {authority: api.example.com}, route: [{destination: {host: api.example.com}}]}]
",
        ),
    },
    Rule {
        code: Code::TlsToPlainTextPort,
        severity: Severity::Warning,
        title: "a port for plain HTTP gets TLS",
        why: "`tls` of a DestinationRule counts for all ports of the service unless `portLevelSettings` says otherwise. Servers on port 80 speak plain \
              HTTP.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {tls: {mode: SIMPLE}}
",
            "\
host: web
trafficPolicy: {tls: {mode: DISABLE}}
",
        ),
    },
    Rule {
        code: Code::UpstreamNameUnchecked,
        severity: Severity::Note,
        title: "a certificate for any name is accepted from an upstream",
        why: "With `sni` and no `subjectAltNames`, Istio checks who signed the certificate and not whom it is for. With the authorities of the operating \
              system, that is everyone who has a certificate.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  trafficPolicy: {tls: {mode: SIMPLE, sni: web.example.com}}
",
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec:
  host: web
  trafficPolicy: {tls: {mode: SIMPLE, sni: web.example.com, subjectAltNames: [web.example.com]}}
",
        ),
    },
    Rule {
        code: Code::ShadowedServiceEntry,
        severity: Severity::Warning,
        title: "another resource has the host of a ServiceEntry, and comes first",
        why: "For one host Istio takes a Kubernetes Service first, then the oldest ServiceEntry. One of another namespace adds nothing.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web, namespace: other}
spec:
  hosts: [web.default.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.9}]
",
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.default.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.9}]
",
        ),
    },
    Rule {
        code: Code::SubsetByDns,
        severity: Severity::Warning,
        title: "the endpoints of a subset are not known",
        why: "Without Pods, EndpointSlices or WorkloadEntries in the input, Envoy looks up the Service by DNS, which cannot tell one version \
              from another. In a cluster Istio knows the endpoints.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web, subset: v1}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::SubsetWithoutWorkload,
        severity: Severity::Warning,
        title: "no workload has the labels of a subset",
        why: "The input has Deployments, or other resources that make Pods, that the Service selects, and none of them gives its Pods the labels \
              of the subset. In a cluster the subset has no endpoint then, and Envoy answers 503.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v1}
spec: {template: {metadata: {labels: {app: web, version: v1}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: \"1\"}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web, subset: v1}}]
",
            "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web-v1}
spec: {template: {metadata: {labels: {app: web, version: v1}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web, subset: v1}}]
",
        ),
    },
    Rule {
        code: Code::UnknownHost,
        severity: Severity::Warning,
        title: "no Service or ServiceEntry has the host of a destination",
        why: "Istio makes no cluster for it, so Envoy answers 503. A short name means a Service in the namespace of the VirtualService.",
        example: http(
            "\
- route: [{destination: {host: web.shop}}]
",
            "\
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UnknownLocality,
        severity: Severity::Warning,
        title: "the effect of a DestinationRule depends on where the proxy runs",
        why: "With outlier detection, Istio sends requests to the endpoints nearest to the proxy, and to others only if these fail. It knows \
              where the proxy runs from its Node. Give it with `--locality region/zone`, with `locality` in fingerpost.yaml, or with the \
              Pods of the proxy and their Nodes in the input. Without it, the output is that for a proxy that runs nowhere.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: pay.example.com, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pay}
spec:
  hosts: [pay.example.com]
  location: MESH_EXTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, locality: eu/a}, {address: 10.0.0.2, locality: us/b}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: pay}
spec:
  host: pay.example.com
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5}
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: pay.example.com, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: pay}
spec:
  hosts: [pay.example.com]
  location: MESH_EXTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, locality: eu/a}, {address: 10.0.0.2, locality: us/b}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: pay}
spec:
  host: pay.example.com
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5}
    loadBalancer: {localityLbSetting: {enabled: false}}
",
        ),
    },
    Rule {
        code: Code::UnknownSubset,
        severity: Severity::Warning,
        title: "no DestinationRule defines the subset of a destination",
        why: "Istio makes no cluster for it, so Envoy answers 503.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web, subset: v1}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UnusedDestinationRule,
        severity: Severity::Note,
        title: "a DestinationRule does not apply to the gateway",
        why: "A gateway searches the rules of the namespace where it runs, then those of the service's namespace that are exported to it, then those of the root \
              namespace (`istio-system`); the first with a matching host ends the search. Rules of one namespace and host are merged if their \
              `exportTo` is equal.",
        example: destination_rule(
            "\
host: web
exportTo: [.]
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
            "\
host: web
exportTo: [istio-system]
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
        ),
    },
];
