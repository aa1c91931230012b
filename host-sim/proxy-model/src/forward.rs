//! A route that leads to a cluster: Envoy's `RouteAction`.

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::route::{
    ClusterSpecifier, ClusterWeight, HashPolicy, RequestMirrorPolicy, RouteAction,
};
use fingerpost_envoy_http::header_map::{Headers, get, set, values};

use crate::ModelError;
use crate::dice::{Fraction, StreamRoll, pick};
use crate::edits::Edits;
use crate::read::milliseconds;
use crate::rewrite::Rewrite;

/// Where requests go, and what changes on the way.
#[derive(Debug)]
pub(crate) struct Forward {
    shares: Vec<Share>,
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) host: Option<String>,
    timeout: Timeout,
    mirrors: Vec<Mirror>,
    /// Cookies that a hashing cluster gives to clients without.
    cookies: Vec<String>,
}

/// A destination and its part of the sum of all weights.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) cluster: String,
    weight: u64,
    pub(crate) host: Option<String>,
    pub(crate) request_edits: Edits,
    pub(crate) response_edits: Edits,
}

#[derive(Debug)]
struct Mirror {
    cluster: String,
    fraction: Fraction,
}

/// Milliseconds; 0 means no limit.
#[derive(Debug)]
struct Timeout {
    whole: u64,
    each_try: u64,
    /// What caps the wish of a gRPC client; none if such wishes don't count.
    grpc_cap: Option<u64>,
}

/// Envoy's default where a route sets no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

impl Forward {
    pub(crate) fn read(action: RouteAction) -> Result<Self, ModelError> {
        let RouteAction {
            cluster,
            host_rewrite_literal,
            timeout,
            retry_policy,
            max_grpc_timeout,
            request_mirror_policies,
            hash_policy,
            prefix_rewrite,
            regex_rewrite,
        } = action;
        let shares: Vec<Share> = match cluster {
            ClusterSpecifier::Cluster(cluster) => vec![Share {
                cluster,
                weight: 1,
                host: None,
                request_edits: Edits::default(),
                response_edits: Edits::default(),
            }],
            ClusterSpecifier::WeightedClusters(several) => {
                several.clusters.into_iter().map(Share::read).collect()
            }
        };
        if shares.iter().map(|it| it.weight).sum::<u64>() == 0 {
            return Err(ModelError::new("the weights add up to nothing"));
        }
        // Of a retry policy only what the upstream sees of it.
        let each_try = retry_policy.and_then(|it| it.per_try_timeout);
        let mirrors = request_mirror_policies.into_iter().map(Mirror::read);
        Ok(Self {
            shares,
            rewrite: Rewrite::read(prefix_rewrite, regex_rewrite)?,
            host: host_rewrite_literal.filter(|it| !it.is_empty()),
            timeout: Timeout {
                whole: milliseconds(timeout.unwrap_or(DEFAULT_TIMEOUT)),
                each_try: each_try.map_or(0, milliseconds),
                grpc_cap: max_grpc_timeout.map(milliseconds),
            },
            mirrors: mirrors.collect::<Result<_, _>>()?,
            cookies: hash_policy.into_iter().filter_map(given_cookie).collect(),
        })
    }

    /// The destination of one request.
    pub(crate) fn pick(&self, dice: &mut StreamRoll<'_>) -> Option<&Share> {
        pick(&self.shares, |it| it.weight, dice)
    }

    /// The clusters that get a copy of one request.
    pub(crate) fn mirrors(&self, dice: &mut StreamRoll<'_>) -> Vec<&str> {
        let taken = self
            .mirrors
            .iter()
            .filter(|it| it.fraction.takes(|| dice.stable()));
        taken.map(|it| it.cluster.as_str()).collect()
    }

    /// Whether a hashing cluster would give the client a cookie.
    pub(crate) fn gives_a_cookie(&self, request: &Headers) -> bool {
        self.cookies.iter().any(|name| !has_cookie(request, name))
    }

    /// Writes into the request how long Envoy waits for the upstream, and returns it, in milliseconds; 0 means no limit.
    pub(crate) fn set_timeout(&self, request: &mut Headers, is_grpc: bool) -> u64 {
        let Timeout {
            whole,
            each_try,
            grpc_cap,
        } = self.timeout;
        let whole = match grpc_cap.filter(|_| is_grpc) {
            None => whole,
            // 0 means no limit, in the client's wish and in the cap.
            Some(cap) => match (grpc_timeout(request).unwrap_or(0), cap) {
                (wish, 0) | (0, wish) => wish,
                (wish, cap) => wish.min(cap),
            },
        };
        let expected = match (each_try, whole) {
            (0, whole) => whole,
            (each_try, 0) => each_try,
            (each_try, whole) => each_try.min(whole),
        };
        if expected > 0 {
            set(request, "x-envoy-expected-rq-timeout-ms", expected.to_string());
            if is_grpc && grpc_cap.is_some() {
                set(request, "grpc-timeout", as_grpc_timeout(expected));
            }
        }
        expected
    }
}

/// Whether a client has this cookie, with a value.
fn has_cookie(request: &Headers, name: &str) -> bool {
    let pairs = values(request, "cookie").flat_map(|value| value.split(|byte| *byte == b';'));
    pairs.into_iter().any(|pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes());
        let value = value.and_then(|it| it.strip_prefix(b"="));
        value.is_some_and(|it| !it.is_empty() && it != b"\"\"")
    })
}

/// Milliseconds as gRPC writes them: with eight digits at most, in a coarser unit if need be.
fn as_grpc_timeout(milliseconds: u64) -> String {
    let mut count = milliseconds;
    for (unit, next) in [("m", 1_000), ("S", 60), ("M", 60)] {
        if count <= MOST_GRPC_TIME {
            return format!("{count}{unit}");
        }
        count /= next;
    }
    format!("{}H", count.min(MOST_GRPC_TIME))
}

const MOST_GRPC_TIME: u64 = 99_999_999;

/// How long a gRPC client is ready to wait, in milliseconds; finer units are rounded up.
fn grpc_timeout(request: &Headers) -> Option<u64> {
    let text = std::str::from_utf8(get(request, "grpc-timeout")?).ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => count * 3_600_000,
        "M" => count * 60_000,
        "S" => count * 1_000,
        "m" => count,
        "u" => count.div_ceil(1_000),
        "n" => count.div_ceil(1_000_000),
        _ => return None,
    })
}

/// The cookie that Envoy gives to clients without. Which endpoint a hash leads to makes no difference to an echo.
fn given_cookie(policy: HashPolicy) -> Option<String> {
    match policy {
        HashPolicy::Cookie(cookie) => cookie.ttl.map(|_| cookie.name),
        HashPolicy::Header(_) | HashPolicy::ConnectionProperties(_) | HashPolicy::QueryParameter(_) => None,
    }
}

impl Share {
    fn read(share: ClusterWeight) -> Self {
        let ClusterWeight {
            name,
            weight,
            request_headers_to_add,
            request_headers_to_remove,
            response_headers_to_add,
            response_headers_to_remove,
            host_rewrite_literal,
        } = share;
        Self {
            cluster: name,
            weight: weight.into(),
            host: host_rewrite_literal.filter(|it| !it.is_empty()),
            request_edits: Edits::read(request_headers_to_add, request_headers_to_remove),
            response_edits: Edits::read(response_headers_to_add, response_headers_to_remove),
        }
    }
}

impl Mirror {
    fn read(policy: RequestMirrorPolicy) -> Result<Self, ModelError> {
        let RequestMirrorPolicy {
            cluster,
            runtime_fraction,
            trace_sampled: _,
            disable_shadow_host_suffix_append,
        } = policy;
        if !disable_shadow_host_suffix_append {
            return Err(ModelError::new("a mirror that changes the host is not modelled").within(cluster));
        }
        let all = Fraction {
            numerator: 1,
            denominator: 1,
        };
        Ok(Self {
            cluster,
            fraction: runtime_fraction.map_or(all, |it| it.default_value.into()),
        })
    }
}
