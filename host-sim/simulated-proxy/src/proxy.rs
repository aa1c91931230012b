//! The model of Envoy with the filter in it, and what a request to it comes to.

use std::cell::RefCell;

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_http::MILLISECONDS;
use fingerpost_proxy_model::{
    Accepted, Failure, ListenerTraffic, Model, Outcome, Reply, Request, Routed, Run, Skipped, Tls,
};
use fingerpost_simulator::Dice;

use crate::error::ProxyError;
use crate::filters::{FilterRuntime, Filters, random};

/// The proxy as a model, with the filter in it.
pub struct SimulatedProxy {
    model: Model,
    filters: RefCell<Filters>,
}

/// What an upstream answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl SimulatedProxy {
    /// The proxy of what was compiled; one declared port a listener.
    ///
    /// # Errors
    /// The model does not know a field of the bootstrap.
    pub fn new(compiled: &Compiled, runtime: FilterRuntime) -> Result<Self, ProxyError> {
        let mut model = Model::new(&compiled.bootstrap_json()).map_err(ProxyError::Model)?;
        for listener in &compiled.summary.listeners {
            if let Ok(port) = u16::try_from(listener.port) {
                model = model.with_declared_port(port, listener.name.clone());
            }
        }
        Ok(Self::of(model, runtime))
    }

    /// A proxy around this model.
    #[must_use]
    pub fn of(model: Model, runtime: FilterRuntime) -> Self {
        Self {
            model,
            filters: RefCell::new(Filters::new(runtime)),
        }
    }

    /// What comes of a request, as far as the model knows. Random numbers come by chance.
    ///
    /// # Errors
    /// The filter does not start, or failed.
    pub fn answer(&mut self, sent: &Request) -> Result<Result<Outcome, Skipped>, ProxyError> {
        self.answer_with(sent, None, &mut random)
    }

    /// What comes of a request if every random number is this one.
    ///
    /// # Errors
    /// As above.
    pub fn answer_to(&mut self, sent: &Request, roll: u64) -> Result<Result<Outcome, Skipped>, ProxyError> {
        self.answer_with(sent, Some(Dice::Fixed(roll)), &mut || roll)
    }

    /// What comes of a request if the filter draws from `filter_dice`, and Envoy from `envoy_dice`.
    ///
    /// # Errors
    /// As above.
    pub fn answer_with(
        &mut self,
        sent: &Request,
        filter_dice: Option<Dice>,
        envoy_dice: &mut dyn FnMut() -> u64,
    ) -> Result<Result<Outcome, Skipped>, ProxyError> {
        let filters = self.filters.get_mut();
        filters.draw_from(filter_dice);
        let outcome = self.model.answer(sent, filters, &mut || envoy_dice());
        filters.draw_from(None);
        filters.take_error().map_or(Ok(outcome), Err)
    }

    /// What the client receives if the cluster answers so and all dice show this number; none where the proxy answers by itself.
    ///
    /// # Errors
    /// As above.
    pub fn pass_on(
        &mut self,
        sent: &Request,
        roll: u64,
        answer: &Answer,
    ) -> Result<Result<Option<Answer>, Skipped>, ProxyError> {
        let bytes =
            |(name, value): &(String, String)| (name.clone().into_bytes(), value.clone().into_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let filters = self.filters.get_mut();
        filters.draw_from(Some(Dice::Fixed(roll)));
        let routed = self.model.route(sent, filters, &mut || roll);
        let received = routed.and_then(|routed| match routed {
            Routed::Forwarded(forwarded) => {
                let headers = answer.headers.iter().map(bytes).collect();
                let reply = Reply::from_upstream(answer.status, headers, MILLISECONDS.as_bytes());
                let reply = forwarded.finish(reply)?.sent_by(forwarded.server_name());
                let headers = reply.headers.iter();
                Ok(Some(Answer {
                    status: reply.status,
                    headers: headers.map(|(name, value)| (text(name), text(value))).collect(),
                }))
            }
            Routed::Answered(_) | Routed::Unanswered(_) | Routed::Passed { .. } => Ok(None),
        });
        let filters = self.filters.get_mut();
        filters.draw_from(None);
        filters.take_error().map_or(Ok(received), Err)
    }

    /// Where a request goes and with which headers, in a run, for a caller that has upstreams.
    ///
    /// # Errors
    /// As above.
    pub fn route<'m>(
        &'m self,
        run: &Run,
        sent: &'m Request,
    ) -> Result<Result<Routed<'m>, Skipped>, ProxyError> {
        let mut filters = self.filters.borrow_mut();
        let routed = self.model.route_in(run, sent, &mut *filters, &mut random);
        filters.take_error().map_or(Ok(routed), Err)
    }

    /// What becomes of a connection to this port, before any request on it.
    ///
    /// # Errors
    /// The proxy does not take it.
    pub fn accept(&self, port: u16, tls: Option<&Tls>) -> Result<Accepted<'_>, Failure> {
        self.model.accept(port, tls)
    }

    /// What each listener takes.
    pub fn traffic(&self) -> impl Iterator<Item = ListenerTraffic<'_>> {
        self.model.traffic()
    }
}

/// An id for a request, as Envoy makes it: a random UUID.
#[must_use]
pub fn request_id() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}
