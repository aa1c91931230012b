//! The rules of Envoy's protos on the fields that we write.
//!
//! Source: the `validate.rules` of Envoy's `api/envoy/…/v3/*.proto` at 1.40, and what its factories check beyond them.
//! Rules that no value of ours can break are left out. Each was tried with `envoy --mode validate`.

use fingerpost_envoy_http::header;
use serde_json::Value;

use super::values::{LARGEST_RING, LONGEST_EDIT, LONGEST_PARAMETER, LONGEST_SOCKET_PATH, MOST_EDITS};
use super::walk::Fields;
use super::whole::{
    chains_differ, domains_differ, is_an_ip_address, is_body, is_edit_value, is_server_name, is_table_size,
    names_differ, weights_fit,
};

/// What holds for a field.
pub(crate) enum Rule {
    Text(TextRule),
    Number {
        least: u64,
        most: u64,
    },
    /// A `Percent`, from 0 to 100.
    Percent,
    Duration {
        positive: bool,
    },
    /// What is wrong with the value, if anything is.
    Is(fn(&Value) -> Option<String>),
    Message(&'static Message),
    /// A message that names its type.
    Typed,
    /// A list of so many items.
    Each {
        least: usize,
        most: usize,
        rule: &'static Rule,
    },
    /// The values of a map.
    Values(&'static Rule),
}

/// How long a text may be, in bytes, and whether line breaks and NUL are forbidden.
pub(crate) struct TextRule {
    least: usize,
    most: usize,
    one_line: bool,
}

impl TextRule {
    /// What is wrong with `text`, if anything is.
    pub(crate) fn broken_by(&self, text: &str) -> Option<String> {
        if !(self.least..=self.most).contains(&text.len()) {
            return Some(format!(
                "{} bytes: expected {} to {}",
                text.len(),
                self.least,
                self.most
            ));
        }
        let forbidden = header::forbidden_anywhere(text).filter(|_| self.one_line)?;
        Some(format!("{forbidden:?} is not allowed"))
    }
}

/// The rules of one message.
pub(crate) struct Message {
    /// Those of its fields.
    pub fields: &'static [(&'static str, Rule)],
    /// What must hold for several fields together.
    pub check: Option<fn(&Fields) -> Option<String>>,
}

const fn message(fields: &'static [(&'static str, Rule)]) -> Message {
    Message { fields, check: None }
}

const fn each(rule: &'static Rule) -> Rule {
    at_least(0, rule)
}

const fn at_least(least: usize, rule: &'static Rule) -> Rule {
    Rule::Each {
        least,
        most: usize::MAX,
        rule,
    }
}

const GIVEN: Rule = Rule::Text(TextRule {
    least: 1,
    most: usize::MAX,
    one_line: false,
});
const LINE: Rule = Rule::Text(TextRule {
    least: 0,
    most: usize::MAX,
    one_line: true,
});
const NAME: Rule = Rule::Text(TextRule {
    least: 1,
    most: usize::MAX,
    one_line: true,
});
const DURATION: Rule = Rule::Duration { positive: false };
const POSITIVE: Rule = Rule::Duration { positive: true };
const PERCENT: Rule = Rule::Number { least: 0, most: 100 };
const STATUS: Rule = Rule::Number {
    least: 200,
    most: 599,
};
const U32: Rule = Rule::Number {
    least: 0,
    most: u32::MAX as u64,
};

/// The rules of the messages that are packed with their types.
pub(crate) fn message_of(type_url: &str) -> Option<&'static Message> {
    let name = type_url.rsplit('/').next().unwrap_or(type_url);
    Some(match name {
        "envoy.config.route.v3.Route" => &ROUTE,
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager" => &MANAGER,
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy" => &TCP_PROXY,
        "envoy.extensions.filters.http.cors.v3.CorsPolicy" => &CORS,
        "envoy.extensions.filters.http.fault.v3.HTTPFault" => &FAULT,
        _ => return None,
    })
}

pub(crate) static BOOTSTRAP: Message = message(&[("static_resources", Rule::Message(&STATIC_RESOURCES))]);

static STATIC_RESOURCES: Message = message(&[
    ("listeners", each(&Rule::Message(&LISTENER))),
    ("clusters", Rule::Is(names_differ)),
    ("clusters", each(&Rule::Message(&CLUSTER))),
]);

static ADDRESS: Message = message(&[
    ("socket_address", Rule::Message(&SOCKET_ADDRESS)),
    ("pipe", Rule::Message(&PIPE)),
]);
static SOCKET_ADDRESS: Message = message(&[
    ("address", GIVEN),
    (
        "port_value",
        Rule::Number {
            least: 0,
            most: 65_535,
        },
    ),
]);
static PIPE: Message = message(&[(
    "path",
    Rule::Text(TextRule {
        least: 1,
        most: LONGEST_SOCKET_PATH,
        one_line: true,
    }),
)]);

static LISTENER: Message = Message {
    fields: &[
        ("address", Rule::Message(&ADDRESS)),
        ("address", Rule::Is(is_an_ip_address)),
        ("filter_chains", at_least(1, &Rule::Message(&FILTER_CHAIN))),
    ],
    check: Some(chains_differ),
};
static FILTER_CHAIN: Message = message(&[
    ("filter_chain_match", Rule::Message(&CHAIN_MATCH)),
    ("filters", each(&Rule::Message(&FILTER))),
]);
static CHAIN_MATCH: Message = message(&[("server_names", each(&Rule::Is(is_server_name)))]);
static FILTER: Message = message(&[("typed_config", Rule::Typed)]);

static MANAGER: Message = message(&[
    ("stat_prefix", GIVEN),
    ("route_config", Rule::Message(&ROUTE_CONFIG)),
]);
static TCP_PROXY: Message = message(&[
    ("stat_prefix", GIVEN),
    ("cluster", GIVEN),
    ("weighted_clusters", Rule::Message(&TCP_WEIGHTS)),
]);
static TCP_WEIGHTS: Message = message(&[("clusters", at_least(1, &Rule::Message(&TCP_WEIGHT)))]);
static TCP_WEIGHT: Message = message(&[
    ("name", GIVEN),
    (
        "weight",
        Rule::Number {
            least: 1,
            most: u32::MAX as u64,
        },
    ),
]);

static ROUTE_CONFIG: Message = Message {
    fields: &[("virtual_hosts", each(&Rule::Message(&VIRTUAL_HOST)))],
    check: Some(domains_differ),
};
static VIRTUAL_HOST: Message = message(&[
    ("name", GIVEN),
    ("domains", at_least(1, &LINE)),
    ("routes", each(&Rule::Message(&ROUTE))),
    ("matcher", Rule::Message(&MATCHER)),
]);
static MATCHER: Message = message(&[("matcher_tree", Rule::Message(&MATCHER_TREE))]);
static MATCHER_TREE: Message = message(&[("exact_match_map", Rule::Message(&MATCH_MAP))]);
static MATCH_MAP: Message = message(&[("map", Rule::Values(&Rule::Message(&ON_MATCH)))]);
static ON_MATCH: Message = message(&[("action", Rule::Message(&FILTER))]);

static ROUTE: Message = message(&[
    ("match", Rule::Message(&ROUTE_MATCH)),
    ("route", Rule::Message(&ROUTE_ACTION)),
    ("redirect", Rule::Message(&REDIRECT)),
    ("direct_response", Rule::Message(&DIRECT_RESPONSE)),
    ("request_headers_to_add", ADDED),
    ("response_headers_to_add", ADDED),
    ("request_headers_to_remove", REMOVED),
    ("response_headers_to_remove", REMOVED),
    ("typed_per_filter_config", Rule::Values(&Rule::Typed)),
]);
const ADDED: Rule = Rule::Each {
    least: 0,
    most: MOST_EDITS,
    rule: &Rule::Message(&HEADER_OPTION),
};
const REMOVED: Rule = each(&NAME);
static HEADER_OPTION: Message = message(&[("header", Rule::Message(&HEADER_VALUE))]);
static HEADER_VALUE: Message = message(&[
    (
        "key",
        Rule::Text(TextRule {
            least: 1,
            most: LONGEST_EDIT,
            one_line: true,
        }),
    ),
    ("value", Rule::Is(is_edit_value)),
]);

static ROUTE_MATCH: Message = message(&[
    ("safe_regex", Rule::Message(&REGEX)),
    ("headers", each(&Rule::Message(&HEADER_MATCH))),
    ("query_parameters", each(&Rule::Message(&QUERY_MATCH))),
]);
static REGEX: Message = message(&[("regex", GIVEN)]);
static HEADER_MATCH: Message = message(&[("name", NAME), ("string_match", Rule::Message(&STRING_MATCH))]);
static QUERY_MATCH: Message = message(&[
    (
        "name",
        Rule::Text(TextRule {
            least: 1,
            most: LONGEST_PARAMETER,
            one_line: false,
        }),
    ),
    ("string_match", Rule::Message(&STRING_MATCH)),
]);
static STRING_MATCH: Message = message(&[("prefix", GIVEN), ("safe_regex", Rule::Message(&REGEX))]);

static ROUTE_ACTION: Message = message(&[
    ("cluster", GIVEN),
    ("weighted_clusters", Rule::Message(&WEIGHTS)),
    ("host_rewrite_literal", LINE),
    ("prefix_rewrite", LINE),
    ("regex_rewrite", Rule::Message(&REGEX_REWRITE)),
    ("timeout", DURATION),
    ("max_grpc_timeout", DURATION),
    ("retry_policy", Rule::Message(&RETRY)),
    ("request_mirror_policies", each(&Rule::Message(&MIRROR))),
    ("hash_policy", each(&Rule::Message(&HASH))),
]);
static REGEX_REWRITE: Message = message(&[("pattern", Rule::Message(&REGEX)), ("substitution", LINE)]);
static WEIGHTS: Message = Message {
    fields: &[("clusters", at_least(1, &Rule::Message(&WEIGHT)))],
    check: Some(weights_fit),
};
static WEIGHT: Message = message(&[
    ("name", GIVEN),
    ("weight", U32),
    ("host_rewrite_literal", LINE),
    ("request_headers_to_add", ADDED),
    ("response_headers_to_add", ADDED),
    ("request_headers_to_remove", REMOVED),
    ("response_headers_to_remove", REMOVED),
]);
static RETRY: Message = message(&[
    ("num_retries", U32),
    ("per_try_timeout", DURATION),
    ("retry_back_off", Rule::Message(&BACK_OFF)),
]);
static BACK_OFF: Message = message(&[("base_interval", POSITIVE)]);
static MIRROR: Message = message(&[("cluster", GIVEN), ("runtime_fraction", Rule::Message(&FRACTION))]);
static FRACTION: Message = message(&[("default_value", Rule::Message(&FRACTIONAL_PERCENT))]);
static FRACTIONAL_PERCENT: Message = message(&[("numerator", U32)]);
static HASH: Message = message(&[
    ("header", Rule::Message(&HASH_HEADER)),
    ("cookie", Rule::Message(&HASH_COOKIE)),
    ("query_parameter", Rule::Message(&HASH_QUERY)),
]);
static HASH_HEADER: Message = message(&[("header_name", NAME)]);
static HASH_COOKIE: Message = message(&[("name", GIVEN), ("ttl", DURATION)]);
static HASH_QUERY: Message = message(&[("name", GIVEN)]);

static REDIRECT: Message = message(&[
    ("host_redirect", LINE),
    ("path_redirect", LINE),
    ("prefix_rewrite", LINE),
    ("port_redirect", U32),
]);
static DIRECT_RESPONSE: Message = message(&[("status", STATUS), ("body", Rule::Is(is_body))]);

static CORS: Message = message(&[("allow_origin_string_match", each(&Rule::Message(&STRING_MATCH)))]);
static FAULT: Message = message(&[("delay", Rule::Message(&DELAY)), ("abort", Rule::Message(&ABORT))]);
static DELAY: Message = message(&[
    ("fixed_delay", POSITIVE),
    ("percentage", Rule::Message(&FRACTIONAL_PERCENT)),
]);
static ABORT: Message = message(&[
    ("http_status", STATUS),
    ("percentage", Rule::Message(&FRACTIONAL_PERCENT)),
]);

static CLUSTER: Message = message(&[
    ("name", GIVEN),
    ("connect_timeout", POSITIVE),
    ("load_assignment", Rule::Message(&ASSIGNMENT)),
    ("ring_hash_lb_config", Rule::Message(&RING)),
    ("maglev_lb_config", Rule::Message(&MAGLEV)),
    ("outlier_detection", Rule::Message(&OUTLIER)),
    ("common_lb_config", Rule::Message(&COMMON_LB)),
    ("circuit_breakers", Rule::Message(&BREAKERS)),
    (
        "upstream_connection_options",
        Rule::Message(&UPSTREAM_CONNECTION_OPTIONS),
    ),
]);
static UPSTREAM_CONNECTION_OPTIONS: Message = message(&[("tcp_keepalive", Rule::Message(&TCP_KEEPALIVE))]);
static TCP_KEEPALIVE: Message = message(&[
    ("keepalive_probes", U32),
    ("keepalive_time", U32),
    ("keepalive_interval", U32),
]);
static ASSIGNMENT: Message = message(&[("endpoints", each(&Rule::Message(&LOCALITY)))]);
static LOCALITY: Message = message(&[("lb_endpoints", each(&Rule::Message(&LB_ENDPOINT)))]);
static LB_ENDPOINT: Message = message(&[
    ("endpoint", Rule::Message(&ENDPOINT)),
    (
        "load_balancing_weight",
        Rule::Number {
            least: 1,
            most: u32::MAX as u64,
        },
    ),
]);
static ENDPOINT: Message = message(&[("address", Rule::Message(&ADDRESS))]);
static RING: Message = message(&[(
    "minimum_ring_size",
    Rule::Number {
        least: 0,
        most: LARGEST_RING,
    },
)]);
static MAGLEV: Message = message(&[("table_size", Rule::Is(is_table_size))]);
static OUTLIER: Message = message(&[
    ("interval", POSITIVE),
    ("base_ejection_time", POSITIVE),
    ("max_ejection_percent", PERCENT),
    ("consecutive_5xx", U32),
    ("consecutive_gateway_failure", U32),
    ("consecutive_local_origin_failure", U32),
]);
static COMMON_LB: Message = message(&[("healthy_panic_threshold", Rule::Percent)]);
static BREAKERS: Message = message(&[("thresholds", each(&Rule::Message(&THRESHOLDS)))]);
static THRESHOLDS: Message = message(&[
    ("max_connections", U32),
    ("max_pending_requests", U32),
    ("max_requests", U32),
    ("max_retries", U32),
]);
