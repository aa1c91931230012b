//! Bodies, from wherever they come.

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};

/// A body that is passed on as it comes, or one of our own.
pub(crate) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// One of our own.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// One that is passed on as it comes.
pub(crate) fn passed_on(incoming: Incoming) -> Body {
    incoming.boxed_unsync()
}
