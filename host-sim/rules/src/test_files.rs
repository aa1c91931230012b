//! Findings about the files that `fingerpost test` reads.

use fingerpost_resources::{Code, Severity};

use crate::example::tests;
use crate::rule::Rule;

const GOOD: &str = "\
tests:
- request: GET http://shop.example.com/cart
  expect: {rule: 'shop http[0]', host: web}
";

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::ExpectsNothing,
        severity: Severity::Error,
        title: "a test expects nothing",
        why: "Such a test passes whatever the rules do.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {}
",
            GOOD,
        ),
    },
    Rule {
        code: Code::NoRequest,
        severity: Severity::Error,
        title: "a test has no request with a host",
        why: "The host decides which rules are tried.",
        example: tests(
            "\
tests:
- request: {method: GET}
  expect: {status: 200}
",
            GOOD,
        ),
    },
    Rule {
        code: Code::NoTests,
        severity: Severity::Error,
        title: "a test file has no tests",
        why: "A file that tests nothing would pass.",
        example: tests(
            "\
strict: true
",
            GOOD,
        ),
    },
    Rule {
        code: Code::NoWeight,
        severity: Severity::Error,
        title: "the expected weights add up to nothing",
        why: "At least one destination must get a share of the requests.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {weights: {web: 0}}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {weights: {web: 1}}
",
        ),
    },
    Rule {
        code: Code::NotHonoured,
        severity: Severity::Warning,
        title: "a field of another tool's test file plays no part here",
        why: "Files of Envoy's `router_check_tool` and of other tools are read, and some of their fields make no sense for \
              Fingerpost.",
        example: tests(
            "\
tests:
- test_name: cart
  input: {authority: shop.example.com, path: /cart, internal: true}
  validate: {cluster_name: outbound|80||web.default.svc.cluster.local}
",
            "\
tests:
- test_name: cart
  input: {authority: shop.example.com, path: /cart}
  validate: {cluster_name: outbound|80||web.default.svc.cluster.local}
",
        ),
    },
    Rule {
        code: Code::NotNot,
        severity: Severity::Error,
        title: "a `not` is inside a `not`",
        why: "What is expected twice the other way round is better expected as it is.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {not: {not: {status: 200}}}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {status: 200}
",
        ),
    },
    Rule {
        code: Code::SeveralDocuments,
        severity: Severity::Error,
        title: "a test file has more than one document",
        why: "A file has one list of `tests`. Others would be lost.",
        example: tests(
            "\
tests:
- {request: GET http://shop.example.com/cart, expect: {status: 200}}
---
tests:
- {request: GET http://shop.example.com/, expect: {status: 200}}
",
            "\
tests:
- {request: GET http://shop.example.com/cart, expect: {status: 200}}
- {request: GET http://shop.example.com/, expect: {status: 200}}
",
        ),
    },
    Rule {
        code: Code::TestFile,
        severity: Severity::Error,
        title: "a test file of another tool cannot be read",
        why: "The format of each tool has its own fields and types; `fingerpost test` reads them as that tool does.",
        example: tests(
            "\
tests:
- test_name: cart
  input: {authority: shop.example.com}
  validate: {cluster_name: outbound|80||web.default.svc.cluster.local}
",
            "\
tests:
- test_name: cart
  input: {authority: shop.example.com, path: /cart}
  validate: {cluster_name: outbound|80||web.default.svc.cluster.local}
",
        ),
    },
    Rule {
        code: Code::UnknownCluster,
        severity: Severity::Error,
        title: "a test names a cluster that does not exist",
        why: "No request can be led there, so the name is probably misspelt. In `not` such a test would always pass.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {cluster: outbound|80||wbe.default.svc.cluster.local}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {cluster: outbound|80||web.default.svc.cluster.local}
",
        ),
    },
    Rule {
        code: Code::UnknownDestination,
        severity: Severity::Error,
        title: "a test names a destination that does not exist",
        why: "No request can be led there, so the name is probably misspelt.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {weights: {wbe: 100}}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {weights: {web: 100}}
",
        ),
    },
    Rule {
        code: Code::UnknownEnvoy,
        severity: Severity::Error,
        title: "a test file is for a release of Envoy that is not supported",
        why: "Fingerpost knows the behaviour of a range of releases. The number needs quotes: YAML reads 1.40 as 1.4.",
        example: tests(
            "\
envoy: '1.20'
tests:
- request: GET http://shop.example.com/cart
  expect: {status: 200}
",
            "\
envoy: '1.40'
tests:
- request: GET http://shop.example.com/cart
  expect: {status: 200}
",
        ),
    },
    Rule {
        code: Code::UnknownRule,
        severity: Severity::Error,
        title: "a test names a rule that does not exist",
        why: "No request can be taken by it, so the name is probably misspelt. In `not` such a test would always pass.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {rule: 'shop http[3]'}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {rule: 'shop http[0]'}
",
        ),
    },
    Rule {
        code: Code::UnknownVirtualHost,
        severity: Severity::Error,
        title: "a test names a virtual host that does not exist",
        why: "No request can come to it, so the name is probably misspelt.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {virtualHost: shop.example.org}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {virtualHost: shop.example.com}
",
        ),
    },
    Rule {
        code: Code::WrongHeader,
        severity: Severity::Error,
        title: "a test expects a header whose name is invalid",
        why: "No request or response can have it.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {headers: {'x user': a}}
",
            "\
tests:
- request: {url: 'http://shop.example.com/cart', headers: {x-user: a}}
  expect: {headers: {x-user: a}}
",
        ),
    },
    Rule {
        code: Code::WrongLabels,
        severity: Severity::Error,
        title: "the labels in a check file are invalid",
        why: "Labels are written as `key=value`, separated by commas.",
        example: tests(
            "\
{\"labels\": \"istio\", \"requests\": [{\"request\": {\"port\": 80, \"path\": \"/\", \"authority\": \"shop.example.com\", \"headers\": []}, \"expect\": {\"status\": 200}}]}
",
            "\
{\"labels\": \"istio=ingressgateway\", \"requests\": [{\"request\": {\"port\": 80, \"path\": \"/\", \"authority\": \"shop.example.com\", \"headers\": []}, \"expect\": {\"status\": 200}}]}
",
        ),
    },
    Rule {
        code: Code::WrongRegex,
        severity: Severity::Error,
        title: "a regular expression of a test is invalid",
        why: "Patterns are RE2's, and the whole text must match.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {path: {regex: '/('}}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {path: {regex: '/.*'}}
",
        ),
    },
    Rule {
        code: Code::WrongRule,
        severity: Severity::Error,
        title: "the name of a rule has the wrong form",
        why: "A rule is named by its VirtualService and its place: `shop http[0]`, with a namespace `prod/shop http[0]`.",
        example: tests(
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {rule: 'shop http[first'}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {rule: 'shop http[0]'}
",
        ),
    },
    Rule {
        code: Code::WrongUrl,
        severity: Severity::Error,
        title: "the URL of a test is invalid",
        why: "A request goes to a host by http or https.",
        example: tests(
            "\
tests:
- request: GET ftp://shop.example.com/cart
  expect: {status: 200}
",
            "\
tests:
- request: GET http://shop.example.com/cart
  expect: {status: 200}
",
        ),
    },
];
