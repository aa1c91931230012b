//! The compiled proxy on this machine, without an Envoy: the model around, the filter inside.
//!
//! `request`, `test` and `serve` ask it. What a request comes to is decided by the crates below; nothing here knows a
//! rule about routing.

mod filters;

use std::cell::RefCell;

use clap::ValueEnum;
use fingerpost_envoy_http::MILLISECONDS;
use fingerpost_proxy_model::{Entrance, Model, Outcome, Reply, Request, Routed, Skipped};

use self::filters::{Filters, chance};
use crate::asked::Scheme;
use crate::failure::Failure;
use crate::load::Loaded;
use crate::test::Answer;

/// Who runs the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runner {
    /// The module that Envoy loads, in the simulator
    Wasm,
    /// The same code, natively
    Core,
}

/// The proxy as a model, with the filter in it.
pub(crate) struct Proxy {
    model: Model,
    filters: RefCell<Filters>,
}

impl Proxy {
    /// The proxy of what was compiled; one declared port a listener.
    pub(crate) fn new(loaded: &Loaded, runner: Runner) -> Result<Self, Failure> {
        let refused = |error| Failure::refused(format!("the model can't stand for this: {error}"));
        let mut model = Model::new(&loaded.compiled.bootstrap).map_err(refused)?;
        for listener in &loaded.compiled.plan.listeners {
            if let Ok(port) = u16::try_from(listener.port) {
                model = model.with_declared_port(port, listener.name.clone());
            }
        }
        let filters = match runner {
            Runner::Wasm => Filters::wasm()?,
            Runner::Core => Filters::core(),
        };
        Ok(Self {
            model,
            filters: RefCell::new(filters),
        })
    }

    /// What comes of a request, as far as the model knows.
    pub(crate) fn answer(&mut self, sent: &Request) -> Result<Result<Outcome, Skipped>, Failure> {
        let filters = self.filters.get_mut();
        let outcome = self.model.answer(sent, filters, &mut chance());
        filters.fault().map_or(Ok(outcome), Err)
    }

    /// What comes of a request if all dice show this number.
    pub(crate) fn answer_to(
        &mut self,
        sent: &Request,
        roll: u64,
    ) -> Result<Result<Outcome, Skipped>, Failure> {
        let filters = self.filters.get_mut();
        filters.fix(Some(roll));
        let outcome = self.model.answer(sent, filters, &mut || roll);
        filters.fix(None);
        filters.fault().map_or(Ok(outcome), Err)
    }

    /// What the client receives if the cluster answers so and all dice show this number; none where no cluster is asked.
    pub(crate) fn pass_on(
        &mut self,
        sent: &Request,
        roll: u64,
        answer: &Answer,
    ) -> Result<Result<Option<Answer>, Skipped>, Failure> {
        let bytes =
            |(name, value): &(String, String)| (name.clone().into_bytes(), value.clone().into_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let filters = self.filters.get_mut();
        filters.fix(Some(roll));
        let routed = self.model.route(sent, filters, &mut || roll);
        let received = routed.and_then(|routed| match routed {
            Routed::Forwarded(forwarded) => {
                let mut reply = Reply {
                    status: answer.status,
                    headers: answer.headers.iter().map(bytes).collect(),
                    body: Vec::new(),
                };
                let service_time = b"x-envoy-upstream-service-time";
                reply.headers.retain(|(name, _)| name != service_time);
                reply.headers.push((service_time.to_vec(), MILLISECONDS.into()));
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
        filters.fix(None);
        filters.fault().map_or(Ok(received), Err)
    }

    /// Where a request goes and as what, for whoever has upstreams to ask.
    pub(crate) fn route<'m>(&'m self, sent: &'m Request) -> Result<Result<Routed<'m>, Skipped>, Failure> {
        let mut filters = self.filters.borrow_mut();
        let routed = self.model.route(sent, &mut *filters, &mut chance());
        filters.fault().map_or(Ok(routed), Err)
    }

    /// What each listener takes.
    pub(crate) fn entrances(&self) -> impl Iterator<Item = Entrance<'_>> {
        self.model.entrances()
    }
}

/// An id for a request, as Envoy makes it: a random UUID.
pub(crate) fn request_id() -> String {
    let mut roll = chance();
    let (high, low) = (roll(), roll());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// The Gateway port that a URL means: its own, else its scheme's, else that of the only listener.
pub(crate) fn port(written: Option<u32>, scheme: Option<Scheme>, loaded: &Loaded) -> Result<u16, Failure> {
    let listeners = &loaded.compiled.plan.listeners;
    let known = |port: &u32| {
        listeners
            .iter()
            .any(|it| it.port == *port || it.listen_port == *port)
    };
    let by_scheme = scheme.map(Scheme::port);
    let only = match listeners.as_slice() {
        [only] => Some(only.port),
        _ => None,
    };
    let chosen = written
        .filter(known)
        .or(by_scheme.filter(known))
        .or(only)
        .or(by_scheme)
        .unwrap_or(80);
    u16::try_from(chosen).map_err(|_| Failure::refused(format!("{chosen} is no port")))
}
