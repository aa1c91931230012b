//! What comes of a request: the answer, and what the log says of it.
//!
//! Decides nothing about answers: the proxy edits those of upstreams, and makes its own.

use std::time::Duration;

use fingerpost_proxy_model::{Forwarded, Reply, Skipped, UpstreamFailure};
use fingerpost_routing_config::RuleRef;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::body::{Body, passed_on, whole};

/// Names the rule of an answer, and the match in it.
pub(crate) const RULE_HEADER: &str = "x-fingerpost-rule";
/// Names the cluster that received the request.
pub(crate) const CLUSTER_HEADER: &str = "x-fingerpost-cluster";

/// An answer and its log line.
pub(crate) struct Done {
    pub(crate) response: Response<Body>,
    pub(crate) rule: Option<RuleRef>,
    pub(crate) cluster: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) sent_path: Option<String>,
    pub(crate) details: Option<String>,
}

impl Done {
    pub(crate) fn of(reply: Reply, body: Option<Body>) -> Self {
        let mut response = Response::new(body.unwrap_or_else(|| whole(reply.body)));
        *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
        for (name, value) in &reply.headers {
            let pair = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
            if let (Ok(name), Ok(value)) = pair
                && name != "keep-alive"
            {
                response.headers_mut().append(name, value);
            }
        }
        Self {
            response,
            rule: None,
            cluster: None,
            host: None,
            sent_path: None,
            details: None,
        }
    }

    /// An answer without any rule, and why.
    pub(crate) fn plain(status: u16, body: &'static str, details: &str) -> Self {
        let reply = Reply {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        Self {
            details: Some(details.to_owned()),
            ..Self::of(reply, None)
        }
    }

    /// Envoy's 404, which has no body, with the reason in one.
    pub(crate) fn not_found(mut reply: Reply, reason: &str) -> Self {
        reply.body = format!("{reason}\n").into_bytes();
        reply.headers.retain(|(name, _)| name != b"content-length");
        let plain = (b"content-type".to_vec(), b"text/plain; charset=utf-8".to_vec());
        reply.headers.push(plain);
        Self {
            details: Some(reason.to_owned()),
            ..Self::of(reply, None)
        }
    }

    /// A request that wants another protocol.
    pub(crate) fn upgrade() -> Self {
        const BODY: &str =
            "fingerpost serve passes on upgrades of HTTP/1.1 only, and no CONNECT: use fingerpost up\n";
        Self::plain(501, BODY, "an upgrade over HTTP/2, or CONNECT: use fingerpost up")
    }

    /// The model does not know what Envoy would do.
    pub(crate) fn unknown(reason: &str) -> Self {
        let reply = Reply {
            status: 501,
            headers: vec![(b"content-type".to_vec(), b"text/plain; charset=utf-8".to_vec())],
            body: format!("fingerpost serve does not know what Envoy would do: {reason}\n").into_bytes(),
        };
        Self {
            details: Some(reason.to_owned()),
            ..Self::of(reply, None)
        }
    }

    /// What the model says of an answer.
    fn known(reply: Result<Reply, Skipped>, body: Option<Body>) -> Self {
        match reply {
            Ok(reply) => Self::of(reply, body),
            Err(skipped) => Self::unknown(&skipped.reason),
        }
    }

    /// An upstream's answer on its way back.
    pub(crate) fn from_upstream(
        forwarded: &Forwarded<'_>,
        response: Response<Incoming>,
        after: Duration,
    ) -> Self {
        let (head, body) = response.into_parts();
        let answer = reply_of(head.status, &head.headers, after);
        Self::known(forwarded.finish(answer), Some(passed_on(body)))
    }

    /// What Envoy says in the place of an upstream.
    pub(crate) fn silent(forwarded: &Forwarded<'_>, failure: UpstreamFailure, details: String) -> Self {
        let mut done = Self::known(forwarded.fail(failure), None);
        done.details.get_or_insert(details);
        done
    }

    /// An upstream's answer that goes on in what the client wants.
    pub(crate) fn switched(
        forwarded: &Forwarded<'_>,
        response: &Response<Incoming>,
        after: Duration,
    ) -> Self {
        let answer = reply_of(response.status(), response.headers(), after);
        Self::known(forwarded.switch(answer), None)
    }

    /// An upstream's answer that does not.
    pub(crate) fn declined(
        forwarded: &Forwarded<'_>,
        response: &Response<Incoming>,
        after: Duration,
    ) -> Self {
        let answer = reply_of(response.status(), response.headers(), after);
        Self::known(forwarded.decline(answer), None)
    }

    /// Names the rule and the cluster in the answer. What an upstream says under these names does not count.
    pub(crate) fn name(&mut self) {
        let rule = self.rule.as_ref().map(ToString::to_string);
        let cluster = self.host.as_ref().and(self.cluster.clone());
        let headers = self.response.headers_mut();
        for (name, value) in [(RULE_HEADER, rule), (CLUSTER_HEADER, cluster)] {
            match value.and_then(|it| HeaderValue::from_str(&it).ok()) {
                Some(value) => drop(headers.insert(name, value)),
                None => drop(headers.remove(name)),
            }
        }
        headers.insert("server", HeaderValue::from_static("fingerpost"));
    }
}

/// The head of an upstream's answer as the proxy reads it.
fn reply_of(status: StatusCode, headers: &HeaderMap, after: Duration) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()));
    let took = after.as_millis().to_string();
    Reply::from_upstream(status.as_u16(), headers.collect(), took.as_bytes())
}
