//! Listeners, hosts and rules as JSON; `docs/json.md` has the form.

use std::collections::BTreeMap;

use fingerpost_config_compiler::RouteSummary;
use serde_json::{Value, json};

use crate::listing::Shown;

/// The listeners with those of their hosts that are shown; `proxy` has the labels of the proxy that has them.
#[must_use]
pub fn listeners(shown: &[Shown<'_>], proxy: &BTreeMap<String, String>) -> Vec<Value> {
    let listeners = shown.iter().map(|shown| {
        let listener = shown.listener;
        json!({
            "proxy": proxy,
            "name": listener.name,
            "port": listener.port,
            "listen_port": listener.listen_port,
            "protocol": listener.protocol,
            "hosts": hosts(shown),
        })
    });
    listeners.collect()
}

/// Hosts with the same rules are together.
#[must_use]
pub fn hosts(shown: &Shown<'_>) -> Vec<Value> {
    let hosts = shown.groups.iter().map(|group| {
        json!({
            "domains": group.domains,
            "tls": group.host.over_tls,
            "redirects_to_https": group.host.redirects_to_https,
            "rules": group.host.routes.iter().map(rule).collect::<Vec<_>>(),
        })
    });
    hosts.collect()
}

fn rule(route: &RouteSummary) -> Value {
    let mut value = json!({
        "rule": route.rule.as_ref().map(ToString::to_string),
        "rules": route.rule.as_ref().map(|it| &it.rules),
        "match": route.rule.as_ref().and_then(|it| it.matched.as_deref()),
        "conditions": route.matches,
        "rewrite": route.rewrite,
        "destination": route.destination(),
        "mirrors": route.mirrors.iter().map(|it| &it.destination).collect::<Vec<_>>(),
        "virtual_service": route.virtual_service,
        "file": route.span.as_ref().map(|it| &*it.file),
        "line": route.span.as_ref().map(|it| it.line),
        "column": route.span.as_ref().map(|it| it.column),
    });
    if !route.assumed.is_empty() {
        value["assumed"] = json!(route.assumed);
    }
    value
}
