//! DestinationRule: subsets and the policies for connections.

use crate::code::Code;
use std::collections::BTreeSet;

use super::Checker;
use super::export_to::Exported;
use super::load_balancer;
use super::names::{check_fqdn, is_address, is_label};
use super::path::Path;
use super::pem;
use crate::destination_rule::{
    ClientTlsMode, ClientTlsSettings, ConnectionPoolSettings, DestinationRule, H2UpgradePolicy, HttpSettings,
    OutlierDetection, PortTrafficPolicy, Subset, TcpSettings, TrafficPolicy, TunnelSettings,
};

pub(super) fn check(rule: &DestinationRule, to: &mut Checker<'_>) {
    to.wildcard_domain(&rule.host, &Path::SPEC.field("host"));
    if let Some(policy) = &rule.traffic_policy {
        check_policy(policy, &Path::SPEC.field("trafficPolicy"), to);
    }
    let mut names = BTreeSet::new();
    let subsets = Path::SPEC.field("subsets");
    for (index, subset) in rule.subsets.iter().enumerate() {
        let at = subsets.item(index);
        check_subset(subset, &at, to);
        if !names.insert(&subset.name) {
            to.error(
                Code::Duplicate,
                &at.field("name"),
                format!("another subset has the name {:?}", subset.name),
            );
        }
    }
    let kind = if rule.workload_selector.is_some() {
        Exported::SelectingRule
    } else {
        Exported::Other
    };
    to.export_to(&rule.export_to, kind);
    if let Some(selector) = &rule.workload_selector {
        let at = Path::SPEC.field("workloadSelector");
        to.selector(&selector.match_labels, &at.field("matchLabels"));
        if selector.match_labels.is_empty() {
            to.warn(
                Code::EmptySelector,
                &at,
                "a selector without labels chooses every workload of the namespace",
            );
        }
    }
}

fn check_subset(subset: &Subset, at: &Path<'_>, to: &mut Checker<'_>) {
    let name = at.field("name");
    if subset.name.is_empty() {
        to.missing(&name, "name: v1");
    } else if !is_label(&subset.name) {
        let message = format!(
            "{:?} is not the name of a subset: it has more than letters, digits and inner hyphens",
            subset.name
        );
        to.error(Code::BadName, &name, message);
    }
    to.labels(&subset.labels, &at.field("labels"));
    if let Some(policy) = &subset.traffic_policy {
        check_policy(policy, &at.field("trafficPolicy"), to);
    }
}

fn check_policy(policy: &TrafficPolicy, at: &Path<'_>, to: &mut Checker<'_>) {
    if *policy == TrafficPolicy::default() {
        to.error(Code::MissingField, at, "a traffic policy can't be empty")
            .help("for example `loadBalancer: {simple: ROUND_ROBIN}`");
        return;
    }
    if policy.tunnel.is_some() && policy.proxy_protocol.is_some() {
        to.error(
            Code::Conflict,
            &at.field("proxyProtocol"),
            "only one of `tunnel` and `proxyProtocol` can be set",
        );
        return;
    }
    let outlier = policy.outlier_detection.as_ref();
    check_connections(
        policy.connection_pool.as_ref(),
        outlier,
        policy.tls.as_ref(),
        at,
        to,
    );
    if let Some(it) = &policy.load_balancer {
        load_balancer::check(it, outlier.is_some(), &at.field("loadBalancer"), to);
    }
    let ports = at.field("portLevelSettings");
    for (index, port) in policy.port_level_settings.iter().enumerate() {
        check_port_policy(port, &ports.item(index), to);
    }
    if let Some(it) = &policy.tunnel {
        check_tunnel(it, &at.field("tunnel"), to);
    }
}

fn check_port_policy(policy: &PortTrafficPolicy, at: &Path<'_>, to: &mut Checker<'_>) {
    if policy.port.is_none() {
        to.missing(&at.field("port"), "port: {number: 80}");
    }
    let bare = PortTrafficPolicy {
        port: None,
        ..policy.clone()
    };
    if bare == PortTrafficPolicy::default() {
        to.error(Code::MissingField, at, "the policy of a port can't be empty")
            .help("for example `tls: {mode: SIMPLE}`");
        return;
    }
    let outlier = policy.outlier_detection.as_ref();
    check_connections(
        policy.connection_pool.as_ref(),
        outlier,
        policy.tls.as_ref(),
        at,
        to,
    );
    if let Some(it) = &policy.load_balancer {
        load_balancer::check(it, outlier.is_some(), &at.field("loadBalancer"), to);
    }
}

fn check_connections(
    pool: Option<&ConnectionPoolSettings>,
    outlier: Option<&OutlierDetection>,
    tls: Option<&ClientTlsSettings>,
    at: &Path<'_>,
    to: &mut Checker<'_>,
) {
    if let Some(it) = outlier {
        check_outlier(it, &at.field("outlierDetection"), to);
    }
    if let Some(it) = pool {
        let at = at.field("connectionPool");
        if it.http.is_none() && it.tcp.is_none() {
            to.error(Code::MissingField, &at, "a connection pool has `tcp` or `http`")
                .help("for example `tcp: {maxConnections: 100}`");
        }
        if let Some(it) = &it.http {
            check_http_pool(it, &at.field("http"), to);
        }
        if let Some(it) = &it.tcp {
            check_tcp_pool(it, &at.field("tcp"), to);
        }
    }
    if let Some(it) = tls {
        check_tls(it, &at.field("tls"), to);
    }
}

fn check_outlier(it: &OutlierDetection, at: &Path<'_>, to: &mut Checker<'_>) {
    to.duration(it.base_ejection_time, &at.field("baseEjectionTime"));
    to.duration(it.interval, &at.field("interval"));
    if it.consecutive_errors.is_some_and(|it| it != 0) {
        to.warn(
            Code::Deprecated,
            &at.field("consecutiveErrors"),
            "`consecutiveErrors` is deprecated",
        )
        .help("use `consecutiveGatewayErrors` or `consecutive5xxErrors`");
    }
    let split = it.split_external_local_origin_errors == Some(true);
    if !split && it.consecutive_local_origin_failures.is_some_and(|it| it > 0) {
        let message = "consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors";
        to.error(
            Code::Conflict,
            &at.field("consecutiveLocalOriginFailures"),
            message,
        )
        .help("set `splitExternalLocalOriginErrors: true`");
    }
    for (field, value) in [
        ("maxEjectionPercent", it.max_ejection_percent),
        ("minHealthPercent", it.min_health_percent),
    ] {
        if let Some(value) = value.filter(|it| !(0..=100).contains(it)) {
            to.error(
                Code::OutOfRange,
                &at.field(field),
                format!("{value} is out of range: a percentage is from 0 to 100"),
            );
        }
    }
}

fn check_http_pool(it: &HttpSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    check_not_negative("http1MaxPendingRequests", it.http1_max_pending_requests, at, to);
    check_not_negative("http2MaxRequests", it.http2_max_requests, at, to);
    check_not_negative("maxRequestsPerConnection", it.max_requests_per_connection, at, to);
    check_not_negative("maxRetries", it.max_retries, at, to);
    check_not_negative("maxConcurrentStreams", it.max_concurrent_streams, at, to);
    to.duration(it.idle_timeout, &at.field("idleTimeout"));
    if it.h2_upgrade_policy == Some(H2UpgradePolicy::Upgrade) && it.use_client_protocol == Some(true) {
        let message = "useClientProtocol contradicts `h2UpgradePolicy: UPGRADE`";
        to.error(Code::Conflict, &at.field("useClientProtocol"), message);
    }
    if let Some(it) = &it.http2_keep_alive {
        let at = at.field("http2KeepAlive");
        for (field, duration, example) in [
            ("interval", it.interval, "interval: 30s"),
            ("timeout", it.timeout, "timeout: 5s"),
        ] {
            if duration.is_none() {
                to.missing(&at.field(field), example);
            }
            to.duration(duration, &at.field(field));
        }
    }
}

fn check_tcp_pool(it: &TcpSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    check_not_negative("maxConnections", it.max_connections, at, to);
    to.duration(it.connect_timeout, &at.field("connectTimeout"));
    to.duration(it.max_connection_duration, &at.field("maxConnectionDuration"));
    // Below a millisecond it means: no timeout.
    to.duration(
        it.idle_timeout.filter(|it| it.as_millis() > 0),
        &at.field("idleTimeout"),
    );
    if let Some(it) = &it.tcp_keepalive {
        let at = at.field("tcpKeepalive");
        to.duration(it.time, &at.field("time"));
        to.duration(it.interval, &at.field("interval"));
    }
}

fn check_not_negative(field: &str, value: Option<i32>, at: &Path<'_>, to: &mut Checker<'_>) {
    if let Some(value) = value.filter(|it| *it < 0) {
        to.error(Code::OutOfRange, &at.field(field), format!("{value} is below 0"));
    }
}

fn check_tls(it: &ClientTlsSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    pem::check_client(it, at, to);
    let mode = it.mode.unwrap_or_default();
    let credential = at.field("credentialName");
    if let Some(rest) = it.credential_name.strip_prefix("configmap://") {
        let namespace = rest.split_once('/').map(|(namespace, _)| namespace);
        let own = to.meta.namespace.clone();
        if rest.is_empty() || namespace.is_some_and(|it| it != own) {
            let message =
                format!("a ConfigMap with certificates must be in the namespace of the rule, {own:?}");
            to.error(Code::BadCredential, &credential, message)
                .help("write `configmap://name`");
        }
    }
    if it.insecure_skip_verify == Some(true) && matches!(mode, ClientTlsMode::Simple | ClientTlsMode::Mutual)
    {
        let contradicting = [
            ("caCertificates", !it.ca_certificates.is_empty()),
            (
                "credentialName",
                !it.credential_name.is_empty() && mode == ClientTlsMode::Simple,
            ),
            ("subjectAltNames", !it.subject_alt_names.is_empty()),
        ];
        if let Some((field, _)) = contradicting.iter().find(|(_, given)| *given) {
            let message = format!("insecureSkipVerify checks nothing, which contradicts {field}");
            to.error(Code::Conflict, &at.field("insecureSkipVerify"), message);
        }
    }
    let files = [
        ("clientCertificate", &it.client_certificate),
        ("privateKey", &it.private_key),
        ("caCertificates", &it.ca_certificates),
        ("caCrl", &it.ca_crl),
    ];
    if matches!(mode, ClientTlsMode::Simple | ClientTlsMode::Mutual) && !it.credential_name.is_empty() {
        if let Some((field, _)) = files.iter().find(|(_, path)| !path.is_empty()) {
            let message =
                format!("the certificates come from credentialName or from files ({field}), not both");
            to.error(Code::Conflict, &credential, message);
        }
        return;
    }
    if mode == ClientTlsMode::Mutual {
        for (field, path) in files.iter().take(2) {
            if path.is_empty() {
                to.error(
                    Code::MissingField,
                    &at.field(field),
                    format!("MUTUAL needs a {field}"),
                )
                .help("set it, or a credentialName");
            }
        }
    }
}

fn check_tunnel(it: &TunnelSettings, at: &Path<'_>, to: &mut Checker<'_>) {
    if !matches!(it.protocol.as_str(), "" | "CONNECT" | "POST") {
        to.error(
            Code::UnknownValue,
            &at.field("protocol"),
            format!("{:?} is neither CONNECT nor POST", it.protocol),
        );
    }
    let host = at.field("targetHost");
    if it.target_host.is_empty() {
        to.missing(&host, "targetHost: db.example.com");
    } else if let Err(reason) = check_fqdn(&it.target_host)
        && !is_address(&it.target_host)
    {
        to.error(Code::BadHost, &host, reason);
    }
    let port = at.field("targetPort");
    match it.target_port {
        Some(number) => to.port(number, &port),
        None => {
            to.missing(&port, "targetPort: 443");
        }
    }
}
