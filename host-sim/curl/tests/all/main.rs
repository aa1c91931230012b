//! What curl would send, by its command line. Each row was compared with what curl puts on the wire (7.88, and the
//! source of 8.22 where the two differ: percent-encoding, cookies, the boundary of forms).

mod redirects;
mod requests;

use fingerpost_curl::{CurlError, CurlRequest, HostHeader, PastedLine, build};

/// The request of a curl line. Files are `a.txt` and standard input.
fn request(line: &str) -> Result<CurlRequest, CurlError> {
    let parsed = PastedLine::parse(line)?;
    let files = |name: &str| match name {
        "a.txt" => Ok(b"one\r\ntwo & 2\n".to_vec()),
        "h.txt" => Ok(b"x-a: 1\n\nx-b;\n".to_vec()),
        "-" => Ok(b"in\n".to_vec()),
        name => Err(CurlError::new(format!("{name}: not found"))),
    };
    build(&parsed.flags, None, &parsed.url, &files)
}

/// The method, the URL and the headers, sorted.
fn shown(request: &CurlRequest) -> Vec<String> {
    let scheme = request.url.scheme.map_or("", |it| it.as_str());
    let url = format!("{scheme}://{}{}", request.url.authority, request.url.target);
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    let host = match &request.host {
        HostHeader::OfUrl => None,
        HostHeader::Given(host) => Some(format!("host: {host}")),
        HostHeader::Removed => Some("no host".to_owned()),
    };
    let mut headers: Vec<String> = headers.chain(host).collect();
    headers.sort();
    [vec![format!("{} {url}", request.method)], headers].concat()
}
