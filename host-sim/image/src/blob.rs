//! Bytes that are known by their digest.

use sha2::{Digest, Sha256};

/// A part of an image: a layer, a configuration, or the manifest that names the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What the bytes are.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Blob {
    /// Takes bytes of that type.
    pub(crate) fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            media_type,
            sha256: sha256_hex(&bytes),
            bytes,
        }
    }

    /// As manifests and registries name it: `sha256:…`.
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.sha256)
    }
}

/// The SHA-256 of `bytes`, in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|it| format!("{it:02x}"))
        .collect()
}
