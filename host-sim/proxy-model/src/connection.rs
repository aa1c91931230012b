//! A connection: what a client speaks, and over what.

use crate::request::{Tls, Version};

/// A connection as a listener sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection<'r> {
    /// None: plain text.
    pub(crate) tls: Option<&'r Tls>,
    /// What the client speaks over it.
    pub(crate) version: Version,
}

impl<'r> Connection<'r> {
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(crate) fn server_name(&self) -> Option<&'r str> {
        self.tls?.sni.as_deref()
    }
}
