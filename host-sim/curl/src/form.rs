//! `-F` and `--form-string`: a body of `multipart/form-data` (RFC 7578), as curl writes it.
//!
//! curl draws the boundary at random; here it is fixed and of the same length, so that the length of the body is right.

use crate::error::CurlError;
use crate::files::FileReader;

/// As long as curl's: 24 dashes and 22 letters and digits.
const BOUNDARY: &str = "------------------------fingerpost000000000000";

/// The `content-type` of a form.
pub(crate) fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The body of a form. Values of `plain` are never files.
pub(crate) fn body(parts: &[String], plain: &[String], files: FileReader<'_>) -> Result<Vec<u8>, CurlError> {
    let mut body = Vec::new();
    for part in parts {
        let (name, value) = split(part)?;
        let (marker, value, settings) = split_settings(value);
        let mut head = format!("Content-Disposition: form-data; name=\"{name}\"");
        let mut kind = setting(&settings, "type");
        if marker == Some('@') {
            let shown = setting(&settings, "filename").unwrap_or_else(|| base_name(value));
            head.push_str(&format!("; filename=\"{shown}\""));
            kind = kind.or(Some("application/octet-stream"));
        }
        if let Some(kind) = kind {
            head.push_str(&format!("\r\nContent-Type: {kind}"));
        }
        let content = match marker {
            Some(_) => files(value)?,
            None => value.as_bytes().to_vec(),
        };
        add(&mut body, &head, &content);
    }
    for part in plain {
        let (name, value) = split(part)?;
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        add(&mut body, &head, value.as_bytes());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    Ok(body)
}

fn add(body: &mut Vec<u8>, head: &str, content: &[u8]) {
    body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n");
}

fn split(part: &str) -> Result<(&str, &str), CurlError> {
    part.split_once('=')
        .ok_or_else(|| CurlError::new(format!("-F {part}: expected `name=value`")))
}

/// The marker (`@` or `<`) of a value, the value, and what follows it as `;name=value`. A value in double quotes may hold
/// semicolons.
fn split_settings(value: &str) -> (Option<char>, &str, Vec<(&str, &str)>) {
    let marker = value.chars().next().filter(|it| matches!(it, '@' | '<'));
    let value = value.strip_prefix(['@', '<']).unwrap_or(value);
    if let Some((quoted, rest)) = value.strip_prefix('"').and_then(|it| it.split_once('"')) {
        return (marker, quoted, settings(rest));
    }
    let known = [";type=", ";filename=", ";headers=", ";encoder="];
    let end = known.iter().filter_map(|it| value.find(it)).min();
    let (value, rest) = value.split_at(end.unwrap_or(value.len()));
    (marker, value, settings(rest))
}

fn settings(text: &str) -> Vec<(&str, &str)> {
    let parts = text.split(';').filter_map(|it| it.split_once('='));
    parts
        .map(|(name, value)| (name.trim(), value.trim_matches('"')))
        .collect()
}

fn setting<'s>(settings: &[(&str, &'s str)], name: &str) -> Option<&'s str> {
    let mut found = settings.iter().filter(|(it, _)| *it == name);
    found.next().map(|(_, value)| *value)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
