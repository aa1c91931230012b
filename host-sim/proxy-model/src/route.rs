//! A route of Envoy: its match, what it does, and the edits and policies around that.

use fingerpost_envoy_config::route as config;
use fingerpost_routing_config::{RuleRef, RuleStep};
use serde_json::Value;

use crate::ModelError;
use crate::cors::CorsPolicy;
use crate::edits::Edits;
use crate::fault::Fault;
use crate::forward::Forward;
use crate::read::{bytes, message};
use crate::redirect::Redirect;
use crate::route_match::RouteMatch;

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) matches: RouteMatch,
    pub(crate) action: Action,
    /// What the compiler says about where it comes from, where Envoy matches by itself.
    pub(crate) rule: Option<RuleRef>,
    pub(crate) request_edits: Edits,
    pub(crate) response_edits: Edits,
    pub(crate) cors: Option<CorsPolicy>,
    pub(crate) fault: Option<Fault>,
}

/// What a route does.
#[derive(Debug)]
pub(crate) enum Action {
    Forward(Box<Forward>),
    Redirect(Redirect),
    Respond { status: u16, body: Vec<u8> },
}

impl Route {
    /// Reads a `Route`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        Self::of(message(value)?)
    }

    /// A route as it is configured.
    pub(crate) fn of(route: config::Route) -> Result<Self, ModelError> {
        let config::Route {
            name,
            matches,
            action,
            metadata,
            request_headers_to_add,
            request_headers_to_remove,
            response_headers_to_add,
            response_headers_to_remove,
            typed_per_filter_config: config::PerFilterConfig { cors, fault },
            // They have no influence on the outcome of a request.
            stat_prefix: _,
            decorator: _,
        } = route;
        let cors = cors.map(|config::CorsPerRoute::Policy(policy)| CorsPolicy::read(policy));
        let fault = fault.map(|config::FaultPerRoute::Fault(fault)| Fault::read(fault));
        let origin = metadata.and_then(|it| it.filter_metadata.fingerpost);
        Ok(Self {
            name,
            matches: RouteMatch::read(matches)?,
            action: Action::read(action)?,
            rule: origin.map(rule),
            request_edits: Edits::read(request_headers_to_add, request_headers_to_remove),
            response_edits: Edits::read(response_headers_to_add, response_headers_to_remove),
            cors: cors.transpose()?,
            fault: fault.transpose()?,
        })
    }
}

impl Action {
    fn read(action: config::Action) -> Result<Self, ModelError> {
        Ok(match action {
            config::Action::Route(forward) => Self::Forward(Box::new(Forward::read(*forward)?)),
            config::Action::Redirect(redirect) => Self::Redirect(Redirect::read(redirect)?),
            config::Action::DirectResponse(config::DirectResponseAction { status, body }) => Self::Respond {
                status: u16::try_from(status).map_err(ModelError::new)?,
                body: body.map(bytes).transpose()?.unwrap_or_default(),
            },
        })
    }
}

fn rule(origin: config::RouteOrigin) -> RuleRef {
    let config::RouteOrigin {
        rules,
        matched,
        name: _,
        virtual_host: _,
    } = origin;
    let steps = rules.into_iter().map(|it| RuleStep {
        virtual_service: it.virtual_service,
        http: it.http,
    });
    RuleRef {
        rules: steps.collect(),
        matched,
    }
}
