//! Says which rule would have taken a request if Istio had not dropped it.
//!
//! Tools that read VirtualServices by themselves do not do that: a delegate whose matches contradict those of its
//! root works there, and answers 404 in a mesh. What is dropped was decided by the compiler.

use fingerpost_envoy_http::domain::fit;
use fingerpost_envoy_http::path::normalise;
use fingerpost_resources::{Code, HttpMatchRequest, HttpRoute, StringMatch};
use fingerpost_routing::{PathMatch, Pattern};
use fingerpost_simulated_proxy::host_of;

use crate::check::CheckContext;

/// The first finding about a rule behind a delegate that was dropped, where the rule that delegates would take the
/// request.
pub(crate) fn dropped(cx: &CheckContext<'_>) -> Option<String> {
    let host = host_of(cx.sent.host()).to_ascii_lowercase();
    let target = normalise(cx.sent.path.as_bytes());
    let path = target.split(|it| *it == b'?').next().unwrap_or_default();
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
    let finding = findings.find(|it| it.code == Code::DelegateConflict && names.contains(&it.subject))?;
    let place = finding.span.as_ref().map(|it| format!("  {it}"));
    Some(format!(
        "{}, {}: {}{}",
        finding.subject,
        finding.path,
        finding.message,
        place.unwrap_or_default()
    ))
}

/// Whether one of the rule's conditions on the path holds.
fn takes(rule: &HttpRoute, path: &[u8]) -> bool {
    let accepts = |request: &HttpMatchRequest| {
        let ignore_case = request.ignore_uri_case.unwrap_or_default();
        match &request.uri {
            None | Some(StringMatch::Present) => true,
            Some(uri) => path_match(uri, ignore_case).is_some_and(|it| it.accepts(path)),
        }
    };
    rule.matches.is_empty() || rule.matches.iter().any(accepts)
}

/// The condition as routing has it; none if it is a pattern that can't be read, or no condition.
fn path_match(uri: &StringMatch, ignore_case: bool) -> Option<PathMatch> {
    Some(match uri {
        StringMatch::Present => return None,
        StringMatch::Exact(text) => PathMatch::Exact {
            path: text.as_str().into(),
            ignore_case,
        },
        StringMatch::Prefix(text) => PathMatch::Prefix {
            prefix: text.as_str().into(),
            ignore_case,
        },
        StringMatch::Regex(text) => PathMatch::Regex(Pattern::parse(text).ok()?),
    })
}
