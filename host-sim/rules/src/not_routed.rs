//! Findings about kinds of resources that Fingerpost does not act on.

use fingerpost_resources::{Code, Severity};

use crate::example::beside;
use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: Code::KindNotRead,
        severity: Severity::Warning,
        title: "Istio routes by a resource of a kind that is not supported yet",
        why: "Istio routes requests by an Ingress of its class and by resources of Gateway API too. Answers for their hosts may differ \
              from those of a cluster.",
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
        why: "Fingerpost compiles routing only. Requests that the policy forbids or changes in a cluster pass here as they are. Other \
              policies, such as those of other workloads, are not reported so.",
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
# A rule can deny a path, too.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: deny}
spec:
  hosts: [admin.example.com]
  gateways: [edge]
  http:
  - match: [{uri: {exact: /admin}}]
    directResponse: {status: 403}
",
        ),
    },
    Rule {
        code: Code::MeshConfigNotRead,
        severity: Severity::Warning,
        title: "settings of the mesh are not read",
        why: "Fingerpost uses the defaults of Istio's `meshConfig`. Some of its fields change how a gateway matches paths, retries requests or \
              sees resources; the finding names those that are set.",
        example: beside(
            "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    pathNormalization: {normalization: MERGE_SLASHES}
",
            "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    accessLogFile: /dev/stdout
",
        ),
    },
    Rule {
        code: Code::PolicyOfOthers,
        severity: Severity::Note,
        title: "a policy is for other workloads than the gateway",
        why: "A policy counts for the workloads of its namespace, or of all namespaces if it is in the root namespace, that its selector or \
              its `targetRefs` select. Sidecar and PeerAuthentication never count for a gateway.",
        example: beside(
            "\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec: {egress: [{hosts: ['./*']}]}
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
