//! What of HTTP a cluster agrees with its upstreams: the version, how long connections live, which answers count as
//! failures.
//!
//! Source: istio `pilot/pkg/networking/core/cluster_traffic_policy.go`, `applyConnectionPool`,
//! `applyOutlierDetectionErrorCodes`.

use fingerpost_envoy_config::Empty;
use fingerpost_envoy_config::core::{
    Http2ProtocolOptions, HttpProtocolOptions, KeepaliveSettings,
    UpstreamHttpProtocolOptions as ServerNameOptions,
};
use fingerpost_envoy_config::matcher::StringPattern;
use fingerpost_envoy_config::route::{HeaderMatch, HeaderMatcher};
use fingerpost_envoy_config::upstreams::{
    ExplicitHttpConfig, ExtensionProtocolOptions, HttpHeadersMatch, HttpOutlierDetection, MatchPredicate,
    MatchSet, UpstreamHttpOptions, UpstreamHttpProtocolOptions, UpstreamProtocol, UseDownstreamHttpConfig,
};
use fingerpost_resources::{H2UpgradePolicy, HttpSettings};

use crate::client_tls;
use crate::cluster_policies::{Policies, positive};
use crate::cluster_words::ClusterProtocol;
use crate::protocol::Protocol;

impl Policies<'_> {
    /// Envoy's `typed_extension_protocol_options`, where they are not the default.
    pub(crate) fn http_protocol_options(&self, protocol: Protocol) -> Option<ExtensionProtocolOptions> {
        let common = self.common_options();
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let names = self.tls.map(client_tls::server_name_options);
        let names = names.filter(|it| *it != ServerNameOptions::default());
        let uses_downstream = self.uses_client_protocol();
        let speaks_http2 = self.speaks_http2(protocol);
        let error_matcher = self.error_matcher();
        let is_default = common.is_none() && names.is_none() && error_matcher.is_none();
        if is_default && !uses_downstream && !speaks_http2 {
            return None;
        }
        let protocol = if uses_downstream {
            UpstreamProtocol::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: Some(Empty {}),
                http2_protocol_options: Some(Http2ProtocolOptions::default()),
            })
        } else if speaks_http2 {
            UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::Http2ProtocolOptions(http2_options(
                http,
            )))
        } else {
            UpstreamProtocol::ExplicitHttpConfig(ExplicitHttpConfig::HttpProtocolOptions(Empty {}))
        };
        Some(ExtensionProtocolOptions {
            http: UpstreamHttpProtocolOptions::Options(Box::new(UpstreamHttpOptions {
                common_http_protocol_options: common,
                upstream_http_protocol_options: names,
                protocol,
                outlier_detection: error_matcher.map(|error_matcher| HttpOutlierDetection { error_matcher }),
            })),
        })
    }

    /// The version of HTTP that is spoken.
    pub(crate) fn version(&self, protocol: Protocol) -> ClusterProtocol {
        if self.uses_client_protocol() {
            ClusterProtocol::Client
        } else if self.speaks_http2(protocol) {
            ClusterProtocol::Http2
        } else {
            ClusterProtocol::Http1
        }
    }

    /// Whether HTTP/2 is spoken whatever the client speaks.
    pub(crate) fn speaks_http2(&self, protocol: Protocol) -> bool {
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        // Whoever writes UPGRADE knows that HTTP is spoken: the protocol of the port does not matter
        // (istio cluster_traffic_policy.go, `shouldH2Upgrade`).
        let upgrades = http.and_then(|http| http.h2_upgrade_policy) == Some(H2UpgradePolicy::Upgrade);
        !self.uses_client_protocol() && (protocol == Protocol::Http2 || upgrades)
    }

    /// Whether the upstream gets the version of HTTP that the client speaks.
    pub(crate) fn uses_client_protocol(&self) -> bool {
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        http.and_then(|it| it.use_client_protocol) == Some(true)
    }

    /// None where nothing is given.
    fn common_options(&self) -> Option<HttpProtocolOptions> {
        let tcp = self.connection_pool.and_then(|pool| pool.tcp.as_ref());
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let idle = http.and_then(|it| it.idle_timeout);
        let idle = idle.or(tcp.and_then(|it| it.idle_timeout));
        let requests = http.and_then(|it| it.max_requests_per_connection);
        let duration = tcp.and_then(|it| it.max_connection_duration);
        let options = HttpProtocolOptions {
            idle_timeout: idle.map(Into::into),
            max_requests_per_connection: requests.and_then(positive),
            max_connection_duration: duration.map(Into::into),
        };
        let of_http2 = http.is_some_and(|it| {
            it.http2_keep_alive.is_some() || it.max_concurrent_streams.and_then(positive).is_some()
        });
        // Istio writes an empty message beside settings of HTTP/2.
        (of_http2 || options != HttpProtocolOptions::default()).then_some(options)
    }

    fn error_matcher(&self) -> Option<MatchPredicate> {
        let codes = &self.outlier_detection?.outlier_detection_http_error_codes;
        let has_code = |code: &u32| {
            let status = HeaderMatcher {
                name: ":status".to_owned(),
                value: HeaderMatch::StringMatch(StringPattern::Exact(code.to_string()).into()),
                invert_match: false,
                treat_missing_header_as_empty: false,
            };
            MatchPredicate::HttpResponseHeadersMatch(HttpHeadersMatch {
                headers: vec![status],
            })
        };
        match codes.as_slice() {
            [] => None,
            [only] => Some(has_code(only)),
            several => Some(MatchPredicate::OrMatch(MatchSet {
                rules: several.iter().map(has_code).collect(),
            })),
        }
    }
}

fn http2_options(http: Option<&HttpSettings>) -> Http2ProtocolOptions {
    let keepalive = http.and_then(|it| it.http2_keep_alive.as_ref());
    Http2ProtocolOptions {
        max_concurrent_streams: http.and_then(|it| it.max_concurrent_streams).and_then(positive),
        connection_keepalive: keepalive.map(|it| KeepaliveSettings {
            interval: it.interval.map(Into::into),
            timeout: it.timeout.map(Into::into),
        }),
        ..Http2ProtocolOptions::default()
    }
}
