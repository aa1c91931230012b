//! Why a request goes where it goes: the analysis behind `fingerpost explain`.
//!
//! [`explain`] sends nothing. It asks the compiled tables rule by rule, and the model of Envoy for what happens before
//! and after them; routing itself is decided in the crates below. It prints nothing: an [`Explanation`] is data.
//! `trace` asks the questions in order, `alternatives`, `not_found` and `warnings` add what else a reader wants to know;
//! `advice` is the short form of what to change.
//!
//! An [`Explanation`] in its JSON form:
//! ```json
//! {"version": 1,
//!  "request": {"method": "GET", "scheme": "http", "authority": "shop.example.com", "path": "/cart", "normalised": null, "headers": [["k", "v"]]},
//!  "proxy": {"istio": "ingressgateway"}, "assumed": [{"kind": "Gateway|Service|Value", "name": "istio-system/public"}],
//!  "listener": {"name": "0.0.0.0_80", "port": 80, "listen_port": 80, "protocol": "HTTP", "why": "chosen by the scheme http"},
//!  "tls": null|{"sni": null|"shop.example.com", "kind": null|"exact|wildcard|any", "fitting": null|"*.example.com", "server": null|"Gateway default/edge servers[1]",
//!          "ends_here": true, "less_specific": ["*.com"], …PLACE},
//!  "host": {"domain": "shop.example.com", "kind": "exact|wildcard|any", "virtual_services": ["default/shop"],
//!           "hidden": [{"domain": "*.example.com", "would_take": null|SOURCE}]},
//!  "tried": [{"position": 1, …SOURCE, "failed": null|FAILED}],
//!  "not_reached": 2, "too_late": [{"position": 3, …SOURCE, "shadowed_by": null|1}], "left_out": [{…SOURCE, "reason": "…"}],
//!  "outcome": {"kind": "forward", "winner": SOURCE, "abort": null|{"percent": 50.0, "status": 503}, "rewrite": null|{"words": "/v1 -> /", "before": "/v1/x", "after": "//x"},
//!    "destinations": [{"cluster": "…", "host": "…", "port": 80, "subset": null|"v1", "labels": {}, "weight": 90, "percent": 90.0, "protocol": "HTTP/1.1|HTTP/2|HTTP as the client", "connection": null|"HTTP/2 over TLS",
//!       "destination_rule": null|{"name": "default/shop", "traffic_policy": ["loadBalancer"], …PLACE}, "missing": null|REASON,
//!       "endpoints": null|[{"address": "10.0.0.1:8080", "locality": null|"region/zone", "weight": 1, "priority": 0, "percent": 100.0}],
//!       "request_edits": [{"verb": "set|add|remove", "name": "x-a", "value": null|"1"}],
//!       "upstream": null|{"method": "GET", "path": "/x", "authority": "shop.example.com", "headers": []}, …PLACE}],
//!    "policies": [{"name": "timeout", "words": "5s", …PLACE}], "allows_origin": null|true, "response_edits": []},
//!  "nearest_miss": null|{"position": 1, …SOURCE, "failed": [FAILED]},
//!  "warnings": [{"code": "shadowed", "message": "…", "help": null|"…"}]}
//! SOURCE: "rule": "default/shop http[0].match[0]", "rules": […], "match": "0", "conditions": "prefix /v1", …PLACE
//! PLACE:  "file": null|"shop.yaml", "line": null|12, "column": null|5
//! FAILED: {"on": "path|method|authority|scheme|header|claim|query parameter", "name": null|"x-a", "expected": "header x-a = 1", "got": null|"2", "hint": null|"…", "fix": null|"…"}
//! REASON: {"message": "…", "help": null|"…", …PLACE}
//! ```
//! Other kinds of outcome: `answer` (`by`: `rule` for a redirect or a direct response, `fault` if the rule's fault aborts
//! every request, `cors` for a preflight that its CORS policy answers; `winner`, `words`, `status`, `location`, `response_headers`, `body`, `policies`), `to_https`
//! (`status`, `location`), `not_found` (`status`, `message`, `reasons`), `refused` (`status`, `message`), `unknown` (`message`:
//! which rule takes the request depends on what only a running Envoy knows; `tried` ends with the rule that asks for it), `no_connection`
//! (`message`, `reasons`), `bytes` (`destination`, …PLACE: the connection is passed on as it is). What can't be known is null.

mod advice;
mod alternatives;
mod assumed;
mod chain;
mod connection;
mod error;
mod explanation;
mod forward;
mod mismatch;
mod not_found;
mod proxy;
mod proxy_choice;
mod trace;
mod warnings;

pub use advice::advice;
pub use assumed::assumed_for;
pub use connection::TlsChain;
pub use error::ExplainError;
pub use explanation::{
    Abort, AnsweredBy, Assumed, AssumedKind, Destination, DestinationRule, Edit, EndpointShare,
    ExplainedRequest, Explanation, Failed, Forward, Hidden, Host, HostKind, LeftOut, Listener, Miss, Outcome,
    Place, Policy, Reason, Rewrite, Source, TooLate, Tried, Upstream, Warning,
};
pub use not_found::only_for_sidecars;
pub use proxy_choice::explain_each;
pub use trace::{Question, explain, explain_sent};
