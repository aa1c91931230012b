//! Findings about texts: YAML, documents, kinds and keys.

use fingerpost_resources::{Code, Severity};

use crate::example::beside;
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::AfterDocument,
        severity: Severity::Warning,
        title: "text follows the end of a document",
        why: "kubectl reads a document to its end and ignores the rest up to the next `---`. Fingerpost does the same. \
              Usually the indentation is wrong, or a `---` is missing.",
        example: beside(
            "\
[]
spec: {ports: [{port: 81}]}
",
            "\
{apiVersion: v1, kind: ConfigMap, metadata: {name: empty}}
",
        ),
    },
    Rule {
        code: Code::AlteredKey,
        severity: Severity::Warning,
        title: "a key means something else in YAML than it seems to",
        why: "YAML 1.1, which kubectl and Istio read, takes words such as `on`, `yes` and `0x10` for booleans and numbers. As a key, such a \
              word becomes the text of that value.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: other, labels: {on: 'true'}}
spec: {ports: [{port: 80, name: http}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other, labels: {'on': 'true'}}
spec: {ports: [{port: 80, name: http}]}
",
        ),
    },
    Rule {
        code: Code::BesideSeparator,
        severity: Severity::Error,
        title: "a document begins on the line of its `---`",
        why: "kubectl and istioctl split a file at lines that are `---` and nothing else, so they cannot read such a document.",
        example: beside(
            "\
--- {apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80, name: http}]}}
",
            "\
---
{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80, name: http}]}}
",
        ),
    },
    Rule {
        code: Code::DuplicateKey,
        severity: Severity::Warning,
        title: "a key is in a map twice",
        why: "The last value counts, and the first is lost. istioctl refuses such a file.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec:
  ports: [{port: 81, name: http}]
  ports: [{port: 80, name: http}]
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec:
  ports: [{port: 80, name: http}]
",
        ),
    },
    Rule {
        code: Code::NoKind,
        severity: Severity::Warning,
        title: "a document has no `apiVersion` or no `kind`",
        why: "kubectl refuses such a document. Fingerpost leaves it out.",
        example: beside(
            "\
apiVersion: v1
metadata: {name: other}
spec: {ports: [{port: 80, name: http}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 80, name: http}]}
",
        ),
    },
    Rule {
        code: Code::NotAnObject,
        severity: Severity::Error,
        title: "a document is not a map",
        why: "A resource is a map that begins with `apiVersion` and `kind`. To put several resources in one file, separate \
              them by `---`, or write a `List` with `items`.",
        example: beside(
            "\
- apiVersion: v1
  kind: Service
  metadata: {name: other}
",
            "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: other}
",
        ),
    },
    Rule {
        code: Code::NotUtf8,
        severity: Severity::Error,
        title: "a file is not UTF-8",
        why: "Kubernetes reads UTF-8 only. Save the file as UTF-8, without UTF-16 and without Latin-1.",
        example: None,
    },
    Rule {
        code: Code::RepeatedResource,
        severity: Severity::Warning,
        title: "a resource is in the input twice",
        why: "Of two resources with the same kind, namespace and name, `kubectl apply` keeps the last one. Fingerpost does the \
              same.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 80, name: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 8080, name: http}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 80, name: http}, {port: 8080, name: http-8080}]}
",
        ),
    },
    Rule {
        code: Code::Syntax,
        severity: Severity::Error,
        title: "a text is not YAML",
        why: "kubectl refuses the file too. In a folder, a file that cannot be read and names no kind of Istio's is skipped.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: other
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
",
        ),
    },
    Rule {
        code: Code::UnknownKind,
        severity: Severity::Warning,
        title: "a kind does not exist, and a similar one does",
        why: "Kinds have a letter case. A cluster refuses a kind that its API group does not have; Fingerpost leaves it out.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: DestinationRules
metadata: {name: web}
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
        code: Code::UnknownVersion,
        severity: Severity::Warning,
        title: "a kind has no such version",
        why: "Istio's networking API has the versions `v1`, `v1beta1` and `v1alpha3`. A cluster refuses any other.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1alpha1
kind: DestinationRule
metadata: {name: web}
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
        code: Code::UnusedObject,
        severity: Severity::Warning,
        title: "a Kubernetes object is invalid, and no route leads to it",
        why: "An invalid Service or Pod is an error only if a route needs it. Others are left out.",
        example: beside(
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: http}]}
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 80}]}
",
        ),
    },
];
