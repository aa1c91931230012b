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

pub(super) fn check(rule: &DestinationRule, cx: &mut Checker<'_>) {
    cx.wildcard_domain(&rule.host, &Path::SPEC.field("host"));
    if let Some(policy) = &rule.traffic_policy {
        check_policy(policy, &Path::SPEC.field("trafficPolicy"), cx);
    }
    let mut names = BTreeSet::new();
    let subsets = Path::SPEC.field("subsets");
    for (index, subset) in rule.subsets.iter().enumerate() {
        let at = subsets.item(index);
        check_subset(subset, &at, cx);
        if !names.insert(&subset.name) {
            cx.error(
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
    cx.export_to(&rule.export_to, kind);
    if let Some(selector) = &rule.workload_selector {
        let at = Path::SPEC.field("workloadSelector");
        cx.selector(&selector.match_labels, &at.field("matchLabels"));
        if selector.match_labels.is_empty() {
            cx.warn(
                Code::EmptySelector,
                &at,
                "a selector without labels chooses every workload of the namespace",
            );
        }
    }
}

fn check_subset(subset: &Subset, path: &Path<'_>, cx: &mut Checker<'_>) {
    let name = path.field("name");
    if subset.name.is_empty() {
        cx.missing(&name, "name: v1");
    } else if !is_label(&subset.name) {
        let message = format!(
            "{:?} is not the name of a subset: it has more than letters, digits and inner hyphens",
            subset.name
        );
        cx.error(Code::BadName, &name, message);
    }
    cx.labels(&subset.labels, &path.field("labels"));
    if let Some(policy) = &subset.traffic_policy {
        check_policy(policy, &path.field("trafficPolicy"), cx);
    }
}

fn check_policy(policy: &TrafficPolicy, path: &Path<'_>, cx: &mut Checker<'_>) {
    if *policy == TrafficPolicy::default() {
        cx.error(Code::MissingField, path, "a traffic policy can't be empty")
            .help("for example `loadBalancer: {simple: ROUND_ROBIN}`");
        return;
    }
    if policy.tunnel.is_some() && policy.proxy_protocol.is_some() {
        cx.error(
            Code::Conflict,
            &path.field("proxyProtocol"),
            "only one of `tunnel` and `proxyProtocol` can be set",
        );
        return;
    }
    let outlier = policy.outlier_detection.as_ref();
    check_connections(
        policy.connection_pool.as_ref(),
        outlier,
        policy.tls.as_ref(),
        path,
        cx,
    );
    if let Some(it) = &policy.load_balancer {
        load_balancer::check(it, outlier.is_some(), &path.field("loadBalancer"), cx);
    }
    let ports = path.field("portLevelSettings");
    for (index, port) in policy.port_level_settings.iter().enumerate() {
        check_port_policy(port, &ports.item(index), cx);
    }
    if let Some(it) = &policy.tunnel {
        check_tunnel(it, &path.field("tunnel"), cx);
    }
}

fn check_port_policy(policy: &PortTrafficPolicy, path: &Path<'_>, cx: &mut Checker<'_>) {
    if policy.port.is_none() {
        cx.missing(&path.field("port"), "port: {number: 80}");
    }
    let bare = PortTrafficPolicy {
        port: None,
        ..policy.clone()
    };
    if bare == PortTrafficPolicy::default() {
        cx.error(Code::MissingField, path, "the policy of a port can't be empty")
            .help("for example `tls: {mode: SIMPLE}`");
        return;
    }
    let outlier = policy.outlier_detection.as_ref();
    check_connections(
        policy.connection_pool.as_ref(),
        outlier,
        policy.tls.as_ref(),
        path,
        cx,
    );
    if let Some(it) = &policy.load_balancer {
        load_balancer::check(it, outlier.is_some(), &path.field("loadBalancer"), cx);
    }
}

fn check_connections(
    pool: Option<&ConnectionPoolSettings>,
    outlier: Option<&OutlierDetection>,
    tls: Option<&ClientTlsSettings>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    if let Some(it) = outlier {
        check_outlier(it, &path.field("outlierDetection"), cx);
    }
    if let Some(it) = pool {
        let path = path.field("connectionPool");
        if it.http.is_none() && it.tcp.is_none() {
            cx.error(Code::MissingField, &path, "a connection pool has `tcp` or `http`")
                .help("for example `tcp: {maxConnections: 100}`");
        }
        if let Some(it) = &it.http {
            check_http_pool(it, &path.field("http"), cx);
        }
        if let Some(it) = &it.tcp {
            check_tcp_pool(it, &path.field("tcp"), cx);
        }
    }
    if let Some(it) = tls {
        check_tls(it, &path.field("tls"), cx);
    }
}

fn check_outlier(outlier: &OutlierDetection, path: &Path<'_>, cx: &mut Checker<'_>) {
    cx.duration(outlier.base_ejection_time, &path.field("baseEjectionTime"));
    cx.duration(outlier.interval, &path.field("interval"));
    if outlier.consecutive_errors.is_some_and(|it| it != 0) {
        cx.warn(
            Code::Deprecated,
            &path.field("consecutiveErrors"),
            "`consecutiveErrors` is deprecated",
        )
        .help("use `consecutiveGatewayErrors` or `consecutive5xxErrors`");
    }
    let split = outlier.split_external_local_origin_errors == Some(true);
    if !split && outlier.consecutive_local_origin_failures.is_some_and(|it| it > 0) {
        let message = "consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors";
        cx.error(
            Code::Conflict,
            &path.field("consecutiveLocalOriginFailures"),
            message,
        )
        .help("set `splitExternalLocalOriginErrors: true`");
    }
    for (field, value) in [
        ("maxEjectionPercent", outlier.max_ejection_percent),
        ("minHealthPercent", outlier.min_health_percent),
    ] {
        if let Some(value) = value.filter(|it| !(0..=100).contains(it)) {
            cx.error(
                Code::OutOfRange,
                &path.field(field),
                format!("{value} is out of range: a percentage is from 0 to 100"),
            );
        }
    }
}

fn check_http_pool(settings: &HttpSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_not_negative(
        "http1MaxPendingRequests",
        settings.http1_max_pending_requests,
        path,
        cx,
    );
    check_not_negative("http2MaxRequests", settings.http2_max_requests, path, cx);
    check_not_negative(
        "maxRequestsPerConnection",
        settings.max_requests_per_connection,
        path,
        cx,
    );
    check_not_negative("maxRetries", settings.max_retries, path, cx);
    check_not_negative("maxConcurrentStreams", settings.max_concurrent_streams, path, cx);
    cx.duration(settings.idle_timeout, &path.field("idleTimeout"));
    if settings.h2_upgrade_policy == Some(H2UpgradePolicy::Upgrade)
        && settings.use_client_protocol == Some(true)
    {
        let message = "useClientProtocol contradicts `h2UpgradePolicy: UPGRADE`";
        cx.error(Code::Conflict, &path.field("useClientProtocol"), message);
    }
    if let Some(settings) = &settings.http2_keep_alive {
        let path = path.field("http2KeepAlive");
        for (field, duration, example) in [
            ("interval", settings.interval, "interval: 30s"),
            ("timeout", settings.timeout, "timeout: 5s"),
        ] {
            if duration.is_none() {
                cx.missing(&path.field(field), example);
            }
            cx.duration(duration, &path.field(field));
        }
    }
}

fn check_tcp_pool(settings: &TcpSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_not_negative("maxConnections", settings.max_connections, path, cx);
    cx.duration(settings.connect_timeout, &path.field("connectTimeout"));
    cx.duration(
        settings.max_connection_duration,
        &path.field("maxConnectionDuration"),
    );
    // Below a millisecond it means: no timeout.
    cx.duration(
        settings.idle_timeout.filter(|it| it.as_millis() > 0),
        &path.field("idleTimeout"),
    );
    if let Some(settings) = &settings.tcp_keepalive {
        let path = path.field("tcpKeepalive");
        cx.duration(settings.time, &path.field("time"));
        cx.duration(settings.interval, &path.field("interval"));
    }
}

fn check_not_negative(field: &str, value: Option<i32>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(value) = value.filter(|it| *it < 0) {
        cx.error(
            Code::OutOfRange,
            &path.field(field),
            format!("{value} is below 0"),
        );
    }
}

fn check_tls(tls: &ClientTlsSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    pem::check_client(tls, path, cx);
    let mode = tls.mode.unwrap_or_default();
    let credential = path.field("credentialName");
    if let Some(rest) = tls.credential_name.strip_prefix("configmap://") {
        let namespace = rest.split_once('/').map(|(namespace, _)| namespace);
        let own = cx.meta.namespace.clone();
        if rest.is_empty() || namespace.is_some_and(|it| it != own) {
            let message =
                format!("a ConfigMap with certificates must be in the namespace of the rule, {own:?}");
            cx.error(Code::BadCredential, &credential, message)
                .help("write `configmap://name`");
        }
    }
    if tls.insecure_skip_verify == Some(true) && matches!(mode, ClientTlsMode::Simple | ClientTlsMode::Mutual)
    {
        let contradicting = [
            ("caCertificates", !tls.ca_certificates.is_empty()),
            (
                "credentialName",
                !tls.credential_name.is_empty() && mode == ClientTlsMode::Simple,
            ),
            ("subjectAltNames", !tls.subject_alt_names.is_empty()),
        ];
        if let Some((field, _)) = contradicting.iter().find(|(_, given)| *given) {
            let message = format!("insecureSkipVerify checks nothing, which contradicts {field}");
            cx.error(Code::Conflict, &path.field("insecureSkipVerify"), message);
        }
    }
    let files = [
        ("clientCertificate", &tls.client_certificate),
        ("privateKey", &tls.private_key),
        ("caCertificates", &tls.ca_certificates),
        ("caCrl", &tls.ca_crl),
    ];
    if matches!(mode, ClientTlsMode::Simple | ClientTlsMode::Mutual) && !tls.credential_name.is_empty() {
        if let Some((field, _)) = files.iter().find(|(_, file)| !file.is_empty()) {
            let message =
                format!("the certificates come from credentialName or from files ({field}), not both");
            cx.error(Code::Conflict, &credential, message);
        }
        return;
    }
    if mode == ClientTlsMode::Mutual {
        for (field, file) in files.iter().take(2) {
            if file.is_empty() {
                cx.error(
                    Code::MissingField,
                    &path.field(field),
                    format!("MUTUAL needs a {field}"),
                )
                .help("set it, or a credentialName");
            }
        }
    }
}

fn check_tunnel(tunnel: &TunnelSettings, path: &Path<'_>, cx: &mut Checker<'_>) {
    if !matches!(tunnel.protocol.as_str(), "" | "CONNECT" | "POST") {
        cx.error(
            Code::UnknownValue,
            &path.field("protocol"),
            format!("{:?} is neither CONNECT nor POST", tunnel.protocol),
        );
    }
    let host = path.field("targetHost");
    if tunnel.target_host.is_empty() {
        cx.missing(&host, "targetHost: db.example.com");
    } else if let Err(reason) = check_fqdn(&tunnel.target_host)
        && !is_address(&tunnel.target_host)
    {
        cx.error(Code::BadHost, &host, reason);
    }
    let port = path.field("targetPort");
    match tunnel.target_port {
        Some(number) => cx.port(number, &port),
        None => {
            cx.missing(&port, "targetPort: 443");
        }
    }
}
