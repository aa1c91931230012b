//! CORS policies that no browser's request meets.

use fingerpost_resources::{Code, Diagnostics, HttpMatchRequest, Resource, StringMatch, VirtualService};

use crate::virtual_services::{BoundVirtualService, Rule};

/// Reports origins without a scheme.
pub(super) fn origins(resource: &Resource<VirtualService>, diagnostics: &mut Diagnostics) {
    for (index, rule) in resource.spec.http.iter().enumerate() {
        let Some(policy) = &rule.cors_policy else { continue };
        let exact = policy
            .allow_origins
            .iter()
            .enumerate()
            .filter_map(|(index, it)| match it {
                StringMatch::Exact(text) => Some((format!("allowOrigins[{index}].exact"), text)),
                StringMatch::Present | StringMatch::Prefix(_) | StringMatch::Regex(_) => None,
            });
        let deprecated = policy.allow_origin.iter().enumerate();
        let deprecated = deprecated.map(|(index, text)| (format!("allowOrigin[{index}]"), text));
        for (field, origin) in exact.chain(deprecated) {
            if matches!(origin.as_str(), "" | "*" | "null") || origin.contains("://") {
                continue;
            }
            let message = format!("no browser sends the origin `{origin}`: an origin begins with a scheme");
            diagnostics
                .warn(Code::CorsOrigin, message)
                .on(&resource.origin, format!("spec.http[{index}].corsPolicy.{field}"))
                .help(format!("write `https://{origin}`"));
        }
    }
}

/// Reports policies whose rule takes no preflight, where no other rule with a policy does.
pub(super) fn preflights(service: &BoundVirtualService<'_>, diagnostics: &mut Diagnostics) {
    let with_policy = || service.rules.iter().filter(|it| it.route.cors_policy.is_some());
    if with_policy().any(takes_preflights) {
        return;
    }
    for rule in with_policy() {
        let Some(reason) = rule.matches.iter().find_map(|(_, it)| obstacle(it)) else {
            continue;
        };
        let message = format!(
            "a browser's preflight never comes to this rule: it is an OPTIONS request without the headers of the request, and a match wants {reason}"
        );
        diagnostics
            .warn(Code::CorsPreflight, message)
            .on(&rule.leaf.origin, format!("{}.corsPolicy", rule.path))
            .help("add a rule for `method: {exact: OPTIONS}` with the same corsPolicy");
    }
}

fn takes_preflights(rule: &Rule<'_>) -> bool {
    rule.matches.is_empty() || rule.matches.iter().any(|(_, it)| obstacle(it).is_none())
}

/// What of a match no preflight has.
fn obstacle(request: &HttpMatchRequest) -> Option<String> {
    if let Some(StringMatch::Exact(method)) = &request.method
        && method != "OPTIONS"
    {
        return Some(format!("the method {method}"));
    }
    let sent = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with(':')
            || name.starts_with("access-control-request-")
            || ["origin", "host", "user-agent", "accept", "referer"].contains(&name.as_str())
    };
    let name = request.headers.keys().find(|name| !sent(name))?;
    Some(format!("the header {name}"))
}
