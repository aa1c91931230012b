//! What Envoy lets through, and others do not read as it was meant.

use std::fmt;

/// Something that Envoy lets through, and a client, an upstream or a called cluster takes otherwise than it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The plugin that did it, where one did.
    pub plugin: Option<String>,
    /// What happens, and what to do instead.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plugin {
            Some(plugin) => write!(f, "plugin {plugin:?}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
