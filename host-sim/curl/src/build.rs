//! From flags to a request: which method, which headers, which body.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::data::encoded;
use crate::error::CurlError;
use crate::files::FileReader;
use crate::flags::CurlFlags;
use crate::form;
use crate::request::{ConnectTo, CurlRequest, Following, HostHeader};
use crate::url_parts;

/// As many redirects as curl follows.
const MOST_REDIRECTS: u32 = 50;
/// Where curl would follow any number: a location that grows with each answer never comes again.
const MOST_WITHOUT_LIMIT: u32 = 1000;
/// What a curl with all its libraries accepts.
const COMPRESSED: &str = "deflate, gzip, br, zstd";

/// The body, and the headers that it brings along.
struct Body {
    bytes: Vec<u8>,
    content_type: Option<String>,
}

/// The request that `flags` describe. `method` is one that is given in another way than by `-X`, and unlike that it changes
/// when a redirect says so.
///
/// # Errors
/// The URL is none, a file can't be read, or two flags contradict each other.
pub fn build(
    flags: &CurlFlags,
    method: Option<&str>,
    url: &str,
    files: FileReader<'_>,
) -> Result<CurlRequest, CurlError> {
    let (mut url, user_of_url) = url_parts::parse(url)?;
    let mut notes = Vec::new();
    let mut body = body(flags, files)?;
    for piece in &flags.url_query {
        let query = match piece.strip_prefix('+') {
            Some(plain) => plain.as_bytes().to_vec(),
            None => encoded(piece, files)?,
        };
        url_parts::add_query(&mut url, &String::from_utf8_lossy(&query));
    }
    if flags.get
        && let Some(data) = body.take()
    {
        url_parts::add_query(&mut url, &String::from_utf8_lossy(&data.bytes));
    }
    if let Some(file) = &flags.upload_file
        && url.target.ends_with('/')
        && file != "-"
    {
        url.target.push_str(file.rsplit('/').next().unwrap_or_default());
    }
    if let Some(target) = &flags.request_target {
        url.target.clone_from(target);
    }
    let usual = match (&body, flags.upload_file.is_some()) {
        (Some(_), _) if flags.head => {
            return Err(CurlError::new(
                "-I sends HEAD and the data POST: leave one out, or add -G",
            ));
        }
        _ if flags.head => "HEAD",
        (_, true) => "PUT",
        (Some(_), false) => "POST",
        (None, false) => "GET",
    };
    let method = flags
        .custom_method
        .as_deref()
        .or(method)
        .unwrap_or(usual)
        .to_owned();
    if !is_token(&method) {
        return Err(CurlError::new(format!(
            "invalid method `{method}`: expected one such as GET or POST"
        )));
    }
    if flags.custom_method.is_some() && method != method.to_ascii_uppercase() {
        notes.push(format!(
            "-X sends the method as it is written: `{method}` is not `{}`",
            method.to_ascii_uppercase()
        ));
    }
    let mut headers = own_headers(flags, user_of_url.as_deref(), &mut notes)?;
    let of_body = body.as_ref().map(headers_of_body).unwrap_or_default();
    let custom = custom_headers(flags, files)?;
    let is_custom = |name: &str| custom.iter().any(|it| it.name == name);
    let names = of_body.iter().map(|(name, _)| name.clone());
    let headers_of_body = names.filter(|it| !is_custom(it)).collect();
    let cookies_are_private = is_custom("cookie");
    headers.extend(of_body);
    let headers = with_custom(headers, &custom);
    if !flags.resolve.is_empty() {
        notes.push(
            "--resolve has no effect: no name is looked up, the request goes to the Gateways".to_owned(),
        );
    }
    if flags.no_effect.writes_a_file() {
        notes.push("-o and -O have no effect: no answer is written to a file".to_owned());
    }
    let following = Following {
        most: match flags.max_redirs {
            None => MOST_REDIRECTS,
            Some(number) => u32::try_from(number).unwrap_or(MOST_WITHOUT_LIMIT),
        },
        is_post: (body.is_some() && flags.upload_file.is_none())
            || (flags.custom_method.is_none() && method == "POST"),
        keeps_method: flags.custom_method.is_some(),
        is_trusted: flags.location_trusted,
        keeps_post: [(301, flags.post301), (302, flags.post302), (303, flags.post303)]
            .into_iter()
            .filter_map(|(status, keeps)| keeps.then_some(status))
            .collect(),
        sets_referer: flags.referer.as_ref().is_some_and(|it| it.ends_with(";auto")),
        headers_of_body,
        cookies_are_private,
        connect_to: flags
            .connect_to
            .iter()
            .map(|it| connect_to(it))
            .collect::<Result<_, _>>()?,
        first_host: fingerpost_simulated_proxy::host_of(&url.authority).to_owned(),
    };
    Ok(CurlRequest {
        connect_port: following.connect_port(&url),
        method,
        url,
        host: host_header(&custom),
        headers,
        follows_redirects: flags.location || flags.location_trusted,
        notes,
        following,
    })
}

fn body(flags: &CurlFlags, files: FileReader<'_>) -> Result<Option<Body>, CurlError> {
    let has_form = !flags.form.is_empty() || !flags.form_string.is_empty();
    let given = [flags.data.is_given(), has_form, flags.upload_file.is_some()];
    if given.into_iter().filter(|it| *it).count() > 1 {
        return Err(CurlError::new(
            "a request has one body: data, a form (-F), or a file (-T)",
        ));
    }
    if let Some(file) = &flags.upload_file {
        let (bytes, content_type) = (files(file)?, None);
        return Ok(Some(Body { bytes, content_type }));
    }
    if has_form {
        return Ok(Some(Body {
            bytes: form::body(&flags.form, &flags.form_string, files)?,
            content_type: Some(form::content_type()),
        }));
    }
    if !flags.data.is_given() {
        return Ok(None);
    }
    let content_type = if flags.data.is_json() {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    Ok(Some(Body {
        bytes: flags.data.read(files)?,
        content_type: Some(content_type.to_owned()),
    }))
}

fn headers_of_body(body: &Body) -> Vec<(String, String)> {
    let length = ("content-length".to_owned(), body.bytes.len().to_string());
    let kind = body
        .content_type
        .clone()
        .map(|it| ("content-type".to_owned(), it));
    [length].into_iter().chain(kind).collect()
}

/// The headers that flags other than `-H` ask for.
fn own_headers(
    flags: &CurlFlags,
    user_of_url: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Vec<(String, String)>, CurlError> {
    let mut headers = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if let Some(user) = flags.user.as_deref().or(user_of_url) {
        if flags.user.is_some() && !user.contains(':') {
            return Err(CurlError::new(format!(
                "-u {user}: expected `user:password`; curl would ask for the password"
            )));
        }
        let user = if user.contains(':') {
            user.to_owned()
        } else {
            format!("{user}:")
        };
        add("authorization", format!("Basic {}", BASE64_STANDARD.encode(user)));
    } else if let Some(token) = &flags.oauth2_bearer {
        add("authorization", format!("Bearer {token}"));
    }
    if let Some(name) = flags.user_agent.as_ref().filter(|it| !it.is_empty()) {
        add("user-agent", name.clone());
    }
    if let Some(referer) = &flags.referer {
        let referer = referer.strip_suffix(";auto").unwrap_or(referer);
        if !referer.is_empty() {
            add("referer", referer.to_owned());
        }
    }
    if flags.data.is_json() {
        add("accept", "application/json".to_owned());
    }
    if flags.compressed {
        add("accept-encoding", COMPRESSED.to_owned());
    }
    if let Some(range) = &flags.range {
        add("range", format!("bytes={range}"));
    }
    let (cookies, files): (Vec<&String>, Vec<&String>) = flags
        .cookies
        .iter()
        .filter(|it| !it.is_empty())
        .partition(|it| it.contains('='));
    if let Some(file) = files.first() {
        notes.push(format!(
            "-b {file} names a file of cookies, which is not read: give the cookies as `name=value`"
        ));
    }
    if !cookies.is_empty() {
        let cookies: Vec<&str> = cookies.into_iter().map(String::as_str).collect();
        add("cookie", cookies.join("; "));
    }
    Ok(headers)
}

/// A header of `-H`. Without a value the header of curl's own is not sent.
struct CustomHeader {
    name: String,
    value: Option<String>,
}

fn custom_headers(flags: &CurlFlags, files: FileReader<'_>) -> Result<Vec<CustomHeader>, CurlError> {
    let mut headers = Vec::new();
    for text in &flags.headers {
        match text.strip_prefix('@') {
            Some(file) => {
                let bytes = files(file)?;
                let lines = String::from_utf8_lossy(&bytes).into_owned();
                for line in lines.lines().filter(|it| !it.trim().is_empty()) {
                    headers.push(custom_header(line)?);
                }
            }
            None if text.trim().is_empty() => {}
            None => headers.push(custom_header(text)?),
        }
    }
    Ok(headers)
}

fn custom_header(text: &str) -> Result<CustomHeader, CurlError> {
    let wrong = |reason: &str| CurlError::new(format!("invalid header `{text}`: {reason}"));
    let (name, value) = match (text.split_once(':'), text.trim_end().strip_suffix(';')) {
        (Some((name, value)), _) => (name, Some(value.trim()).filter(|it| !it.is_empty())),
        (None, Some(name)) => (name, Some("")),
        (None, None) => return Err(wrong("expected `name: value`, or `name;` to send it empty")),
    };
    if !is_token(name.trim()) {
        return Err(wrong("its name is not one"));
    }
    Ok(CustomHeader {
        name: name.trim().to_ascii_lowercase(),
        value: value.map(str::to_owned),
    })
}

/// curl's own headers, less those that `-H` gives or takes away, and those of `-H`.
fn with_custom(own: Vec<(String, String)>, custom: &[CustomHeader]) -> Vec<(String, String)> {
    let is_custom = |name: &str| custom.iter().any(|it| it.name == name);
    let is_chunked = custom.iter().any(|it| {
        it.name == "transfer-encoding" && it.value.as_ref().is_some_and(|it| it.contains("chunked"))
    });
    let mut headers: Vec<(String, String)> = own
        .into_iter()
        .filter(|(name, _)| !(is_custom(name) || is_chunked && name == "content-length"))
        .collect();
    for header in custom.iter().filter(|it| it.name != "host") {
        if let Some(value) = &header.value {
            headers.push((header.name.clone(), value.clone()));
        }
    }
    headers
}

/// The `host` of `-H`. Of several, curl sends the first with a value; tried with curl 7.88.
fn host_header(custom: &[CustomHeader]) -> HostHeader {
    let mut hosts = custom.iter().filter(|it| it.name == "host").peekable();
    if hosts.peek().is_none() {
        return HostHeader::OfUrl;
    }
    let given = hosts.find_map(|it| it.value.clone());
    given.map_or(HostHeader::Removed, HostHeader::Given)
}

fn connect_to(text: &str) -> Result<ConnectTo, CurlError> {
    let wrong = || {
        CurlError::new(format!(
            "--connect-to {text}: expected `host:port:host:port`, where parts may be empty"
        ))
    };
    let (host, rest) = split_host(text).ok_or_else(wrong)?;
    let (port, rest) = rest.split_once(':').ok_or_else(wrong)?;
    let (_, to_port) = split_host(rest).ok_or_else(wrong)?;
    let number = |text: &str| match text {
        "" => Ok(None),
        text => text.parse::<u16>().map(|it| Some(it.into())).map_err(|_| wrong()),
    };
    Ok(ConnectTo {
        host: host.to_owned(),
        port: number(port)?,
        to_port: number(to_port)?,
    })
}

/// A host, which may be an address in brackets, and what is behind the colon after it.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':')?
    };
    let (host, rest) = text.split_at(end);
    Some((host, rest.strip_prefix(':')?))
}

/// A token of HTTP: RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it))
}
