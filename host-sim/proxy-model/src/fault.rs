//! The fault filter: delays requests, and aborts them.

use serde::Deserialize;

use crate::ModelError;
use crate::dice::{Fraction, StreamRoll};
use crate::read::{Ignored, Milliseconds};

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

/// `HTTPFault` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenFault {
    #[serde(rename = "@type")]
    _type: Ignored,
    delay: Option<WrittenDelay>,
    abort: Option<WrittenAbort>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDelay {
    fixed_delay: Milliseconds,
    #[serde(default = "never")]
    percentage: Fraction,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAbort {
    http_status: Option<u16>,
    grpc_status: Option<u32>,
    #[serde(default = "never")]
    percentage: Fraction,
}

fn never() -> Fraction {
    Fraction {
        numerator: 0,
        denominator: 100,
    }
}

/// What becomes of one request.
pub(crate) struct Injected {
    pub(crate) delay_ms: u64,
    pub(crate) abort: Option<Abort>,
}

impl Fault {
    pub(crate) fn read(written: WrittenFault) -> Result<Self, ModelError> {
        let abort = match written.abort {
            None => None,
            Some(abort) => {
                let kind = match (abort.http_status, abort.grpc_status) {
                    (Some(status), None) => Abort::Http(status),
                    (None, Some(status)) => Abort::Grpc(status),
                    _ => {
                        return Err(ModelError::new(
                            "abort: expected one of http_status and grpc_status",
                        ));
                    }
                };
                Some((kind, abort.percentage))
            }
        };
        Ok(Self {
            delay: written.delay.map(|it| (it.fixed_delay.0, it.percentage)),
            abort,
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
