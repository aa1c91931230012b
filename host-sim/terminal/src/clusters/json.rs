//! A cluster as JSON; `docs/json.md` has the form.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{
    BuiltCluster, ClusterDetail, ClusterRole, ClusterState, ClusterUse, Discovery, Limit, UpstreamTlsSummary,
    Verification,
};
use fingerpost_resources::Span;
use serde_json::{Map, Value, json};

/// The cluster; `proxy` has the labels of the proxy that has it.
#[must_use]
pub fn as_json(cluster: &ClusterDetail, proxy: &BTreeMap<String, String>) -> Value {
    let service = cluster.service.as_ref().map(|it| {
        let span = (!it.is_assumed).then_some(&it.span);
        placed(json!({"name": it.name, "assumed": it.is_assumed}), span)
    });
    let rule = cluster.destination_rule.as_ref().map(|it| {
        let known = json!({"name": it.name, "traffic_policy": it.traffic_policy});
        placed(known, Some(&it.span))
    });
    let built = match &cluster.state {
        ClusterState::Built(built) => Some(built.as_ref()),
        ClusterState::Missing(_) => None,
    };
    let lost = cluster.lost().map(|it| {
        json!({
            "code": it.reason.code.to_string(),
            "message": it.reason.message,
            "help": Some(&it.reason.help).filter(|it| !it.is_empty()),
            "consequence": it.consequence,
        })
    });
    json!({
        "proxy": proxy,
        "name": cluster.name,
        "host": cluster.host,
        "port": cluster.port,
        "subset": cluster.subset,
        "labels": cluster.labels,
        "service": service,
        "destination_rule": rule,
        "exists": built.is_some(),
        "lost": lost,
        "discovery": built.map(|it| match it.discovery {
            Discovery::Static => "static",
            Discovery::Dns => "dns",
            Discovery::LogicalDns => "logical_dns",
            Discovery::OriginalDestination => "original_dst",
        }),
        "endpoints": built.map(endpoints).unwrap_or_default(),
        "load_balancing": built.map(|it| &it.load_balancing),
        "protocol": built.map(|it| it.protocol.to_string()),
        "tls": built.and_then(|it| it.upstream.tls.as_ref()).map(tls),
        "proxy_protocol": built.and_then(|it| it.upstream.proxy_protocol).map(|it| it.as_str()),
        "limits": built.map(|it| limits(&it.limits)),
        "outlier_detection": built.and_then(|it| it.outlier_detection.as_ref()),
        "routed_by": cluster.uses.iter().map(used).collect::<Vec<_>>(),
    })
}

fn endpoints(built: &BuiltCluster) -> Vec<Value> {
    let all = built.endpoints.iter().map(|it| {
        json!({"address": it.address, "source": it.source, "locality": it.locality, "weight": it.weight, "priority": it.priority})
    });
    all.collect()
}

fn tls(tls: &UpstreamTlsSummary) -> Value {
    let verification = match &tls.verification {
        Verification::Skipped => Value::Null,
        Verification::By {
            authorities,
            request_host,
            names,
        } => json!({"authorities": authorities, "request_host": request_host, "names": names}),
    };
    let known = json!({"sni": tls.sni, "verification": verification, "certificate": tls.certificate});
    placed(known, Some(&tls.span))
}

fn limits(limits: &[Limit]) -> Map<String, Value> {
    let all = limits
        .iter()
        .map(|it| (it.field.to_owned(), Value::from(it.value.clone())));
    all.collect()
}

fn used(used: &ClusterUse) -> Value {
    let role = match used.role {
        ClusterRole::Requests => "requests",
        ClusterRole::Copies => "copies",
        ClusterRole::Connections => "connections",
    };
    let known = json!({
        "rule": used.rule,
        "role": role,
        "percent": used.percent,
        "hosts": used.hosts,
        "ports": used.ports,
    });
    placed(known, used.span.as_ref())
}

/// The object with where it is written.
fn placed(mut object: Value, span: Option<&Span>) -> Value {
    object["file"] = json!(span.map(|it| &*it.file));
    object["line"] = json!(span.map(|it| it.line));
    object["column"] = json!(span.map(|it| it.column));
    object
}
