//! Rules that read or write the dispatch header: with the filter they work differently than in Envoy alone.
//!
//! The connection manager removes a client's copy before any filter runs, so a condition on it never sees one; the
//! filter's own copy is there while Envoy edits headers, so an edit that reads it shows the key, and one that writes
//! it is lost. Decides nothing: each is a warning.

use fingerpost_resources::{Code, Diagnostics, HeaderOperations, Headers};
use fingerpost_routing_config::DISPATCH_HEADER;

use crate::virtual_services::{BoundVirtualService, Rule};

/// Warns of every condition and edit that names the header.
pub(crate) fn check(services: &[BoundVirtualService<'_>], diagnostics: &mut Diagnostics) {
    for rule in services.iter().flat_map(|service| &service.rules) {
        for field in fields(rule) {
            diagnostics
                .warn(
                    Code::ReservedHeader,
                    format!("`{DISPATCH_HEADER}` is the header by which the filter tells Envoy its choice: no client's copy arrives, and what is read here is the choice"),
                )
                .on(&rule.leaf.origin, format!("{}.{field}", rule.path))
                .help("take another name for the header, or compile with `--engine native`");
        }
    }
}

fn fields(rule: &Rule<'_>) -> Vec<String> {
    let mut fields = Vec::new();
    for (index, (_, request)) in rule.matches.iter().enumerate() {
        for (kind, names) in [
            ("headers", &request.headers),
            ("withoutHeaders", &request.without_headers),
        ] {
            let named = names.keys().filter(|name| is_ours(name));
            fields.extend(named.map(|name| format!("match[{index}].{kind}[{name}]")));
        }
    }
    edits("headers", rule.route.headers.as_deref(), &mut fields);
    for (index, destination) in rule.route.route.iter().enumerate() {
        let path = format!("route[{index}].headers");
        edits(&path, destination.headers.as_deref(), &mut fields);
    }
    fields
}

fn edits(path: &str, headers: Option<&Headers>, fields: &mut Vec<String>) {
    let Some(headers) = headers else { return };
    for (direction, operations) in [("request", &headers.request), ("response", &headers.response)] {
        let Some(HeaderOperations { set, add, remove }) = operations else {
            continue;
        };
        for (operation, values) in [("set", set), ("add", add)] {
            // A response may carry a header of that name: the filter reads only requests.
            let touched = values
                .iter()
                .filter(|(name, value)| (direction == "request" && is_ours(name)) || reads_ours(value));
            fields.extend(touched.map(|(name, _)| format!("{path}.{direction}.{operation}[{name}]")));
        }
        if direction == "request" && remove.iter().any(|name| is_ours(name)) {
            fields.push(format!("{path}.{direction}.remove"));
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.eq_ignore_ascii_case(DISPATCH_HEADER)
}

/// Whether a format string has a variable that names the header.
fn reads_ours(value: &str) -> bool {
    value.contains('%') && value.to_ascii_lowercase().contains(DISPATCH_HEADER)
}

#[cfg(test)]
mod tests {
    use fingerpost_resources::{Code, Diagnostics, Source, read};

    use crate::{Engine, Options, compile};

    const SERVED: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [a.com]
  gateways: [gw]
  http:
  - ";

    /// The codes and paths of what is found about the header.
    fn found(rule: &str, engine: Engine) -> Vec<String> {
        let mut diagnostics = Diagnostics::new();
        let source = Source::new("a.yaml", format!("{SERVED}{rule}\n"));
        let resources = read(vec![source], &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{rule}");
        let options = Options {
            engine,
            ..Options::default()
        };
        compile(&resources, &options, &mut diagnostics);
        let ours = diagnostics.iter().filter(|it| it.code == Code::ReservedHeader);
        ours.map(|it| it.path.clone()).collect()
    }

    #[test]
    fn every_use_of_our_header_is_warned_of() {
        for (rule, path) in [
            (
                "{match: [{headers: {X-Fingerpost-Route: {exact: a}}}], redirect: {uri: /}}",
                "match[0].headers[X-Fingerpost-Route]",
            ),
            (
                "{match: [{withoutHeaders: {x-fingerpost-route: {}}}], redirect: {uri: /}}",
                "match[0].withoutHeaders[x-fingerpost-route]",
            ),
            (
                "{headers: {request: {remove: [X-FINGERPOST-ROUTE]}}, route: [{destination: {host: a}}]}",
                "headers.request.remove",
            ),
            (
                "{route: [{destination: {host: a}, headers: {response: {set: {x-why: '%REQ(X-FINGERPOST-ROUTE)%'}}}}]}",
                "route[0].headers.response.set[x-why]",
            ),
        ] {
            let expected = vec![format!("spec.http[0].{path}")];
            assert_eq!(found(rule, Engine::Wasm), expected, "{rule}");
            assert!(found(rule, Engine::Native).is_empty(), "{rule}");
        }
    }

    #[test]
    fn other_headers_are_not() {
        let rule = "{headers: {request: {set: {x-a: '%REQ(X-B)% x-fingerpost-route'}}, response: {add: {x-fingerpost-rule: b}}}, route: [{destination: {host: a}}]}";
        let literal = "{headers: {request: {set: {x-a: x-fingerpost-route}}, response: {set: {x-fingerpost-route: b}}}, route: [{destination: {host: a}}]}";
        assert!(found(literal, Engine::Wasm).is_empty());
        // A format string that only mentions it is taken for one that reads it: better warned once too often.
        assert_eq!(
            found(rule, Engine::Wasm),
            ["spec.http[0].headers.request.set[x-a]"]
        );
    }
}
