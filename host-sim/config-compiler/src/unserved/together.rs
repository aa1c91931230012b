//! Reasons that many resources can have alike: one finding names them all.

use fingerpost_resources::{Diagnostic, UnreadRoute};

use super::{Cause, Part, Unserved, sentences};

/// Whether it is reported together with others.
pub(super) fn has(unserved: &Unserved) -> bool {
    matches!(
        unserved.cause,
        Cause::OnlyForSidecars { .. } | Cause::KindNotRead { .. }
    )
}

/// A resource that routes, of a kind that is not read.
pub(super) fn unread_route(route: &UnreadRoute) -> Unserved {
    Unserved {
        part: Part::Other {
            name: format!("{} {}", route.kind, route.meta.qualified_name()),
            hosts: route.hosts.clone(),
        },
        cause: Cause::KindNotRead {
            kind: route.kind.clone(),
        },
        subject: route.origin.subject().to_owned(),
        path: "kind".to_owned(),
        span: route.origin.at("kind"),
        is_finding: true,
    }
}

/// One finding for each reason, at the first of the resources.
pub(super) fn findings(found: &[Unserved]) -> Vec<Diagnostic> {
    let mut groups: Vec<Vec<&Unserved>> = Vec::new();
    for unserved in found.iter().filter(|it| has(it)) {
        let group = groups
            .iter_mut()
            .find(|it| it.first().is_some_and(|first| first.cause == unserved.cause));
        match group {
            Some(group) => group.push(unserved),
            None => groups.push(vec![unserved]),
        }
    }
    groups.iter().filter_map(|it| finding(it)).collect()
}

fn finding(group: &[&Unserved]) -> Option<Diagnostic> {
    let first = *group.first()?;
    let mut finding = first.finding();
    let (mut names, mut hosts) = (Vec::new(), Vec::new());
    for unserved in group {
        match &unserved.part {
            Part::VirtualService { name, .. } => names.push(name.clone()),
            Part::Other { name, hosts: own } => {
                names.push(name.clone());
                hosts.extend(own);
            }
            Part::Host { .. } | Part::Rule { .. } | Part::Server { .. } | Part::Gateway { .. } => {}
        }
    }
    if let Cause::KindNotRead { .. } = &first.cause {
        let effect = sentences::may_differ(hosts.into_iter());
        let reason = first.cause.reason();
        finding.message = format!("{reason}: {effect} ({})", sentences::list(&names));
    } else if names.len() > 1 {
        finding.message = format!(
            "{} VirtualServices name no Gateway in `gateways`, so they are for sidecars only: {}",
            names.len(),
            sentences::list(&names)
        );
    }
    Some(finding)
}
