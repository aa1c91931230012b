//! Why the proxy cannot answer a request at all.

use std::fmt;

use fingerpost_proxy_model::ModelError;

/// Why a simulated proxy does not start, or why it stopped. A request that the model cannot predict is not an error: it is
/// `Skipped`.
#[derive(Debug)]
pub enum ProxyError {
    /// The model does not know a field of the bootstrap.
    Model(ModelError),
    /// The filter does not start, does not accept its configuration, or failed on a request.
    Filter(String),
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => write!(f, "this configuration cannot be simulated: {error}"),
            Self::Filter(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Model(error) => Some(error),
            Self::Filter(_) => None,
        }
    }
}
