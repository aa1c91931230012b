//! What is known about a request beside its headers, for the variables of a header edit.

use crate::Headers;

/// The circumstances of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts<'a> {
    /// The server name that the client asks for.
    pub(crate) server_name: Option<&'a str>,
    /// The route's name.
    pub(crate) route_name: &'a str,
    /// The virtual host's name.
    pub(crate) virtual_host: &'a str,
    /// The cluster, once one is chosen.
    pub(crate) cluster: Option<&'a str>,
    /// The headers of the answer, once there is one.
    pub(crate) answer: Option<&'a Headers>,
}
