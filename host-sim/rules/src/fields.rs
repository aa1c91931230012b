//! Findings about a field: whether it exists, its type, and whether its value has the right form.

use fingerpost_resources::{Code, Severity};

use crate::example::{beside, destination_rule, http, servers, service_entry, virtual_service};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::BadAddress,
        severity: Severity::Error,
        title: "an address is not an IP address or the path of a Unix socket",
        why: "Istio's webhook refuses the resource. Only a ServiceEntry with `resolution: DNS` has names as addresses.",
        example: service_entry(
            "\
hosts: [db.example.com]
addresses: [10.0.0.300]
ports: [{number: 80, name: http, protocol: HTTP}]
resolution: DNS
",
            "\
hosts: [db.example.com]
addresses: [10.0.0.30]
ports: [{number: 80, name: http, protocol: HTTP}]
resolution: DNS
",
        ),
    },
    Rule {
        code: Code::BadAnnotation,
        severity: Severity::Error,
        title: "an annotation is not allowed on the resource",
        why: "Istio's webhook refuses resources with some of the annotations that it uses itself.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, annotations: {istio.io/dry-run: 'true'}}
spec: {host: web}
",
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web}
",
        ),
    },
    Rule {
        code: Code::BadDuration,
        severity: Severity::Error,
        title: "a duration is invalid",
        why: "Durations are numbers with a unit, as Go writes them: `5s`, `1.5s`, `1h30m`. Istio wants whole milliseconds, and most \
              durations longer than zero.",
        example: http(
            "\
- timeout: 5 seconds
  route: [{destination: {host: web}}]
",
            "\
- timeout: 5s
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::BadExport,
        severity: Severity::Error,
        title: "an entry of `exportTo` is invalid",
        why: "`exportTo` has the names of namespaces, `.` for the own one, or `*` for all.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [edge]
exportTo: ['istio-*']
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
        code: Code::BadGateway,
        severity: Severity::Error,
        title: "the name of a gateway is invalid",
        why: "A VirtualService names a Gateway as `namespace/name`, or by its name alone if both are in one namespace.",
        example: virtual_service(
            "\
hosts: [shop.example.com]
gateways: [/edge]
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
        code: Code::BadHeader,
        severity: Severity::Error,
        title: "the name or the value of a header is invalid",
        why: "Istio's webhook refuses it: Envoy sets pseudo headers such as `:status` itself, and refuses other edits of them.",
        example: http(
            "\
- headers: {response: {set: {':status': '200'}}}
  route: [{destination: {host: web}}]
",
            "\
- headers: {response: {set: {x-status: '200'}}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::BadHost,
        severity: Severity::Error,
        title: "a host name is invalid",
        why: "Istio's webhook refuses the resource. A wildcard is allowed as the whole first label only: `*.example.com`.",
        example: virtual_service(
            "\
hosts: [https://shop.example.com]
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
        code: Code::BadLabel,
        severity: Severity::Error,
        title: "the key or the value of a label is invalid",
        why: "No Pod can have such a label: Kubernetes has the same rule.",
        example: destination_rule(
            "\
host: web
subsets:
- {name: v1, labels: {version: 'v1 beta'}}
",
            "\
host: web
subsets:
- {name: v1, labels: {version: v1-beta}}
",
        ),
    },
    Rule {
        code: Code::BadName,
        severity: Severity::Error,
        title: "a name is invalid",
        why: "Names of subsets, ports and Gateways have letters, digits and inner hyphens. Istio's webhook refuses others.",
        example: destination_rule(
            "\
host: web
subsets:
- {name: v1.2, labels: {version: v1}}
",
            "\
host: web
subsets:
- {name: v1-2, labels: {version: v1}}
",
        ),
    },
    Rule {
        code: Code::BadPort,
        severity: Severity::Error,
        title: "a port is not between 1 and 65535",
        why: "Istio's webhook refuses the resource.",
        example: http(
            "\
- route: [{destination: {host: web, port: {number: 80000}}}]
",
            "\
- route: [{destination: {host: web, port: {number: 80}}}]
",
        ),
    },
    Rule {
        code: Code::BadPrefix,
        severity: Severity::Error,
        title: "a prefix is empty",
        why: "An empty prefix would match everything, so Istio's webhook refuses it. A header with an empty condition matches if it is \
              present.",
        example: http(
            "\
- match: [{headers: {x-user: {prefix: ''}}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{headers: {x-user: {}}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::BadProtocol,
        severity: Severity::Error,
        title: "a protocol is not one of Istio's",
        why: "Istio's webhook refuses the resource: the protocol decides which kind of listener Envoy gets.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP1}, hosts: ['*']}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
",
        ),
    },
    Rule {
        code: Code::BadRegex,
        severity: Severity::Error,
        title: "a regular expression is invalid",
        why: "Patterns are RE2's, without look-around and back-references, and must match the whole value. Istio's webhook refuses a \
              pattern that is empty, longer than 1,024 bytes or invalid.",
        example: http(
            "\
- match: [{uri: {regex: '/items/(?!old).*'}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {regex: '/items/[^/]+'}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::BadSelector,
        severity: Severity::Error,
        title: "a selector has a wildcard or an empty key",
        why: "A selector compares labels as they are written. Istio's webhook refuses wildcards.",
        example: destination_rule(
            "\
host: web
workloadSelector: {matchLabels: {istio: '*'}}
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
        ),
    },
    Rule {
        code: Code::BadValue,
        severity: Severity::Error,
        title: "a value is invalid for its field",
        why: "Istio's webhook or Envoy refuses it.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 1000}}}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 1009}}}}
",
        ),
    },
    Rule {
        code: Code::BadWeights,
        severity: Severity::Error,
        title: "weights do not add up",
        why: "The weights of several destinations need a sum above 0, and the shares of localities a sum of 100. Istio's webhook refuses \
              others.",
        example: http(
            "\
- route:
  - {destination: {host: web}, weight: 0}
  - {destination: {host: web, port: {number: 80}}, weight: 0}
",
            "\
- route:
  - {destination: {host: web}, weight: 90}
  - {destination: {host: web, port: {number: 80}}, weight: 10}
",
        ),
    },
    Rule {
        code: Code::Conflict,
        severity: Severity::Error,
        title: "two fields cannot be set together",
        why: "Istio's webhook refuses the resource, because it could act on one of them only.",
        example: http(
            "\
- redirect: {uri: /new}
  route: [{destination: {host: web}}]
",
            "\
- redirect: {uri: /new}
",
        ),
    },
    Rule {
        code: Code::Deprecated,
        severity: Severity::Warning,
        title: "a field is deprecated",
        why: "Istio still reads the field, and warns. A later release may not read it.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {outlierDetection: {consecutiveErrors: 5}}
",
            "\
host: web
trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5}}
",
        ),
    },
    Rule {
        code: Code::Duplicate,
        severity: Severity::Error,
        title: "a name or an entry is in a list twice",
        why: "Istio's webhook refuses the resource.",
        example: destination_rule(
            "\
host: web
subsets:
- {name: v1, labels: {version: v1}}
- {name: v1, labels: {version: v2}}
",
            "\
host: web
subsets:
- {name: v1, labels: {version: v1}}
- {name: v2, labels: {version: v2}}
",
        ),
    },
    Rule {
        code: Code::EmptySelector,
        severity: Severity::Warning,
        title: "a selector has no labels",
        why: "Without labels it selects every workload of its namespace. Istio warns about it.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db}
spec:
  hosts: [db.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {}}
",
            "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: db}
spec:
  hosts: [db.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {app: db}}
",
        ),
    },
    Rule {
        code: Code::MissingField,
        severity: Severity::Error,
        title: "a required field is missing",
        why: "Istio's webhook refuses the resource.",
        example: destination_rule(
            "\
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {simple: RANDOM}}
",
        ),
    },
    Rule {
        code: Code::NoName,
        severity: Severity::Warning,
        title: "a resource has no name",
        why: "A cluster takes no resource without a name.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {}
spec: {host: web}
",
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web}
",
        ),
    },
    Rule {
        code: Code::NumberForName,
        severity: Severity::Warning,
        title: "a number is written for a name",
        why: "Istio's own reader takes the number of an enumeration, and the schema of a cluster refuses it.",
        example: servers(
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*'], tls: {mode: 0}}
",
            "\
- {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*'], tls: {mode: PASSTHROUGH}}
",
        ),
    },
    Rule {
        code: Code::OneOf,
        severity: Severity::Error,
        title: "only one of several fields can be set",
        why: "The fields are alternatives in Istio's API, so its reader refuses two of them.",
        example: http(
            "\
- match: [{uri: {exact: /a, prefix: /b}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {exact: /a}}, {uri: {prefix: /b}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::OutOfRange,
        severity: Severity::Error,
        title: "a number is out of its range",
        why: "Istio's webhook or the schema of a cluster refuses the resource.",
        example: http(
            "\
- fault: {abort: {httpStatus: 503, percentage: {value: 150}}}
  route: [{destination: {host: web}}]
",
            "\
- fault: {abort: {httpStatus: 503, percentage: {value: 15}}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::QuotedNumber,
        severity: Severity::Warning,
        title: "a number is in quotes",
        why: "Istio's own reader takes the text for a number, and the schema of a cluster refuses it.",
        example: http(
            "\
- route: [{destination: {host: web, port: {number: '80'}}}]
",
            "\
- route: [{destination: {host: web, port: {number: 80}}}]
",
        ),
    },
    Rule {
        code: Code::SnakeCaseField,
        severity: Severity::Warning,
        title: "a field is written in snake case",
        why: "Istio's own reader takes both forms. The schema of a cluster knows camel case only, and drops the field without a word.",
        example: http(
            "\
- match: [{without_headers: {x-user: {}}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{withoutHeaders: {x-user: {}}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::TooLong,
        severity: Severity::Error,
        title: "a text is too long",
        why: "Istio takes bodies of direct responses up to 1 MiB, and warns above 100 KiB. Fingerpost reads files up to 4 GiB.",
        example: None,
    },
    Rule {
        code: Code::UnknownField,
        severity: Severity::Error,
        title: "a message has no such field",
        why: "Istio refuses the resource. Without this error, a misspelt field would be lost: the route would work, without its timeout.",
        example: http(
            "\
- timeOut: 5s
  route: [{destination: {host: web}}]
",
            "\
- timeout: 5s
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UnknownValue,
        severity: Severity::Error,
        title: "a value is not one of those that the field takes",
        why: "Istio refuses the resource.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {loadBalancer: {simple: ROUNDROBIN}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
",
        ),
    },
    Rule {
        code: Code::Unsupported,
        severity: Severity::Error,
        title: "Istio does not support the field",
        why: "The field is in Istio's API, and its webhook refuses every resource that sets it.",
        example: http(
            "\
- fault: {delay: {exponentialDelay: 5s, percentage: {value: 100}}}
  route: [{destination: {host: web}}]
",
            "\
- fault: {delay: {fixedDelay: 5s, percentage: {value: 100}}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::WrongType,
        severity: Severity::Error,
        title: "a value has the wrong type",
        why: "Istio and the schema of a cluster refuse the resource.",
        example: virtual_service(
            "\
hosts: shop.example.com
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
];
