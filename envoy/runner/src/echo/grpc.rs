//! gRPC, as far as a health check needs it: `grpc.health.v1.Health/Check` says that every service is serving. Other calls are
//! unimplemented (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).
//!
//! The message is five bytes and two; a library for it would build for longer than all the rest of the echo server.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// `HealthCheckResponse{status: SERVING}`: a frame that is not compressed, two bytes long, and field 1 as 1.
pub(super) const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Whether a request is a call.
pub(super) fn is_call(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|it| it.starts_with("application/grpc"))
}

/// Whether a call is the health check.
pub(super) fn is_health_check(path: &str) -> bool {
    path == "/grpc.health.v1.Health/Check"
}

/// The trailers of a call that succeeds.
pub(super) fn ok() -> HeaderMap {
    HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))])
}

/// The headers of a call that is not implemented: status 12.
pub(super) fn unimplemented(headers: &mut HeaderMap) {
    headers.insert(STATUS, HeaderValue::from_static("12"));
    headers.insert(
        MESSAGE,
        HeaderValue::from_static("this echo server answers grpc.health.v1.Health/Check only"),
    );
}
