//! Says which rule would have taken a request if Istio had not dropped it.
//!
//! Tools that read VirtualServices by themselves know nothing of that: a delegate whose matches contradict those of its
//! root works there, and answers 404 in a mesh. What is dropped was decided by the compiler.

use fingerpost_envoy_http::domain::fit;
use fingerpost_resources::{HttpRoute, StringMatch};
use fingerpost_routing::Pattern;
use fingerpost_simulated_proxy::host_of;

use crate::evaluate::CheckContext;

/// The first finding about a rule behind a delegate that was dropped, where the rule that delegates would take the
/// request.
pub(crate) fn dropped(cx: &CheckContext<'_>) -> Option<String> {
    let host = host_of(&cx.sent.authority).to_ascii_lowercase();
    let path = cx.sent.path.split('?').next().unwrap_or_default();
    let compilation = &cx.proxy.compilation;
    let roots = compilation.resources.virtual_services.iter();
    let roots = roots.filter(|it| {
        it.spec
            .hosts
            .iter()
            .any(|domain| fit(&domain.to_ascii_lowercase(), &host).is_some())
    });
    let delegates = roots.flat_map(|root| {
        let rules = root.spec.http.iter().filter(|it| takes(it, path));
        rules.filter_map(|it| it.delegate.as_ref()).map(|it| {
            let namespace = match it.namespace.as_str() {
                "" => &root.meta.namespace,
                namespace => namespace,
            };
            format!("VirtualService {namespace}/{}", it.name)
        })
    });
    let names: Vec<String> = delegates.collect();
    let mut findings = compilation.findings.iter();
    let finding = findings.find(|it| it.code == "delegate-conflict" && names.contains(&it.subject))?;
    let place = finding
        .span
        .as_ref()
        .map(|it| format!("  {}:{}", it.file, it.line));
    Some(format!(
        "{}, {}: {}{}",
        finding.subject,
        finding.path,
        finding.message,
        place.unwrap_or_default()
    ))
}

/// Whether one of the rule's conditions on the path holds.
fn takes(rule: &HttpRoute, path: &str) -> bool {
    let accepts = |uri: &StringMatch| match uri {
        StringMatch::Present => true,
        StringMatch::Exact(text) => path == text,
        StringMatch::Prefix(text) => path.starts_with(text.as_str()),
        StringMatch::Regex(text) => Pattern::parse(text).is_ok_and(|it| it.accepts(path.as_bytes())),
    };
    let mut matches = rule.matches.iter();
    rule.matches.is_empty() || matches.any(|it| it.uri.as_ref().is_none_or(accepts))
}
