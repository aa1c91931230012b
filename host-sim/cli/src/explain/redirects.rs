//! `explain -L`: the redirects before the request that is explained.

use fingerpost_config_compiler::Compilation;
use fingerpost_curl::{CurlRequest, Redirects as Trail};
use fingerpost_explain::{Explanation, Question, explain_each};
use fingerpost_simulated_proxy::{ServerName, is_served};
use serde::Serialize;

use crate::failure::Failure;

/// What `-L` found, in the JSON form too.
#[derive(Debug, Default, Serialize)]
pub(super) struct Redirects {
    /// In the order in which they were followed.
    pub(super) followed: Vec<Redirect>,
    /// Why no more were followed, though the last answer is one.
    pub(super) stopped: Option<String>,
}

impl Redirects {
    /// What the screen shows of them, with labels.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for redirect in &self.followed {
            lines.push(("redirect", format!("{} {}", redirect.method, redirect.url)));
            let by = redirect.rule.as_deref().unwrap_or("httpsRedirect of the Gateway");
            lines.push((
                "",
                format!("{} to {} by {by}", redirect.status, redirect.location),
            ));
        }
        lines.extend(self.stopped.clone().map(|it| ("stopped", it)));
        lines
    }
}

/// An answer that sends the client elsewhere.
#[derive(Debug, Serialize)]
pub(super) struct Redirect {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) location: String,
    /// The rule; none for `httpsRedirect` of a Gateway.
    pub(super) rule: Option<String>,
}

/// Explains the request, with `-L` the last one, for the proxy of the list that it is meant for. `port` and `server_name` are
/// those of `--port` and `--sni`, which are about the first request.
pub(super) fn follow(
    proxies: &[Compilation],
    mut request: CurlRequest,
    mut port: Option<u32>,
    mut server_name: ServerName,
) -> Result<(usize, Explanation, Option<Redirects>), Failure> {
    let mut trail = Trail::default();
    let mut redirects = request.follows_redirects.then(Redirects::default);
    loop {
        let (chosen, told) = explain(proxies, &request, port.take(), std::mem::take(&mut server_name))?;
        let (Some(found), Some((status, location))) = (&mut redirects, told.redirect()) else {
            return Ok((chosen, told, redirects));
        };
        match trail.next(&request, status, location) {
            Ok(next) => {
                found.followed.push(Redirect {
                    method: told.request.method.clone(),
                    url: told.request.url(),
                    status,
                    location: location.to_owned(),
                    rule: told.rule().map(str::to_owned),
                });
                request = next;
            }
            Err(stop) => {
                found.stopped = Some(stop.to_string());
                return Ok((chosen, told, redirects));
            }
        }
    }
}

fn explain(
    proxies: &[Compilation],
    request: &CurlRequest,
    port: Option<u32>,
    server_name: ServerName,
) -> Result<(usize, Explanation), Failure> {
    let some_serve = |port: u32| proxies.iter().any(|it| is_served(port, &it.compiled.summary));
    let connected = request
        .connect_port
        .filter(|it| port.is_none() && some_serve(*it));
    let port = port.or(connected);
    let (chosen, mut told) = explain_each(
        proxies,
        &Question {
            method: &request.method,
            url: &request.url,
            authority: request.authority(),
            headers: &request.headers,
            port,
            server_name,
        },
    )?;
    if let (Some(port), Some(listener)) = (connected, &mut told.listener) {
        listener.why = format!("--connect-to leads to port {port}");
    }
    Ok((chosen, told))
}
