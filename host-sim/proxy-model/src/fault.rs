//! The fault filter: delays requests, and aborts them.

use fingerpost_envoy_config::filters::fault::{AbortError, FaultAbort, HttpFault};

use crate::ModelError;
use crate::dice::{Fraction, StreamRoll};
use crate::read::milliseconds;

/// The faults of a route.
#[derive(Debug)]
pub(crate) struct Fault {
    delay: Option<(u64, Fraction)>,
    abort: Option<(Abort, Fraction)>,
}

/// What an aborted request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Abort {
    Http(u16),
    Grpc(u32),
}

/// What becomes of one request.
pub(crate) struct Injected {
    pub(crate) delay_ms: u64,
    pub(crate) abort: Option<Abort>,
}

impl Fault {
    pub(crate) fn read(fault: HttpFault) -> Result<Self, ModelError> {
        let HttpFault { delay, abort } = fault;
        let abort = abort.map(|FaultAbort { error, percentage }| {
            let kind = match error {
                AbortError::HttpStatus(status) => {
                    Abort::Http(u16::try_from(status).map_err(ModelError::new)?)
                }
                AbortError::GrpcStatus(status) => Abort::Grpc(status),
            };
            Ok::<_, ModelError>((kind, percentage.into()))
        });
        Ok(Self {
            delay: delay.map(|it| (milliseconds(it.fixed_delay), it.percentage.into())),
            abort: abort.transpose()?,
        })
    }

    /// Draws for one request: for the delay, then for the abort.
    pub(crate) fn inject(&self, dice: &mut StreamRoll<'_>) -> Injected {
        let delayed = self.delay.filter(|(_, fraction)| fraction.takes(|| dice.fresh()));
        let aborted = self.abort.filter(|(_, fraction)| fraction.takes(|| dice.fresh()));
        Injected {
            delay_ms: delayed.map_or(0, |(delay, _)| delay),
            abort: aborted.map(|(abort, _)| abort),
        }
    }
}
