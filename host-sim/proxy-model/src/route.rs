//! A route of Envoy: its match, what it does, and the edits and policies around that.

use fingerpost_routing_config::RuleRef;
use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::cors::{CorsPolicy, WrittenCors};
use crate::edits::{Edits, WrittenEdit};
use crate::fault::{Fault, WrittenFault};
use crate::forward::{Forward, WrittenForward};
use crate::read::{DataSource, Ignored, message};
use crate::redirect::{Redirect, WrittenRedirect};
use crate::route_match::{RouteMatch, WrittenMatch};

/// A route.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) matches: RouteMatch,
    pub(crate) action: Action,
    /// What the compiler says about where it comes from.
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    #[serde(default, rename = "@type")]
    _type: Option<Ignored>,
    #[serde(default)]
    name: String,
    #[serde(rename = "match")]
    matches: WrittenMatch,
    route: Option<WrittenForward>,
    redirect: Option<WrittenRedirect>,
    direct_response: Option<WrittenDirectResponse>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    request_headers_to_add: Vec<WrittenEdit>,
    #[serde(default)]
    request_headers_to_remove: Vec<String>,
    #[serde(default)]
    response_headers_to_add: Vec<WrittenEdit>,
    #[serde(default)]
    response_headers_to_remove: Vec<String>,
    #[serde(default)]
    typed_per_filter_config: PerFilter,
    #[serde(default, rename = "stat_prefix")]
    _stat_prefix: Ignored,
    #[serde(default, rename = "decorator")]
    _decorator: Ignored,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDirectResponse {
    status: u16,
    body: Option<DataSource>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    filter_metadata: FilterMetadata,
}

#[derive(Debug, Default, Deserialize)]
struct FilterMetadata {
    fingerpost: Option<RuleRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerFilter {
    #[serde(rename = "envoy.filters.http.cors")]
    cors: Option<WrittenCors>,
    #[serde(rename = "envoy.filters.http.fault")]
    fault: Option<WrittenFault>,
}

impl Route {
    /// Reads a `Route`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        let written: WrittenRoute = message(value)?;
        let action = match (written.route, written.redirect, written.direct_response) {
            (Some(forward), None, None) => Action::Forward(Box::new(Forward::read(forward)?)),
            (None, Some(redirect), None) => Action::Redirect(Redirect::read(redirect)?),
            (None, None, Some(response)) => Action::Respond {
                status: response.status,
                body: response
                    .body
                    .map(DataSource::into_bytes)
                    .transpose()?
                    .unwrap_or_default(),
            },
            _ => {
                return Err(ModelError::new(
                    "expected one of route, redirect and direct_response",
                ));
            }
        };
        let per_filter = written.typed_per_filter_config;
        Ok(Self {
            name: written.name,
            matches: RouteMatch::read(written.matches)?,
            action,
            rule: written.metadata.filter_metadata.fingerpost,
            request_edits: Edits::read(written.request_headers_to_add, written.request_headers_to_remove),
            response_edits: Edits::read(
                written.response_headers_to_add,
                written.response_headers_to_remove,
            ),
            cors: per_filter.cors.map(CorsPolicy::read).transpose()?,
            fault: per_filter.fault.map(Fault::read).transpose()?,
        })
    }
}
