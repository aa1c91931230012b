//! Findings about kinds of resources that Fingerpost does not act on.

use fingerpost_resources::{Code, Severity};

use crate::example::beside;
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::KindNotRead,
        severity: Severity::Warning,
        title: "Istio routes by a resource that Fingerpost does not read",
        why: "Istio routes requests on the same gateway by resources of this kind. Answers for its hosts may differ.",
        example: beside(
            "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: docs}
spec:
  ingressClassName: istio
  rules:
  - host: docs.example.com
    http:
      paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]
",
            "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: docs}
spec:
  hosts: [docs.example.com]
  gateways: [edge]
  http:
  - route: [{destination: {host: web}}]
",
        ),
    },
    Rule {
        code: Code::NotEnforced,
        severity: Severity::Warning,
        title: "a policy for the gateway is not enforced",
        why: "Fingerpost compiles routing only. Requests that the policy forbids or changes in a cluster pass here as they are.",
        example: beside(
            "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: istio-system}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: DENY
  rules: [{to: [{operation: {paths: [/admin]}}]}]
",
            "\
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 80, name: http}]}
",
        ),
    },
];
