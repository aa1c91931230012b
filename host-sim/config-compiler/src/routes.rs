//! One rule of a VirtualService as routes: a route for each match that can apply, with one action.
//!
//! Decides which matches make a route. `route` has the type, `rule` and `answers` decide what a route does, `native`
//! and `dispatch` write it for an engine.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `BuildHTTPRoutesForVirtualService`;
//! docs/istio-routing.md 2.2.

mod answers;
pub(crate) mod route;
mod rule;

use std::rc::Rc;

use fingerpost_routing_config::{RouteMatch, RuleRef};

use self::route::{LeftOut, Route};
use self::rule::RuleBuilder;
use crate::matching::{self, GatewayPort};
use crate::mesh::Mesh;
use crate::unserved::cause::Cause;
use crate::virtual_services::{BoundVirtualService, DroppedRule};

pub(crate) use answers::redirect_code;

/// The routes of a VirtualService for one Gateway, and what makes none.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuiltRoutes<'r> {
    /// In order. A catch-all ends them. All domains of the VirtualService share them.
    pub routes: Vec<Rc<Route<'r>>>,
    /// What makes no route.
    pub left_out: Vec<Rc<LeftOut<'r>>>,
}

/// The routes of `service` for one Gateway.
pub(crate) fn build<'r>(
    service: &BoundVirtualService<'r>,
    gateway_port: GatewayPort<'_>,
    server_has_tls: bool,
    mesh: &Mesh<'_>,
) -> BuiltRoutes<'r> {
    let mut built = BuiltRoutes::default();
    let mut ended_by: Option<RuleRef> = None;
    for rule in &service.rules {
        let builder = RuleBuilder {
            service,
            rule,
            gateway_port,
            server_has_tls,
            mesh,
        };
        let all = (0..rule.matches.len()).map(Some);
        for index in all.chain(rule.matches.is_empty().then_some(None)) {
            let request = index.and_then(|it| rule.matches.get(it)).map(|(_, it)| it);
            let mismatch = request.and_then(|it| matching::mismatch(it, gateway_port, mesh.options));
            let reason = match (mismatch, &ended_by) {
                (Some(mismatch), _) => Some(Cause::NeverApplies(mismatch)),
                (None, Some(end)) => Some(Cause::Behind(end.clone())),
                (None, None) => None,
            };
            if let Some(reason) = reason {
                built.left_out.push(Rc::new(builder.left_out(index, reason)));
                continue;
            }
            let route = builder.route(index);
            if matching::is_catch_all(&route.conditions) {
                ended_by = Some(route.rule.clone());
            }
            built.routes.push(Rc::new(route));
        }
    }
    let dropped = service.dropped.iter().flat_map(dropped);
    built.left_out.extend(dropped.map(Rc::new));
    built
}

/// What a rule that Istio drops because of its delegate would have taken.
fn dropped<'r>(rule: &DroppedRule<'r>) -> Vec<LeftOut<'r>> {
    let left_out = |matched: Option<String>, conditions: RouteMatch| LeftOut {
        rule: RuleRef {
            rules: rule.steps.clone(),
            matched,
        },
        conditions,
        reason: Cause::Dropped(rule.fault.clone()),
        leaf: rule.leaf,
        path: rule.path.clone(),
    };
    if rule.matches.is_empty() {
        return vec![left_out(None, matching::everything())];
    }
    let matches = rule.matches.iter();
    matches
        .map(|(index, it)| left_out(Some(index.clone()), matching::conditions(it)))
        .collect()
}
