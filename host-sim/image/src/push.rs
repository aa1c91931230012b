//! Pushes an image to a registry: every part that is not there yet, and the manifest last.
//!
//! Source: OCI distribution specification 1.1, "Pushing blobs" and "Pushing manifests"; for tokens Docker's
//! "Token authentication specification". A registry on the loopback is spoken to in plain HTTP, every other over TLS.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

use crate::blob::Blob;
use crate::credentials::Credentials;
use crate::image::Image;
use crate::reference::Reference;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Why an image could not be pushed.
#[derive(Debug)]
pub enum PushError {
    /// The registry could not be reached, or the connection ended.
    Unreachable(String),
    /// It wants other credentials, or any.
    Denied,
    /// It gave an unexpected answer: to what, and which.
    Unexpected(&'static str, String),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "the registry can't be reached: {error}"),
            Self::Denied => f.write_str(
                "the registry refuses the credentials: log in with `docker login` (credentials in a helper program are not \
                 read; for those write the image with -o and copy it with skopeo or oras)",
            ),
            Self::Unexpected(what, answer) => write!(f, "the registry answers {answer} to {what}"),
        }
    }
}

impl std::error::Error for PushError {}

/// Pushes `image` under this name. Pushing it again changes nothing.
///
/// # Errors
/// The registry can't be reached, refuses, or does not follow the specification.
pub fn push(
    image: &Image,
    reference: &Reference,
    credentials: Option<&Credentials>,
) -> Result<(), PushError> {
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let mut registry = Registry {
        agent: config.into(),
        scheme: if reference.is_local() { "http" } else { "https" },
        reference,
        credentials,
        authorization: credentials.map(Credentials::header),
    };
    for part in &image.parts {
        registry.push_blob(part)?;
    }
    registry.push_manifest(&image.manifest)
}

struct Registry<'r> {
    agent: Agent,
    scheme: &'static str,
    reference: &'r Reference,
    credentials: Option<&'r Credentials>,
    /// What the last request that was let in carried.
    authorization: Option<String>,
}

/// One request, which may have to be sent twice: without a token and with it.
struct Sent<'s> {
    what: &'static str,
    method: &'static str,
    url: String,
    media_type: &'static str,
    body: &'s [u8],
}

impl Registry<'_> {
    fn push_blob(&mut self, blob: &Blob) -> Result<(), PushError> {
        let digest = blob.digest();
        let found = self.send(&Sent {
            what: "a question for a layer",
            method: "HEAD",
            url: self.url(&format!("blobs/{digest}")),
            media_type: "",
            body: &[],
        })?;
        if found.status() == StatusCode::OK {
            return Ok(());
        }
        let started = self.send(&Sent {
            what: "the start of an upload",
            method: "POST",
            url: self.url("blobs/uploads/"),
            media_type: "",
            body: &[],
        })?;
        let started = expect("the start of an upload", StatusCode::ACCEPTED, started)?;
        let location = self.location(&started)?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let uploaded = self.send(&Sent {
            what: "an upload",
            method: "PUT",
            url: format!("{location}{separator}digest={digest}"),
            media_type: "application/octet-stream",
            body: &blob.bytes,
        })?;
        expect("an upload", StatusCode::CREATED, uploaded).map(drop)
    }

    fn push_manifest(&mut self, manifest: &Blob) -> Result<(), PushError> {
        let answer = self.send(&Sent {
            what: "the manifest",
            method: "PUT",
            url: self.url(&format!("manifests/{}", self.reference.tag)),
            media_type: manifest.media_type,
            body: &manifest.bytes,
        })?;
        expect("the manifest", StatusCode::CREATED, answer).map(drop)
    }

    fn url(&self, path: &str) -> String {
        let Reference {
            registry, repository, ..
        } = self.reference;
        format!("{}://{registry}/v2/{repository}/{path}", self.scheme)
    }

    /// Where an upload goes on. It must be the same registry: the credentials are for no other.
    fn location(&self, answer: &Response<Body>) -> Result<String, PushError> {
        let header = answer.headers().get("location").and_then(|it| it.to_str().ok());
        let elsewhere =
            |it: &str| PushError::Unexpected("the start of an upload", format!("the location {it}"));
        let location = header.ok_or_else(|| elsewhere("(none)"))?;
        let own = format!("{}://{}", self.scheme, self.reference.registry);
        if location.starts_with('/') {
            return Ok(format!("{own}{location}"));
        }
        match location.strip_prefix(&own) {
            Some(rest) if rest.starts_with('/') => Ok(location.to_owned()),
            Some(_) | None => Err(elsewhere(location)),
        }
    }

    /// Sends a request. If the registry wants a token, gets one and sends it again.
    fn send(&mut self, sent: &Sent<'_>) -> Result<Response<Body>, PushError> {
        let answer = self.send_once(sent)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let wanted = answer
            .headers()
            .get("www-authenticate")
            .and_then(|it| it.to_str().ok());
        let challenge = wanted.and_then(Challenge::read).ok_or(PushError::Denied)?;
        self.authorization = Some(self.token(&challenge)?);
        let answer = self.send_once(sent)?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PushError::Denied),
            _ => Ok(answer),
        }
    }

    fn send_once(&self, sent: &Sent<'_>) -> Result<Response<Body>, PushError> {
        let mut request = ureq::http::Request::builder().method(sent.method).uri(&sent.url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if !sent.media_type.is_empty() {
            request = request.header("content-type", sent.media_type);
        }
        let answer = match sent.method {
            "HEAD" => request.body(()).map(|it| self.agent.run(it)),
            _ => request.body(sent.body).map(|it| self.agent.run(it)),
        };
        match answer {
            Ok(answer) => answer.map_err(|error| PushError::Unreachable(error.to_string())),
            Err(error) => Err(PushError::Unexpected(sent.what, error.to_string())),
        }
    }

    /// Gets a token for this repository where the registry says.
    fn token(&self, challenge: &Challenge) -> Result<String, PushError> {
        // Over TLS only, but for a registry that is not used over it either.
        if self.scheme == "https" && challenge.realm.scheme_str() != Some("https") {
            return Err(PushError::Unexpected(
                "a request",
                format!("the token server {}", challenge.realm),
            ));
        }
        let mut request = self.agent.get(challenge.realm.to_string()).query(
            "scope",
            format!("repository:{}:pull,push", self.reference.repository),
        );
        if let Some(service) = &challenge.service {
            request = request.query("service", service);
        }
        if let Some(credentials) = self.credentials {
            request = request.header("authorization", credentials.header());
        }
        let answer = request
            .call()
            .map_err(|error| PushError::Unreachable(error.to_string()))?;
        if answer.status() != StatusCode::OK {
            return Err(PushError::Denied);
        }
        let text = answer.into_body().read_to_string();
        let text = text.map_err(|error| PushError::Unreachable(error.to_string()))?;
        let token: Value = serde_json::from_str(&text).unwrap_or_default();
        let token = ["token", "access_token"]
            .iter()
            .find_map(|name| token.get(name)?.as_str());
        token.map(|it| format!("Bearer {it}")).ok_or(PushError::Denied)
    }
}

/// Where to get a token: `Bearer realm="…",service="…"`.
struct Challenge {
    realm: Uri,
    service: Option<String>,
}

impl Challenge {
    fn read(header: &str) -> Option<Self> {
        let parameters = header.strip_prefix("Bearer ")?;
        let value = |name: &str| {
            let start = parameters.find(&format!("{name}=\""))? + name.len() + 2;
            let rest = parameters.get(start..)?;
            rest.split('"').next()
        };
        Some(Self {
            realm: value("realm")?.parse().ok()?,
            service: value("service").map(str::to_owned),
        })
    }
}

fn expect(
    what: &'static str,
    wanted: StatusCode,
    answer: Response<Body>,
) -> Result<Response<Body>, PushError> {
    match answer.status() {
        status if status == wanted => Ok(answer),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(PushError::Denied),
        status => Err(PushError::Unexpected(what, status.to_string())),
    }
}
