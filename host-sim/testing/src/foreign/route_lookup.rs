//! What Envoy's router_check_tool looks at: the route that its table has for a request.
//!
//! The tool asks the table alone. So the cluster is the one that the route names, whether or not a fault answers first
//! and whether or not the cluster exists; a table has no virtual clusters; and whatever is not forwarded has the empty
//! name. <https://github.com/envoyproxy/envoy/blob/main/test/tools/router_check/router.cc>

use std::time::Duration;

use crate::check::{Check, CheckContext};
use crate::headers::scheme;
use crate::want_foreign::{Field, RouteLookup};

impl RouteLookup {
    /// Holds it against the route.
    pub(crate) fn evaluate(&self, cx: &CheckContext<'_>) -> Check {
        if let Some(error) = cx.outcome.error {
            return Check::Differs {
                expected: self.words(),
                actual: format!("no answer: {error}"),
            };
        }
        let upstream = cx.outcome.upstream.as_ref();
        let unknown = || match cx.forwards() {
            false => Ok(String::new()),
            true => Err("the upstream is not asked, so what it would receive is not known"),
        };
        match &self.field {
            Field::Cluster(wanted) => text(wanted, &self.cluster(cx)),
            Field::VirtualHost(wanted) => text(wanted, &virtual_host_name(cx)),
            Field::VirtualCluster(wanted) if wanted.is_empty() => Check::Holds(String::new()),
            Field::VirtualCluster(_) => Check::Unknown("Istio's tables have no virtual clusters".to_owned()),
            Field::Path(wanted) => match upstream.map_or_else(unknown, |it| Ok(it.path.clone())) {
                Ok(path) => text(wanted, &path),
                Err(reason) => Check::Unknown(reason.to_owned()),
            },
            Field::Host(wanted) => match upstream.map_or_else(unknown, |it| Ok(it.authority.clone())) {
                Ok(host) => text(wanted, &host),
                Err(reason) => Check::Unknown(reason.to_owned()),
            },
            Field::Redirect(wanted) => self.redirect(wanted, &location(cx), cx),
            Field::RedirectCode(wanted) => {
                let actual = match answers_itself(cx) {
                    true => u32::from(cx.outcome.status),
                    false => 0,
                };
                check(self.words(), actual.to_string(), *wanted == actual)
            }
            Field::GoesOn => {
                let actual = format!("it is answered: {}", cx.outcome.status);
                let is_so = cx.outcome.cluster.is_some();
                check(self.words(), actual, is_so)
            }
            Field::Timeout(wanted) => {
                let actual = timeout(cx);
                check(self.words(), format!("{actual:?}"), *wanted == actual)
            }
        }
    }

    fn words(&self) -> String {
        match &self.field {
            Field::Cluster(text)
            | Field::VirtualHost(text)
            | Field::VirtualCluster(text)
            | Field::Path(text)
            | Field::Host(text)
            | Field::Redirect(text) => shown(text),
            Field::RedirectCode(code) => code.to_string(),
            Field::Timeout(timeout) => format!("{timeout:?}"),
            Field::GoesOn => "the request goes on".to_owned(),
        }
    }

    /// The cluster of the route, or that of its shares on which the dice fall.
    fn cluster(&self, cx: &CheckContext<'_>) -> String {
        if let Some(cluster) = &cx.outcome.cluster {
            return cluster.clone();
        }
        let shares = cx.shares();
        let total: u64 = shares.iter().map(|it| u64::from(it.weight)).sum();
        let mut slot = self.roll % total.max(1);
        for share in shares {
            let weight = u64::from(share.weight);
            if slot < weight {
                return share.destination.cluster.clone();
            }
            slot -= weight;
        }
        String::new()
    }

    fn redirect(&self, wanted: &str, actual: &str, cx: &CheckContext<'_>) -> Check {
        let rest = |url: &str| url.split_once("://").map(|(_, rest)| rest.to_owned());
        let is_scheme_known = self.ssl == cx.sent.tls.is_some();
        if !is_scheme_known && wanted != actual && rest(wanted).is_some() && rest(wanted) == rest(actual) {
            let served = scheme(cx.sent);
            return Check::Unknown(format!("the host is served over {served} alone"));
        }
        text(wanted, actual)
    }
}

fn text(wanted: &str, actual: &str) -> Check {
    check(shown(wanted), shown(actual), wanted == actual)
}

fn shown(text: &str) -> String {
    match text {
        "" => "none".to_owned(),
        text => text.to_owned(),
    }
}

fn check(expected: String, actual: String, is_so: bool) -> Check {
    match is_so {
        true => Check::Holds(actual),
        false => Check::Differs { expected, actual },
    }
}

/// Whether a route answers without an upstream: a redirect or a direct response.
fn answers_itself(cx: &CheckContext<'_>) -> bool {
    let redirects = cx.outcome.response_headers.iter().any(|(it, _)| it == "location");
    !cx.forwards() && (cx.outcome.rule.is_some() || redirects)
}

/// Where the client is sent to. For a direct response the tool says the URL of the request itself.
fn location(cx: &CheckContext<'_>) -> String {
    if !answers_itself(cx) {
        return String::new();
    }
    let mut headers = cx.outcome.response_headers.iter();
    match headers.find(|(it, _)| it == "location") {
        Some((_, url)) => url.clone(),
        None => {
            let sent = cx.sent;
            format!("{}://{}{}", scheme(sent), sent.host(), sent.path)
        }
    }
}

/// The name of the virtual host of a route that forwards.
fn virtual_host_name(cx: &CheckContext<'_>) -> String {
    let found = cx.forwards().then(|| cx.proxy.virtual_host(cx.sent));
    let Some(host) = found.flatten() else {
        return String::new();
    };
    host.name.clone()
}

/// The `timeout` of the rule; a delegate that has none takes that of its root.
fn timeout(cx: &CheckContext<'_>) -> Duration {
    let steps = cx.outcome.rule.iter().flat_map(|it| it.rules.iter().rev());
    let resources = &cx.proxy.compilation.resources;
    let timeouts = steps.filter_map(|step| {
        let mut services = resources.virtual_services.iter();
        let service = services.find(|it| it.meta.qualified_name() == step.virtual_service)?;
        service.spec.http.get(usize::try_from(step.http).ok()?)?.timeout
    });
    let mut timeouts = timeouts.filter(|_| cx.forwards());
    timeouts.next().unwrap_or_default()
}
