//! The router, the last filter: answers, or sends the request to a cluster.

use fingerpost_envoy_http::header_map::{get, remove, set};
use fingerpost_envoy_http::local_reply::LocalReply;

use crate::decision::NO_HEALTHY_UPSTREAM;
use crate::dice::StreamRoll;
use crate::facts::Source;
use crate::forward::{Forward, Share};
use crate::outcome::Skipped;
use crate::outcome::UpstreamFailure;
use crate::redirect::{to_https, to_itself};
use crate::route::Action;
use crate::stream::{FilterResult, SelectedRoute, Selection, Stream};

impl<'m> Stream<'m> {
    /// What the router does.
    pub(crate) fn route(
        &mut self,
        selection: Selection<'m>,
        dice: &mut StreamRoll<'_>,
    ) -> Result<FilterResult<'m>, Skipped> {
        let on = match selection {
            Selection::Nothing => {
                return self.reply(LocalReply::new(404, ""), Source::NoRoute, selection);
            }
            // CONNECT has no path to send the client to.
            Selection::ToHttps if get(&self.request, ":path").is_none() => {
                return self.reply(LocalReply::new(403, ""), Source::Route, selection);
            }
            Selection::ToHttps => {
                let mut local = LocalReply::new(301, "");
                set(&mut local.headers, "location", to_https(&self.request));
                return self.reply(local, Source::Route, selection);
            }
            Selection::Route(on) => on,
        };
        match (&on.route.action, on.share) {
            (Action::Redirect(redirect), _) => {
                let mut local = LocalReply::new(redirect.status, "");
                let location = redirect.location(&self.request, &on.route.matches.path);
                set(&mut local.headers, "location", location);
                self.reply(local, Source::Route, selection)
            }
            (Action::Respond { status, body }, _) if matches!(status, 201 | 300..=399) => {
                let mut local = LocalReply::new(*status, body.as_slice());
                set(&mut local.headers, "location", to_itself(&self.request));
                self.reply(local, Source::Route, selection)
            }
            (Action::Respond { status, body }, _) => self.reply(
                LocalReply::new(*status, body.as_slice()),
                Source::Route,
                selection,
            ),
            (Action::Forward(forward), Some(share)) if self.clusters.can_answer(&share.cluster) => {
                self.forward(forward, share, on, dice)
            }
            // Envoy edits the request, finds no endpoint, and answers before it makes copies.
            (Action::Forward(forward), Some(share)) if self.clusters.has(&share.cluster) => {
                self.make_ready(forward, share, on)?;
                self.reply(
                    LocalReply::new(503, NO_HEALTHY_UPSTREAM),
                    Source::NoAnswer(UpstreamFailure::NoEndpoint),
                    selection,
                )
            }
            (Action::Forward(_), _) => self.reply(LocalReply::new(503, ""), Source::NoCluster, selection),
        }
    }

    fn forward(
        &mut self,
        forward: &'m Forward,
        share: &'m Share,
        on: SelectedRoute<'m>,
        dice: &mut StreamRoll<'_>,
    ) -> Result<FilterResult<'m>, Skipped> {
        let timeout_ms = self.make_ready(forward, share, on)?;
        for name in CONTROLS {
            remove(&mut self.request, name);
        }
        let mut mirrors = forward.mirrors(dice);
        mirrors.retain(|it| self.clusters.can_answer(it));
        Ok(FilterResult::Forward {
            on,
            forward,
            share,
            mirrors,
            timeout_ms,
        })
    }

    /// Makes the request what the upstream receives, and returns how long a try may take. The destination's edits come
    /// first, and the rule's win.
    fn make_ready(
        &mut self,
        forward: &Forward,
        share: &Share,
        on: SelectedRoute<'m>,
    ) -> Result<u64, Skipped> {
        let is_grpc = self.is_grpc();
        let timeout_ms = forward.set_timeout(&mut self.request, is_grpc);
        if on.host.counts_attempts {
            set(&mut self.request, "x-envoy-attempt-count", "1");
        }
        let facts = self.facts(on);
        share.request_edits.edit_request(&mut self.request, &facts)?;
        if let Some(host) = &share.host {
            set(&mut self.request, ":authority", host.as_str());
        }
        on.route.request_edits.edit_request(&mut self.request, &facts)?;
        on.host.request_edits.edit_request(&mut self.request, &facts)?;
        if let Some(host) = &forward.host {
            self.keep("x-envoy-original-host", ":authority");
            set(&mut self.request, ":authority", host.as_str());
        }
        if let Some(rewrite) = &forward.rewrite {
            let target = get(&self.request, ":path").unwrap_or_default();
            if let Some(rewritten) = rewrite.apply(target, &on.route.matches.path) {
                self.keep("x-envoy-original-path", ":path");
                set(&mut self.request, ":path", rewritten);
            }
        }
        Ok(timeout_ms)
    }

    /// Notes the value that `of` has before it changes, if it has one.
    fn keep(&mut self, name: &str, of: &str) {
        if let Some(value) = get(&self.request, of)
            .filter(|it| !it.is_empty())
            .map(<[u8]>::to_vec)
        {
            set(&mut self.request, name, value);
        }
    }
}

/// The router acts on these, also on a client's, and removes them.
const CONTROLS: &[&str] = &[
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-stream-duration-ms",
];
