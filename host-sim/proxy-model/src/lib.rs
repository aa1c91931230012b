//! The parts of Envoy around a filter, as a model that reads the compiled bootstrap.
//!
//! ```text
//! Model::route(request, filter, dice)
//!   listener and filter chain by port and server name             listener
//!   the codec and the connection manager: 400s, what is lost      admit
//!   the filters in order                                          stream
//!     a plugin, run by the caller                                 filter
//!     the route: virtual host, then a key or the first match      virtual_host, predicate, route_match
//!     fault, CORS                                                 fault, cors
//!     the router: redirect, direct response, destination,         router, redirect, forward, rewrite
//!       header edits with their variables, mirrors                edits, format, variable
//! Forwarded::finish(answer)
//!   header edits, CORS, the codec: the way back                   decision, reply
//! Model::answer(request, filter, dice)
//!   both, with an upstream that is an echo server                 record, echo
//! ```
//!
//! It predicts Envoy 1.40; it does not replace it. It has no clock and no network: an upstream that delays or fails,
//! timeouts that may pass before any answer, retries, bodies and HTTP/2 clients are not modelled, nor is a variable or
//! a cookie that only a running proxy can fill in. A request that depends on them is [`Skipped`], with the reason. Of
//! an upgrade, the cluster is known, and what becomes of an answer that declines it. A bootstrap with a field that
//! the model does not know is refused.
//!
//! An outcome has every header, those that Envoy adds among them; a value that only a running Envoy has is a placeholder
//! of `fingerpost-envoy-http`.
//!
//! Filters and routes see the headers that Envoy itself adds (`x-request-id`, `x-envoy-external-address`, the end of
//! `x-forwarded-for`) with values of the model's own: that they are there is right, what they say is not.
//!
//! Nothing here knows Istio: the bootstrap is all there is.

mod admit;
mod clusters;
mod connection;
mod cors;
mod decision;
mod dice;
mod echo;
mod edits;
mod error;
mod facts;
mod fault;
mod filter;
mod format;
mod forward;
mod headers;
mod http;
mod listener;
mod model;
mod of_a_run;
mod outcome;
mod read;
mod record;
mod redirect;
mod reply;
mod request;
mod rewrite;
mod route;
mod route_match;
mod router;
mod stream;
mod string_match;
mod tcp;
mod variable;
mod virtual_host;

pub use decision::{Answered, Forwarded, Routed};
pub use dice::{Dice, highest_roll, lowest_roll};
pub use echo::{EchoHeader, EchoValue, shown};
pub use error::ModelError;
pub use filter::{Filter, FilterSite, FilterVerdict, no_filter};
pub use fingerpost_envoy_http::header_map::Headers;
pub use listener::{Accepted, FittingChain, ListenerTraffic};
pub use model::Model;
pub use of_a_run::{REQUEST_ID, undecided};
pub use outcome::{Failure, Outcome, SLACK_MS, Skipped, Upstream, UpstreamFailure};
pub use reply::Reply;
pub use request::{Request, Run, Tls, Version};
