//! The OCI image of the filter's module, and how it gets into a registry.
//!
//! [`Image`] is made of the module's bytes alone, without a daemon: the same bytes give the same digest on every machine. It is
//! written as a folder ([`layout`]) that tools such as skopeo and oras copy, or pushed to a registry ([`push`]).
//!
//! Sources: OCI image specification 1.1, OCI distribution specification 1.1, and for the two forms that Istio's agent reads its
//! `pkg/wasm/imagefetcher.go`.

mod authorities;
mod blob;
mod credentials;
mod image;
mod layout;
mod push;
mod reference;

pub use authorities::{Authorities, InvalidAuthorities};
pub use blob::{Blob, sha256_hex};
pub use credentials::Credentials;
pub use image::{Form, Image};
pub use layout::layout;
pub use push::{PushError, Registry, push};
pub use reference::{InvalidReference, Reference};
