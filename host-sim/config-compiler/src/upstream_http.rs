//! What of HTTP a cluster agrees with its upstreams: the version, how long connections live, which answers count as
//! failures.
//!
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`, `applyConnectionPool`,
//! `applyOutlierDetectionErrorCodes`.

use fingerpost_resources::{H2UpgradePolicy, HttpSettings};
use serde_json::{Value, json};

use crate::cluster_policies::Policies;
use crate::proto::{Fields, duration, typed};
use crate::protocol::Protocol;

const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

impl Policies<'_> {
    /// Envoy's `typed_extension_protocol_options`, where they are not the default.
    pub(crate) fn http_protocol_options(&self, protocol: Protocol) -> Option<Value> {
        let common = self.common_options();
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let uses_downstream = http.and_then(|it| it.use_client_protocol) == Some(true);
        let speaks_http2 = self.speaks_http2(protocol);
        let error_matcher = self.error_matcher();
        if common.is_empty() && !uses_downstream && !speaks_http2 && error_matcher.is_none() {
            return None;
        }
        let mut options = Fields::new();
        if !common.is_empty() {
            options.insert("common_http_protocol_options".to_owned(), Value::Object(common));
        }
        let (key, version) = if uses_downstream {
            (
                "use_downstream_protocol_config",
                json!({"http_protocol_options": {}, "http2_protocol_options": {}}),
            )
        } else if speaks_http2 {
            (
                "explicit_http_config",
                json!({"http2_protocol_options": http2_options(http)}),
            )
        } else {
            ("explicit_http_config", json!({"http_protocol_options": {}}))
        };
        options.insert(key.to_owned(), version);
        if let Some(matcher) = error_matcher {
            options.insert("outlier_detection".to_owned(), json!({"error_matcher": matcher}));
        }
        Some(json!({OPTIONS: typed(OPTIONS, options)}))
    }

    /// Whether HTTP/2 is spoken whatever the client speaks.
    pub(crate) fn speaks_http2(&self, protocol: Protocol) -> bool {
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let upgrades = http.and_then(|http| http.h2_upgrade_policy) == Some(H2UpgradePolicy::Upgrade);
        protocol == Protocol::Http2 || protocol != Protocol::Tcp && upgrades
    }

    fn common_options(&self) -> Fields {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let mut common = Fields::new();
        let idle = http.and_then(|it| it.idle_timeout);
        if let Some(timeout) = idle.or(tcp.and_then(|it| it.idle_timeout)) {
            common.insert("idle_timeout".to_owned(), duration(timeout));
        }
        let requests = http.and_then(|it| it.max_requests_per_connection);
        if let Some(requests) = requests.filter(|it| *it > 0) {
            common.insert("max_requests_per_connection".to_owned(), json!(requests));
        }
        if let Some(time) = tcp.and_then(|it| it.max_connection_duration) {
            common.insert("max_connection_duration".to_owned(), duration(time));
        }
        common
    }

    fn error_matcher(&self) -> Option<Value> {
        let codes = &self.outlier_detection?.outlier_detection_http_error_codes;
        let rules: Vec<Value> = codes
            .iter()
            .map(|code| {
                let status = json!({"name": ":status", "string_match": {"exact": code.to_string()}});
                json!({"http_response_headers_match": {"headers": [status]}})
            })
            .collect();
        match rules.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            [..] => Some(json!({"or_match": {"rules": rules}})),
        }
    }
}

fn http2_options(http: Option<&HttpSettings>) -> Fields {
    let mut options = Fields::new();
    let Some(http) = http else { return options };
    if let Some(streams) = http.max_concurrent_streams.filter(|it| *it > 0) {
        options.insert("max_concurrent_streams".to_owned(), json!(streams));
    }
    if let Some(keepalive) = &http.http2_keep_alive {
        let mut written = Fields::new();
        for (key, time) in [("interval", keepalive.interval), ("timeout", keepalive.timeout)] {
            if let Some(time) = time {
                written.insert(key.to_owned(), duration(time));
            }
        }
        options.insert("connection_keepalive".to_owned(), Value::Object(written));
    }
    options
}
