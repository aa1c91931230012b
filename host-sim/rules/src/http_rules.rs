//! Findings about the rules of a VirtualService: conditions, order, rewrites, redirects, policies.

use fingerpost_resources::{Code, Severity};

use crate::example::{beside, destination_rule, http};
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::CorsOrigin,
        severity: Severity::Warning,
        title: "no browser sends the origin",
        why: "An origin has a scheme, and a port unless it is the usual one. Envoy compares the whole text.",
        example: http(
            "\
- corsPolicy: {allowOrigins: [{exact: www.example.com}]}
  route: [{destination: {host: web}}]
",
            "\
- corsPolicy: {allowOrigins: [{exact: 'https://www.example.com'}]}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::CorsPreflight,
        severity: Severity::Warning,
        title: "a browser's preflight does not reach the rule with the CORS policy",
        why: "A preflight is an OPTIONS request without the headers of the request that follows. If a match needs one of them, the preflight goes \
              to another rule or gets 404, and the browser does not send the request.",
        example: http(
            "\
- match: [{headers: {x-user: {exact: a}}}]
  corsPolicy: {allowOrigins: [{exact: 'https://www.example.com'}]}
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api}}]
  corsPolicy: {allowOrigins: [{exact: 'https://www.example.com'}]}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::EnvoyRefuses,
        severity: Severity::Error,
        title: "Istio accepts a value, and Envoy refuses it",
        why: "Istio's webhook does not check the value. Envoy refuses the whole listener, route table or cluster that has it, and keeps the \
              previous one: changes of other people have no effect either.",
        example: http(
            "\
- headers: {response: {set: {x-time: '%TIME%'}}}
  route: [{destination: {host: web}}]
",
            "\
- headers: {response: {set: {x-time: '%START_TIME%'}}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::HashAcrossDestinations,
        severity: Severity::Note,
        title: "`consistentHash` does not keep a client on one weighted destination",
        why: "Envoy draws the destination by weight for each request. The hash chooses among the endpoints of that destination only.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: canary}
spec: {ports: [{port: 80, name: http}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}, weight: 90}, {destination: {host: canary}, weight: 10}]
",
            "\
apiVersion: v1
kind: Service
metadata: {name: canary}
spec: {ports: [{port: 80, name: http}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [edge]
  http:
  - match: [{headers: {x-canary: {exact: 'true'}}}]
    route: [{destination: {host: canary}}]
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::LiteralPattern,
        severity: Severity::Warning,
        title: "`exact` or `prefix` has the characters of a pattern",
        why: "`exact` and `prefix` are compared as they are written: a `*` matches a star, and `{id}` matches braces.",
        example: http(
            "\
- match: [{uri: {prefix: '/api/*'}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api/}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::MatchWithoutServer,
        severity: Severity::Warning,
        title: "a match cannot apply to any server of the Gateway",
        why: "A match with a `port`, `gateways` or `sourceLabels` that no server has is skipped for the gateway.",
        example: http(
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
        code: Code::MethodCase,
        severity: Severity::Warning,
        title: "no client sends the method in lower case",
        why: "Methods are compared with their letter case, and clients send them in capitals.",
        example: http(
            "\
- match: [{method: {exact: get}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{method: {exact: GET}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoClaims,
        severity: Severity::Warning,
        title: "a match reads a claim of a token that is not verified here",
        why: "Istio's RequestAuthentication verifies tokens and gives their claims to matches on `@request.auth.claims`. Fingerpost verifies no \
              token, so the claim is never there.",
        example: http(
            "\
- match: [{headers: {'@request.auth.claims.group': {exact: admin}}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{headers: {x-group: {exact: admin}}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoEffect,
        severity: Severity::Warning,
        title: "a field has no effect",
        why: "Istio or Envoy accepts the field and does nothing with it in this place.",
        example: http(
            "\
- match: [{uri: {regex: '/api/.*'}, ignoreUriCase: true}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {regex: '(?i)/api/.*'}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NoRoomToReload,
        severity: Severity::Warning,
        title: "the rules are too many for a reload",
        why: "While Envoy reloads the filter's configuration, its VM holds the old and the new one. If both do not fit, the filter drops the \
              old one: connections that still use it are answered by the new rules, or with 404 where the old listener does not know them.",
        example: None,
    },
    Rule {
        code: Code::OddSubstitution,
        severity: Severity::Warning,
        title: "the replacement of a regular expression is invalid",
        why: "Envoy accepts the rewrite, and does not apply it where a group does not exist or a backslash ends the text.",
        example: http(
            "\
- match: [{uri: {prefix: /items}}]
  rewrite: {uriRegexRewrite: {match: '/items/([^/]+)', rewrite: '/i/\\2'}}
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /items}}]
  rewrite: {uriRegexRewrite: {match: '/items/([^/]+)', rewrite: '/i/\\1'}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::PatternRefused,
        severity: Severity::Error,
        title: "Istio accepts a regular expression, and Envoy refuses it",
        why: "Istio checks patterns with Go's engine, which reads UTF-8. From 1.40 on, a character is a byte to Envoy, and there is none above \
              `\\x{ff}`. Envoy refuses the whole route table.",
        example: http(
            "\
- match: [{uri: {regex: '/\\x{3a9}'}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {regex: '/\\xce\\xa9'}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::RedirectAuthority,
        severity: Severity::Warning,
        title: "the authority of a redirect is not a host",
        why: "Envoy writes the authority into the location as it is: `http://https://new.example.com`.",
        example: http(
            "\
- redirect: {authority: 'https://new.example.com'}
",
            "\
- redirect: {authority: new.example.com, scheme: https}
",
        ),
    },
    Rule {
        code: Code::RedirectLoop,
        severity: Severity::Warning,
        title: "a redirect leads to the URL that it answers",
        why: "The client asks again and gets the same answer, until it gives up.",
        example: http(
            "\
- redirect: {authority: shop.example.com}
",
            "\
- redirect: {authority: www.example.com}
",
        ),
    },
    Rule {
        code: Code::RegexAsGlob,
        severity: Severity::Warning,
        title: "a star in a regular expression repeats a slash",
        why: "In a pattern, `*` repeats what is before it. `/files/*` matches `/files` and `/files///`, and not `/files/a`.",
        example: http(
            "\
- match: [{uri: {regex: '/files/*'}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {regex: '/files/.*'}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::RegexDelimiters,
        severity: Severity::Warning,
        title: "a regular expression is written between slashes",
        why: "Only JavaScript and Perl write patterns as `/pattern/i`. Here the slashes and the flag are part of the pattern.",
        example: http(
            "\
- match: [{uri: {regex: '/^\\/api\\/.*/i'}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {regex: '(?i)/api/.*'}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::ReservedHeader,
        severity: Severity::Warning,
        title: "a rule uses the header by which the filter tells Envoy its choice",
        why: "Envoy removes the client's header of that name before any filter runs. What a rule reads there is the choice of the filter.",
        example: http(
            "\
- match: [{headers: {x-fingerpost-route: {exact: a}}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{headers: {x-route: {exact: a}}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::RetriesCutOff,
        severity: Severity::Note,
        title: "the timeout ends before all retries are made",
        why: "The timeout of a rule covers all attempts together. If each of them takes its whole time, the last ones are not made.",
        example: http(
            "\
- timeout: 5s
  retries: {attempts: 3, perTryTimeout: 2s}
  route: [{destination: {host: web}}]
",
            "\
- timeout: 6s
  retries: {attempts: 3, perTryTimeout: 2s}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::RewriteGroup,
        severity: Severity::Warning,
        title: "a group is written into the path as text",
        why: "Envoy writes the groups of `uriRegexRewrite` as `\\1`, not as `$1`. `uri` has no groups.",
        example: http(
            "\
- match: [{uri: {prefix: /items}}]
  rewrite: {uriRegexRewrite: {match: '/items/([^/]+)', rewrite: '/i/$1'}}
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /items}}]
  rewrite: {uriRegexRewrite: {match: '/items/([^/]+)', rewrite: '/i/\\1'}}
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::RewriteJoinsSegments,
        severity: Severity::Warning,
        title: "a rewrite joins two segments of the path",
        why: "Envoy replaces the prefix as a text. If the prefix ends with a slash and the new text does not, `/api/name` goes out as \
              `/v1name`.",
        example: http(
            "\
- match: [{uri: {prefix: /api/}}]
  rewrite: {uri: /v1}
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
        code: Code::UnreachableMatch,
        severity: Severity::Warning,
        title: "a match is never used",
        why: "Rules and their matches are tried in order. An earlier one takes everything that this one could take.",
        example: http(
            "\
- match: [{uri: {prefix: /}}, {uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /}}]
  route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UnreachableRule,
        severity: Severity::Warning,
        title: "a rule is never used",
        why: "Rules are tried in order. An earlier one takes everything that this one could take.",
        example: http(
            "\
- route: [{destination: {host: web}}]
- match: [{uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
",
            "\
- match: [{uri: {prefix: /api}}]
  route: [{destination: {host: web}}]
- route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::UnknownPort,
        severity: Severity::Warning,
        title: "a service has no such port",
        why: "Istio makes no cluster for it, so Envoy answers 503. A destination names the port of the Service, not its `targetPort`.",
        example: http(
            "\
- route: [{destination: {host: web, port: {number: 8080}}}]
",
            "\
- route: [{destination: {host: web, port: {number: 80}}}]
",
        ),
    },
    Rule {
        code: Code::PolicyLeftOut,
        severity: Severity::Warning,
        title: "a setting of a DestinationRule is not supported",
        why: "Istio acts on the setting and Fingerpost does not, so upstreams are chosen or reached in another way than in a mesh.",
        example: destination_rule(
            "\
host: web
trafficPolicy: {loadBalancer: {backendUtilization: {weightUpdatePeriod: 2s}}}
",
            "\
host: web
trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
",
        ),
    },
];
