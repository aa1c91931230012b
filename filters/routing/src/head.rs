//! What the filter knows of a request: its head, as bytes.

use crate::HeaderName;

/// The head of a request. The only thing that a decision depends on, beside the table and the dice.
///
/// Each pseudo header has a field, all others are in `headers`, in order and with repetitions.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    authority: Option<&'a [u8]>,
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
    headers: &'a [Header<'a>],
    /// Where the query or the fragment of `target` begins.
    path_end: usize,
}

/// A name and a value.
pub type Header<'a> = (&'a [u8], &'a [u8]);

impl<'a> RequestHead<'a> {
    /// A request for `target` (`:path`: path, query and fragment), without any other header.
    pub fn new(authority: Option<&'a [u8]>, target: Option<&'a [u8]>) -> Self {
        let raw = target.unwrap_or_default();
        let path_end = raw
            .iter()
            .position(|it| matches!(it, b'?' | b'#'))
            .unwrap_or(raw.len());
        Self {
            authority,
            method: None,
            scheme: None,
            target,
            headers: &[],
            path_end,
        }
    }

    /// With this method.
    #[must_use]
    pub fn with_method(self, method: Option<&'a [u8]>) -> Self {
        Self { method, ..self }
    }

    /// With this scheme.
    #[must_use]
    pub fn with_scheme(self, scheme: Option<&'a [u8]>) -> Self {
        Self { scheme, ..self }
    }

    /// With these headers, none of them a pseudo header.
    #[must_use]
    pub fn with_headers(self, headers: &'a [Header<'a>]) -> Self {
        Self { headers, ..self }
    }

    /// `:authority`, as the client sent it.
    pub fn authority(&self) -> Option<&'a [u8]> {
        self.authority
    }

    /// `:method`
    pub fn method(&self) -> Option<&'a [u8]> {
        self.method
    }

    /// `:scheme`
    pub fn scheme(&self) -> Option<&'a [u8]> {
        self.scheme
    }

    /// `:path`, whole. A CONNECT request has none.
    pub fn target(&self) -> Option<&'a [u8]> {
        self.target
    }

    /// The path without query and fragment.
    pub fn path(&self) -> Option<&'a [u8]> {
        self.target?.get(..self.path_end)
    }

    /// What follows the path in the target, with its `?` or `#`.
    pub fn after_path(&self) -> &'a [u8] {
        self.target
            .and_then(|it| it.get(self.path_end..))
            .unwrap_or_default()
    }

    /// What follows the first `?`. Envoy looks for it behind a `#` too.
    pub fn query(&self) -> Option<&'a [u8]> {
        let after = self.after_path();
        let mark = after.iter().position(|it| *it == b'?')?;
        after.get(mark + 1..)
    }

    /// The headers that are not pseudo headers.
    pub fn headers(&self) -> &'a [Header<'a>] {
        self.headers
    }

    /// The values of one header, in order.
    pub fn values<'n>(&self, name: &'n HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let (pseudo, plain) = match name {
            HeaderName::Authority => (self.authority, None),
            HeaderName::Method => (self.method, None),
            HeaderName::Scheme => (self.scheme, None),
            HeaderName::Path => (self.target, None),
            HeaderName::Plain(name) => (None, Some(name.as_bytes())),
        };
        let headers = if plain.is_some() { self.headers } else { &[] };
        let named = headers
            .iter()
            .filter(move |(key, _)| plain.is_some_and(|it| key.eq_ignore_ascii_case(it)));
        pseudo.into_iter().chain(named.map(|(_, value)| *value))
    }
}
