//! Pushes an image to a registry: every part that is not there yet, and the manifest last.
//!
//! Source: OCI distribution specification 1.1, "Pushing blobs" and "Pushing manifests"; for tokens Docker's
//! "Token authentication specification". A registry on the loopback is spoken to in plain HTTP unless its authorities are
//! given, every other over TLS.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use ureq::http::header::WWW_AUTHENTICATE;
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use crate::authorities::Authorities;
use crate::blob::Blob;
use crate::credentials::Credentials;
use crate::image::Image;
use crate::reference::{Reference, is_local};

const TIMEOUT: Duration = Duration::from_secs(60);
/// How much is read of the reason that a registry gives.
const LONGEST_REASON: u64 = 64 * 1024;

/// What a registry needs to be reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Registry<'r> {
    /// Who pushes; none where anybody may.
    pub credentials: Option<&'r Credentials>,
    /// Who may have signed its certificate; none for those that browsers trust.
    pub authorities: Option<&'r Authorities>,
}

/// Why an image could not be pushed.
#[derive(Debug)]
pub enum PushError {
    /// The registry could not be reached, or the connection ended.
    Unreachable(String),
    /// Its certificate is not one of a known authority, or not for its name.
    Untrusted(String),
    /// It wants other credentials, or any.
    Denied,
    /// It gave an unexpected answer: to what, and which.
    Unexpected(&'static str, String),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "the registry can't be reached: {error}"),
            Self::Untrusted(error) => write!(
                f,
                "the registry's certificate is not trusted: {error}; name the file with the certificate of its authority by --ca"
            ),
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
pub fn push(image: &Image, reference: &Reference, registry: Registry<'_>) -> Result<(), PushError> {
    let Registry {
        credentials,
        authorities,
    } = registry;
    let mut config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0);
    if let Some(authorities) = authorities {
        config = config.tls_config(TlsConfig::builder().root_certs(authorities.roots()).build());
    }
    let is_plain = reference.is_local() && authorities.is_none();
    let mut session = Session {
        agent: config.build().into(),
        scheme: if is_plain { "http" } else { "https" },
        reference,
        credentials,
        authorization: credentials.map(Credentials::header),
    };
    for part in &image.parts {
        session.push_blob(part)?;
    }
    session.push_manifest(&image.manifest)
}

/// The requests of one push.
struct Session<'r> {
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

impl Session<'_> {
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
        let offered = answer.headers().get_all(WWW_AUTHENTICATE);
        let offered = offered.iter().filter_map(|it| it.to_str().ok());
        // A registry that takes a password has been sent one already.
        let challenge = offered
            .filter_map(Challenge::read)
            .next()
            .ok_or(PushError::Denied)?;
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
            Ok(answer) => answer.map_err(|error| failure(&error)),
            Err(error) => Err(PushError::Unexpected(sent.what, error.to_string())),
        }
    }

    /// Gets a token for this repository where the registry says.
    fn token(&self, challenge: &Challenge) -> Result<String, PushError> {
        // Over TLS, or on this machine where the registry is on it too: nothing else may hear the password.
        let is_https = challenge.realm.scheme_str() == Some("https");
        let is_local = self.scheme == "http"
            && challenge
                .realm
                .authority()
                .is_some_and(|it| is_local(it.as_str()));
        if !is_https && !is_local {
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
        let answer = request.call().map_err(|error| failure(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(PushError::Denied);
        }
        let text = answer.into_body().read_to_string();
        let text = text.map_err(|error| failure(&error))?;
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
        let (scheme, parameters) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return None;
        }
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

/// The error for a request that got no answer.
fn failure(error: &ureq::Error) -> PushError {
    let text = error.to_string();
    // The client has no kind of error for it: rustls' is inside one of the system's.
    match text.split_once("invalid peer certificate: ") {
        Some((_, reason)) => PushError::Untrusted(reason.to_owned()),
        None => PushError::Unreachable(text),
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
        status => {
            let reason = reason(answer).map_or(String::new(), |it| format!(" ({it})"));
            Err(PushError::Unexpected(what, format!("{status}{reason}")))
        }
    }
}

/// What the registry says of an error: `errors` of the distribution specification, or a line of text.
fn reason(answer: Response<Body>) -> Option<String> {
    let mut body = answer.into_body();
    let text = body.with_config().limit(LONGEST_REASON).read_to_string().ok()?;
    let reason = match serde_json::from_str::<Value>(&text) {
        Ok(errors) => {
            let error = errors.get("errors")?.get(0)?;
            let field = |name: &str| error.get(name).and_then(Value::as_str);
            let parts = [field("code"), field("message")].into_iter().flatten();
            parts.collect::<Vec<_>>().join(": ")
        }
        // A page of a server in front of the registry says nothing to a reader of a terminal; a line of text does.
        Err(_) if text.trim_start().starts_with('<') => return None,
        Err(_) => text.lines().next()?.to_owned(),
    };
    // It is printed on a terminal.
    let reason: String = reason.chars().filter(|it| !it.is_control()).take(200).collect();
    (!reason.is_empty()).then_some(reason)
}
