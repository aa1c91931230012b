//! The request of a test: `POST https://shop.example.com/cart`, or a map.
//!
//! A request may come in two parts, one of the test and one of a row of its table: the row's goes before the test's,
//! field by field.

use fingerpost_proxy_model::Tls;
use fingerpost_resources::Code;
use fingerpost_resources::yaml::Value;
use fingerpost_simulated_proxy::{Scheme, Url, host_of};

use super::fields::{Field, Fields, written};
use crate::suite::TestRequest;

/// The fields of a request.
pub(super) const REQUEST: &[&str] = &[
    "url",
    "method",
    "authority",
    "path",
    "port",
    "headers",
    "body",
    "tls",
];
/// The fields of its `tls`.
pub(super) const TLS: &[&str] = &["sni", "clientCertificate"];

/// As much of a request as is written in one place.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestParts {
    url: Option<Url>,
    method: Option<String>,
    authority: Option<String>,
    path: Option<String>,
    port: Option<u16>,
    headers: Vec<(String, Vec<String>)>,
    body: Option<String>,
    tls: Option<Option<Tls>>,
}

/// What a request lacks.
pub(super) struct NoHost;

/// Reads a request.
pub(super) fn read(field: &Field<'_>, cx: &mut Fields<'_>) -> RequestParts {
    let mut parts = RequestParts::default();
    if let Some(text) = written(field.node) {
        short(&text, field, cx, &mut parts);
        return parts;
    }
    if !matches!(field.node.value, Value::Map(_)) {
        cx.expected(field, "a request")
            .help("write e.g. GET http://shop.example.com/cart, or a map with `url`");
        return parts;
    }
    for entry in cx.map(field, "a request", REQUEST) {
        let value = field.field(entry);
        match &*entry.key {
            "url" => {
                if let Some(text) = cx.text(&value, "http://shop.example.com/cart") {
                    short(&text, &value, cx, &mut parts);
                }
            }
            "method" => parts.method = cx.text(&value, "POST"),
            "authority" => parts.authority = cx.text(&value, "shop.example.com"),
            "path" => parts.path = cx.text(&value, "/cart?id=1"),
            "port" => {
                let port = cx.number(&value, 1, 65535, "80");
                parts.port = port.and_then(|it| u16::try_from(it).ok());
            }
            "headers" => parts.headers = headers(&value, cx),
            "body" => parts.body = cx.text(&value, "a=b"),
            "tls" => parts.tls = tls(&value, cx),
            _ => {}
        }
    }
    parts
}

/// `[METHOD] URL`
fn short(text: &str, field: &Field<'_>, cx: &mut Fields<'_>, parts: &mut RequestParts) {
    let (method, url) = match text.trim().split_once(char::is_whitespace) {
        Some((method, url)) => (Some(method), url.trim_start()),
        None => (None, text.trim()),
    };
    if let Some(method) = method {
        parts.method = Some(method.to_owned());
    }
    match url.parse() {
        Ok(url) => parts.url = Some(url),
        Err(reason) => {
            cx.refuse(field, Code::WrongUrl, format!("invalid URL: {reason}"))
                .help("write e.g. GET http://shop.example.com/cart");
        }
    }
}

fn headers(field: &Field<'_>, cx: &mut Fields<'_>) -> Vec<(String, Vec<String>)> {
    let mut headers = Vec::new();
    for entry in cx.any_map(field, "{x-user: jason}") {
        let values = cx.one_or_more(&field.field(entry));
        let values = values.iter().filter_map(|it| cx.text(it, "jason")).collect();
        headers.push((entry.key.to_ascii_lowercase(), values));
    }
    headers
}

fn tls(field: &Field<'_>, cx: &mut Fields<'_>) -> Option<Option<Tls>> {
    if let Value::Scalar(_) = &field.node.value {
        let wanted = cx.boolean(field)?;
        return Some(wanted.then(Tls::default));
    }
    let mut tls = Tls::default();
    for entry in cx.map(field, "tls", TLS) {
        let value = field.field(entry);
        if *entry.key == *"sni" {
            tls.sni = cx.text(&value, "shop.example.com");
        } else {
            tls.client_cert = cx.boolean(&value).filter(|it| *it).map(Into::into);
        }
    }
    Some(Some(tls))
}

impl RequestParts {
    /// These parts, and of `base` what they leave open.
    pub(super) fn over(self, base: &Self) -> Self {
        let mut headers = base.headers.clone();
        for (name, values) in self.headers {
            match headers.iter_mut().find(|(it, _)| *it == name) {
                Some((_, old)) => *old = values,
                None => headers.push((name, values)),
            }
        }
        // A URL replaces all of these.
        let below = if self.url.is_some() {
            &Self::default()
        } else {
            base
        };
        Self {
            method: self.method.or_else(|| base.method.clone()),
            authority: self.authority.or_else(|| below.authority.clone()),
            path: self.path.or_else(|| below.path.clone()),
            port: self.port.or(below.port),
            url: self.url.or_else(|| base.url.clone()),
            headers,
            body: self.body.or_else(|| base.body.clone()),
            tls: self.tls.or_else(|| base.tls.clone()),
        }
    }

    /// The whole request.
    pub(super) fn finish(self) -> Result<TestRequest, NoHost> {
        let from_url = self.url.as_ref();
        let authority = self
            .authority
            .or_else(|| from_url.map(|it| it.authority.clone()))
            .ok_or(NoHost)?;
        let scheme = from_url.and_then(|it| it.scheme);
        let server_name = || {
            let host = from_url.map_or(authority.as_str(), |it| &it.authority);
            host_of(host).to_owned()
        };
        let tls = match self.tls {
            Some(Some(tls)) => Some(Tls {
                sni: tls.sni.or_else(|| Some(server_name())),
                ..tls
            }),
            Some(None) => None,
            None => (scheme == Some(Scheme::Https)).then(|| Tls {
                sni: Some(server_name()),
                client_cert: None,
            }),
        };
        let default = if self.body.is_some() { "POST" } else { "GET" };
        let mut headers: Vec<(String, String)> = self
            .headers
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
            .collect();
        if let Some(body) = &self.body {
            headers.push(("content-length".to_owned(), body.len().to_string()));
        }
        let scheme = match &tls {
            Some(_) => Some(Scheme::Https),
            None => scheme,
        };
        Ok(TestRequest {
            method: self.method.as_deref().unwrap_or(default).to_ascii_uppercase(),
            path: self
                .path
                .or_else(|| self.url.as_ref().map(|it| it.target.clone()))
                .unwrap_or_else(|| "/".to_owned()),
            port: self.port,
            authority,
            headers,
            scheme,
            tls,
            ..TestRequest::default()
        })
    }
}
