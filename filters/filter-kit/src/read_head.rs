//! The head of a request, out of the proxy's list of headers.

use crate::{HeaderBlock, Malformed};
use fingerpost_routing::{Header, RequestHead};
use fingerpost_routing_config::DISPATCH_HEADER;

/// The pseudo headers, and the others.
#[derive(Debug, Default)]
pub struct HeadParts<'b> {
    authority: Option<&'b [u8]>,
    method: Option<&'b [u8]>,
    scheme: Option<&'b [u8]>,
    target: Option<&'b [u8]>,
    plain: Vec<Header<'b>>,
    has_key: bool,
}

/// Sorts the headers of a request.
///
/// The dispatch header is not one of them: no condition sees it, so a filter that runs after another decides alike.
pub fn read_head(block: &HeaderBlock) -> Result<HeadParts<'_>, Malformed> {
    let pairs = block.pairs()?;
    let mut parts = HeadParts {
        plain: Vec::with_capacity(pairs.size_hint().0),
        ..HeadParts::default()
    };
    for pair in pairs {
        let (name, value) = pair?;
        match name {
            b":authority" => parts.authority = Some(value),
            b":method" => parts.method = Some(value),
            b":scheme" => parts.scheme = Some(value),
            b":path" => parts.target = Some(value),
            _ if name.eq_ignore_ascii_case(DISPATCH_HEADER.as_bytes()) => parts.has_key = true,
            _ => parts.plain.push((name, value)),
        }
    }
    Ok(parts)
}

impl HeadParts<'_> {
    /// The head, as routing looks at it.
    pub fn head(&self) -> RequestHead<'_> {
        RequestHead::new(self.authority, self.target)
            .with_method(self.method)
            .with_scheme(self.scheme)
            .with_headers(&self.plain)
    }

    /// Whether the request has a dispatch key already: one of another filter's, or the client's own.
    pub fn has_key(&self) -> bool {
        self.has_key
    }
}

#[cfg(test)]
mod tests {
    use super::read_head;
    use crate::HeaderBlock;

    #[test]
    fn pseudo_headers_become_fields_the_key_is_set_apart_and_the_rest_stays_in_order() {
        let pairs: [(&[u8], &[u8]); 7] = [
            (b":authority", b"a.test"),
            (b":path", b"/p?q"),
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b"X-Fingerpost-Route", b"k"),
            (b"x-a", b"1"),
            (b"x-a", b"\xff"),
        ];
        let block = HeaderBlock::from_pairs(pairs);
        let parts = read_head(&block).unwrap();
        let head = parts.head();
        assert_eq!(
            (head.authority(), head.path(), head.query()),
            (Some(&b"a.test"[..]), Some(&b"/p"[..]), Some(&b"q"[..]))
        );
        assert_eq!(
            (head.method(), head.scheme()),
            (Some(&b"GET"[..]), Some(&b"http"[..]))
        );
        assert_eq!(head.headers(), &pairs[5..]);
        assert!(parts.has_key());
    }
}
