//! What the model adds to Envoy's headers: their text.

/// UTF-8, or else Latin-1: as an echo server notes what it receives.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
