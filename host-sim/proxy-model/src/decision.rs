//! What becomes of a request before any upstream has answered, and what becomes of that answer.
//!
//! For callers that have upstreams: [`Model::route`](crate::Model::route) says where a request goes and as what,
//! [`Forwarded::finish`] takes the answer the way back.

use std::time::Duration;

use fingerpost_envoy_http::header_map::{Headers, get, remove};
use fingerpost_envoy_http::local_reply::LocalReply;
use fingerpost_envoy_http::upgrade;
use fingerpost_routing_config::RuleRef;

use crate::cors::Mark;
use crate::facts::Source;
use crate::forward::{Forward, Share};
use crate::headers::text;
use crate::outcome::{Failure, Skipped, UpstreamFailure};
use crate::reply::Reply;
use crate::stream::{SelectedRoute, Selection, Stream};

/// What Envoy decides about a request.
#[derive(Debug)]
pub enum Routed<'m> {
    /// The client gets no answer.
    Unanswered(Failure),
    /// Envoy answers by itself.
    Answered(Box<Answered>),
    /// The request goes to a cluster.
    Forwarded(Box<Forwarded<'m>>),
    /// The connection goes to a cluster as it is, byte for byte.
    Passed {
        /// The cluster.
        cluster: &'m str,
    },
}

/// An answer of Envoy's own.
#[derive(Debug)]
pub struct Answered {
    /// What the client gets.
    pub reply: Reply,
    /// Whether it answers a `HEAD`: then the client gets the headers alone.
    pub to_head: bool,
    /// The rule of the route.
    pub rule: Option<RuleRef>,
    /// How long a fault holds it back, in milliseconds.
    pub delay_ms: u64,
    /// The `server` that Envoy writes into it.
    pub server_name: String,
    /// Why it is the proxy that answers, in the words of Envoy's `%RESPONSE_CODE_DETAILS%`, where the model knows them.
    pub details: Option<&'static str>,
}

/// A request that goes to a cluster.
#[derive(Debug)]
pub struct Forwarded<'m> {
    pub(crate) stream: Stream<'m>,
    pub(crate) on: SelectedRoute<'m>,
    pub(crate) forward: &'m Forward,
    pub(crate) share: &'m Share,
    pub(crate) mirrors: Vec<&'m str>,
    pub(crate) mark: Option<Mark<'m>>,
    pub(crate) delay_ms: u64,
    pub(crate) timeout_ms: u64,
}

/// What Envoy says where a cluster has no endpoint.
pub(crate) const NO_HEALTHY_UPSTREAM: &str = "no healthy upstream";

impl<'m> Forwarded<'m> {
    /// The cluster that receives the request.
    #[must_use]
    pub fn cluster(&self) -> &'m str {
        &self.share.cluster
    }

    /// The request that it receives, pseudo headers first; its copies are the same.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.stream.request
    }

    /// The clusters that receive a copy, in order; one may be there twice, or be the cluster itself.
    #[must_use]
    pub fn mirrors(&self) -> &[&'m str] {
        &self.mirrors
    }

    /// The `server` that Envoy writes into the response.
    #[must_use]
    pub fn server_name(&self) -> &'m str {
        &self.stream.http.server_name
    }

    /// The rule of the route.
    #[must_use]
    pub fn rule(&self) -> Option<&RuleRef> {
        self.stream.rule(Some(self.on))
    }

    /// How long a fault holds the request back before it goes upstream, in milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// Whether the client asked by `HEAD`: then it gets the headers alone.
    #[must_use]
    pub fn to_head(&self) -> bool {
        get(&self.stream.request, ":method") == Some(b"HEAD")
    }

    /// How long one try may take; none if that is as long as it likes.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        (self.timeout_ms > 0).then(|| Duration::from_millis(self.timeout_ms))
    }

    /// Whether the client wants to go on in another protocol.
    #[must_use]
    pub fn wants_an_upgrade(&self) -> bool {
        upgrade::wanted(self.headers()).is_some()
    }

    /// Whether a hashing cluster gives the client a cookie, which Envoy makes up.
    #[must_use]
    pub fn gives_a_cookie(&self) -> bool {
        self.stream.clusters.hashes(&self.share.cluster) && self.forward.gives_a_cookie(&self.stream.request)
    }

    /// The cluster's answer as the client gets it: edited by the route, marked by CORS. What Envoy adds to any answer
    /// (`date`, `server`) is left to the caller, and so is `x-envoy-upstream-service-time`: a caller that
    /// measures it puts it into the answer, where edits see it.
    ///
    /// # Errors
    /// An edit writes what only a running proxy knows.
    pub fn finish(&self, mut answer: Reply) -> Result<Reply, Skipped> {
        let status = answer.status;
        self.stream
            .edit_response(&mut answer.headers, status, Source::Upstream, self.on)?;
        Ok(answer.for_client(self.mark.as_ref()))
    }

    /// What the client gets of an answer that does not go on in what it wants: an answer of Envoy's own, to which the
    /// cluster's headers are added after the edits.
    ///
    /// # Errors
    /// An edit writes what only a running proxy knows.
    pub fn decline(&self, answer: Reply) -> Result<Reply, Skipped> {
        const OF_THE_BODY: &[&str] = &["content-length", "content-type", "x-envoy-upstream-service-time"];
        let local = LocalReply::new(answer.status, "");
        let mut reply = self
            .stream
            .local(local, Source::Declined, Selection::Route(self.on))?;
        for (name, value) in answer.headers {
            let name = text(&name);
            if OF_THE_BODY.contains(&name.as_str()) {
                continue;
            }
            if get(&reply.headers, &name).is_some() {
                return Err(Skipped::because(
                    "an edit of what an upstream says that declines an upgrade is not modelled",
                ));
            }
            reply.headers.push((name.into_bytes(), value));
        }
        Ok(reply.for_client(self.mark.as_ref()))
    }

    /// As [`Forwarded::finish`], for an answer that goes on in what the client wants: it keeps `connection` and `upgrade`.
    ///
    /// # Errors
    /// As above.
    pub fn switch(&self, answer: Reply) -> Result<Reply, Skipped> {
        let kept = ["connection", "upgrade"].map(|name| {
            let value = get(&answer.headers, name).map(<[u8]>::to_vec);
            (name.as_bytes().to_vec(), value)
        });
        let mut reply = self.finish(answer)?;
        let kept = kept.into_iter().filter_map(|(name, value)| Some((name, value?)));
        reply.headers.extend(kept);
        Ok(reply)
    }

    /// What the client gets where the cluster does not answer.
    ///
    /// # Errors
    /// An edit writes what only a running proxy knows.
    pub fn fail(&self, failure: UpstreamFailure) -> Result<Reply, Skipped> {
        let (status, words) = match failure {
            UpstreamFailure::NoEndpoint => (503, NO_HEALTHY_UPSTREAM),
            // Envoy goes on with what the system said.
            UpstreamFailure::Unreachable => {
                (503, "upstream connect error or disconnect/reset before headers")
            }
            UpstreamFailure::TimedOut => (504, "upstream request timeout"),
        };
        let local = LocalReply::new(status, words);
        let selection = Selection::Route(self.on);
        let reply = self.stream.local(local, Source::NoAnswer(failure), selection)?;
        Ok(reply.for_client(self.mark.as_ref()))
    }
}

impl Reply {
    /// The end of the way back: the CORS filter, then the codec.
    pub(crate) fn for_client(mut self, mark: Option<&Mark<'_>>) -> Self {
        if let Some(mark) = mark {
            mark.on_response(&mut self.headers);
        }
        for name in ["connection", "upgrade", "proxy-connection", "transfer-encoding"] {
            remove(&mut self.headers, name);
        }
        self
    }
}
