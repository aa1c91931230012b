//! Carries a decision out. All writes to a request are here.

use crate::{HeadParts, Host, HostError};
use fingerpost_routing::{Decision, RewrittenBy};
use fingerpost_routing_config::{DISPATCH_HEADER, RULE_PROPERTY, VIRTUAL_HOST_PROPERTY};

/// Where Envoy's own router keeps the path as it was, and so do we.
const ORIGINAL_PATH: &str = "x-envoy-original-path";

/// Carries a decision out on the request that it was made about.
///
/// Without a route nothing is written, and the proxy answers 404 by itself. The key is written last: if a call
/// before it fails, the request leads nowhere rather than somewhere with the wrong path.
pub fn apply(decision: &Decision<'_>, parts: &HeadParts<'_>, host: &impl Host) -> Result<(), HostError> {
    apply_rewrite(decision, parts, host)?;
    apply_destination(decision, parts, host)
}

/// Names the rule and the virtual host of a decision, for access logs. Native routes cannot: rules that do the same share one.
///
/// A name that the proxy refuses is missing, and nothing else: no request fails for its sake.
pub fn name_rule(decision: &Decision<'_>, host: &impl Host) {
    if let Some((virtual_host, route)) = decision.route() {
        let rule = route.rule.to_string();
        let _refused = host.set_property(RULE_PROPERTY, rule.as_bytes());
        let _refused = host.set_property(VIRTUAL_HOST_PROPERTY, virtual_host.name().as_bytes());
    }
}

/// Names the destination, as [`apply`] does, and leaves the path alone.
pub fn apply_destination(
    decision: &Decision<'_>,
    parts: &HeadParts<'_>,
    host: &impl Host,
) -> Result<(), HostError> {
    match decision.key() {
        Some(key) => host.set_request_header(DISPATCH_HEADER, key.as_str().as_bytes()),
        // The connection manager removes the client's own. This is for one that was not told to.
        None if parts.has_key() => host.remove_request_header(DISPATCH_HEADER),
        None => Ok(()),
    }
}

/// Changes the path, as [`apply`] does, and names no destination.
pub fn apply_rewrite(
    decision: &Decision<'_>,
    parts: &HeadParts<'_>,
    host: &impl Host,
) -> Result<(), HostError> {
    let Some(target) = rewritten(decision) else {
        return Ok(());
    };
    host.set_request_header(ORIGINAL_PATH, parts.head().target().unwrap_or_default())?;
    host.set_request_header(":path", target)
}

/// The target that a decision has a filter write, not Envoy.
pub fn rewritten<'d>(decision: &'d Decision<'_>) -> Option<&'d [u8]> {
    match decision {
        Decision::NoVirtualHost | Decision::NoRoute(_) | Decision::UpgradeRefused(_) => None,
        Decision::Routed(resolved) => match resolved.route.rewritten_by {
            RewrittenBy::Envoy => None,
            RewrittenBy::Filter => resolved.target.as_deref(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{apply, name_rule};
    use crate::scripted::Scripted;
    use crate::{Host, configure, read_head};
    use fingerpost_routing::Roll;

    const CONFIGURATION: &str = r#"{"version":1,"upgrades":{"refused_by":"refused"},"virtual_hosts":[{"name":"h","domains":["*"],"routes":[
        {"rule":{"rules":[]},"match":{"path":{"prefix":"/old"}},"rewrite":{"uri":"/new"},
         "action":{"forward":[{"cluster":"c","key":"k1"}]}},
        {"rule":{"rules":[]},"match":{"path":{"exact":"/native"}},"rewrite":{"uri":"/new"},"rewritten_by":"envoy",
         "action":{"reply":{"key":"k2"}}}]}]}"#;

    #[track_caller]
    fn check(host: &Scripted, fails: bool, done: &[&str]) {
        let (_, table) = configure(host).unwrap();
        let block = host.request_headers().unwrap();
        let parts = read_head(&block).unwrap();
        let table = table.table();
        let decision = table.decide(&parts.head(), || Roll(0));
        assert_eq!(apply(&decision, &parts, host).is_err(), fails);
        assert_eq!(*host.done.borrow(), done);
    }

    fn request(headers: &[(&'static str, &'static str)]) -> Scripted {
        Scripted {
            configuration: CONFIGURATION.into(),
            headers: headers.to_vec(),
            ..Scripted::default()
        }
    }

    #[test]
    fn a_rewrite_keeps_the_old_path_and_sets_the_key_last() {
        check(
            &request(&[(":path", "/old/a?q")]),
            false,
            &[
                "x-envoy-original-path = /old/a?q",
                ":path = /new/a?q",
                "x-fingerpost-route = k1",
            ],
        );
    }

    #[test]
    fn a_rewrite_of_envoys_is_left_to_it() {
        check(
            &request(&[(":path", "/native")]),
            false,
            &["x-fingerpost-route = k2"],
        );
    }

    #[test]
    fn an_upgrade_that_is_refused_keeps_its_path() {
        check(
            &request(&[(":path", "/old/a"), ("upgrade", "other")]),
            false,
            &["x-fingerpost-route = refused"],
        );
    }

    #[test]
    fn without_a_route_nothing_is_written() {
        check(&request(&[(":path", "/none")]), false, &[]);
        check(&request(&[(":path", "/none"), ("upgrade", "other")]), false, &[]);
    }

    #[test]
    fn a_rule_and_its_virtual_host_are_named_and_no_request_fails_for_that() {
        for (refuses, path, done) in [
            (
                None,
                "/old",
                &[
                    "property fingerpost.rule = d/v http[2].match[0]",
                    "property fingerpost.virtual_host = h",
                ][..],
            ),
            (Some("property"), "/old", &[]),
            (None, "/none", &[]),
        ] {
            let host = Scripted {
                configuration: CONFIGURATION
                    .replacen(r#""version":1,"#, r#""version":1,"name_rules":true,"#, 1)
                    .replacen(
                        r#"{"rules":[]}"#,
                        r#"{"rules":[{"virtual_service":"d/v","http":2}],"match":"0"}"#,
                        1,
                    )
                    .into(),
                refuses,
                ..request(&[(":path", path)])
            };
            let (_, table) = configure(&host).unwrap();
            let block = host.request_headers().unwrap();
            let table = table.table();
            name_rule(
                &table.decide(&read_head(&block).unwrap().head(), || Roll(0)),
                &host,
            );
            assert_eq!(*host.done.borrow(), done);
        }
    }

    #[test]
    fn the_clients_own_key_never_stays() {
        let key = ("x-fingerpost-route", "k1");
        check(
            &request(&[(":path", "/none"), key]),
            false,
            &["x-fingerpost-route removed"],
        );
        check(
            &request(&[(":path", "/native"), key]),
            false,
            &["x-fingerpost-route = k2"],
        );
    }

    #[test]
    fn when_the_path_cannot_be_set_the_request_leads_nowhere() {
        let host = Scripted {
            refuses: Some(":path"),
            ..request(&[(":path", "/old")])
        };
        check(&host, true, &["x-envoy-original-path = /old"]);
    }

    #[test]
    fn a_configuration_that_cannot_be_taken_is_named_in_the_log() {
        let host = Scripted {
            configuration: br#"{"version":9}"#.to_vec(),
            ..Scripted::default()
        };
        assert!(configure(&host).is_none());
        assert_eq!(
            *host.done.borrow(),
            ["Error fingerpost: configuration refused: version: 9 is unknown; this filter reads version 1"]
        );
    }
}
