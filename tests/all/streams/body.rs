//! Bodies that clients and servers here send and read.

use std::convert::Infallible;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};

/// A body that is sent.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The end of a body that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// All of it came.
    Whole {
        bytes: usize,
        trailers: Vec<(String, String)>,
    },
    /// It broke off: the proxy gave the request up.
    Broken,
}

/// How long a piece of a long body is.
const PIECE: usize = 64 * 1024;

/// A body of this text.
pub(super) fn text(text: &'static str) -> Body {
    Body::new(http_body_util::Full::new(Bytes::from_static(text.as_bytes())))
}

/// A body of so many bytes, in pieces that are made as they are sent.
pub(super) fn long(count: usize) -> Body {
    static ZEROS: [u8; PIECE] = [0; PIECE];
    let pieces = (0..count).step_by(PIECE).map(move |from| {
        let length = PIECE.min(count - from);
        Ok(Frame::data(Bytes::from_static(&ZEROS[..length])))
    });
    Body::new(StreamBody::new(stream::iter(pieces)))
}

/// Reads a body to its end.
pub(super) async fn read(mut body: Incoming) -> Ended {
    let (mut bytes, mut trailers) = (0, Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Ended::Broken };
        match frame.into_data() {
            Ok(data) => bytes += data.len(),
            Err(frame) => {
                let came = frame.into_trailers().unwrap_or_default();
                trailers.extend(came.iter().map(|(name, value)| {
                    let value = value.to_str().unwrap_or_default();
                    (name.to_string(), value.to_owned())
                }));
            }
        }
    }
    Ended::Whole { bytes, trailers }
}
