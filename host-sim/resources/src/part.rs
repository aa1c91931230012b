//! Pieces of resources in texts of another kind, such as a test that holds an `HTTPRewrite`.

use std::sync::Arc;

use crate::decode::{Decode, Decoder};
use crate::diagnostic::Diagnostics;
use crate::yaml::Node;

/// A piece of a resource, such as `HttpRewrite` or a list of `HttpRouteDestination`, in a text of another kind.
pub trait Part: Sized {
    /// Reads it strictly. What can't be read is its default; why is among the diagnostics.
    fn read(node: &Node, file: &Arc<str>, path: &str, diagnostics: &mut Diagnostics) -> Self;
}

impl<T: Decode> Part for T {
    fn read(node: &Node, file: &Arc<str>, path: &str, diagnostics: &mut Diagnostics) -> Self {
        let mut to = Decoder::new(file, String::new(), true, diagnostics);
        to.enter_field(path);
        T::decode(node, &mut to)
    }
}
