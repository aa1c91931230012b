//! The filter in the model: the module in the simulator, or the same code natively.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use fingerpost_proxy_model::{Filter, FilterSite, FilterVerdict, Headers};
use fingerpost_simulator::{
    Dice, HeaderKind, Headers as GuestHeaders, LogLevel, LogLine, Module, NativeHost, Plugin, Simulator,
    Verdict,
};
use fingerpost_virtual_service::VirtualServiceFilter;

use crate::failure::Failure;
use crate::module;

/// The filters of all chains, each started when its first request comes.
pub(super) struct Filters {
    engine: Engine,
    fault: Option<Failure>,
    /// What every random number is, if not by chance.
    roll: Option<u64>,
}

enum Engine {
    Wasm {
        module: Box<Module>,
        running: HashMap<String, Simulator>,
    },
    Core {
        running: HashMap<String, VirtualServiceFilter>,
    },
}

impl Filters {
    /// The module that Envoy would load.
    pub(super) fn wasm() -> Result<Self, Failure> {
        Ok(Self::new(Engine::Wasm {
            module: Box::new(module::compiled()?),
            running: HashMap::new(),
        }))
    }

    /// The same code, natively.
    pub(super) fn core() -> Self {
        Self::new(Engine::Core {
            running: HashMap::new(),
        })
    }

    fn new(engine: Engine) -> Self {
        Self {
            engine,
            fault: None,
            roll: None,
        }
    }

    /// From now on every random number is this one; none: they come by chance again.
    pub(super) fn fix(&mut self, roll: Option<u64>) {
        self.roll = roll;
    }

    /// What went wrong in a filter, once.
    pub(super) fn fault(&mut self) -> Option<Failure> {
        self.fault.take()
    }

    fn run(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> Result<FilterVerdict, Failure> {
        let dice = self.roll.map_or_else(|| Dice::Seeded(random()), Dice::Fixed);
        match &mut self.engine {
            Engine::Wasm { module, running } => {
                if !running.contains_key(site.plugin) {
                    let plugin = Plugin::of((**module).clone())
                        .name(site.plugin)
                        .config(site.configuration);
                    let started = Simulator::start([plugin]).map_err(|error| {
                        Failure::surroundings(format!(
                            "the filter of {} does not start: {error}",
                            site.listener
                        ))
                    })?;
                    running.insert(site.plugin.to_owned(), started);
                }
                let Some(simulator) = running.get_mut(site.plugin) else {
                    return Ok(FilterVerdict::Continue);
                };
                simulator.reseed(dice);
                let list = GuestHeaders::from_list(HeaderKind::Request, std::mem::take(headers));
                let verdict = simulator.decide(list);
                if let Some(failure) = simulator.take_failures().pop() {
                    return Err(Failure::surroundings(format!("the filter failed: {failure}")));
                }
                Ok(match verdict {
                    Verdict::Continue(changed) => {
                        *headers = changed.into_list();
                        FilterVerdict::Continue
                    }
                    // Our filter does none of this; another module in its place may.
                    Verdict::Reply(_) | Verdict::Reset | Verdict::Held => FilterVerdict::Reply {
                        status: 503,
                        headers: Headers::new(),
                        body: Vec::new(),
                    },
                })
            }
            Engine::Core { running } => {
                if !running.contains_key(site.plugin) {
                    let mut filter = VirtualServiceFilter::default();
                    let host = NativeHost::configuring(site.configuration);
                    let is_configured = filter.on_configure(&host);
                    note_warnings(&host.into_parts().1);
                    if !is_configured {
                        return Err(Failure::surroundings(format!(
                            "the filter of {} refuses its config",
                            site.listener
                        )));
                    }
                    running.insert(site.plugin.to_owned(), filter);
                }
                let list = GuestHeaders::from_list(HeaderKind::Request, std::mem::take(headers));
                let host = NativeHost::request(list, dice);
                if let Some(filter) = running.get(site.plugin) {
                    filter.on_request_headers(&host);
                }
                let (changed, log) = host.into_parts();
                note_warnings(&log);
                *headers = changed.into_list();
                Ok(FilterVerdict::Continue)
            }
        }
    }
}

impl Filter for Filters {
    fn on_request_headers(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> FilterVerdict {
        self.run(site, headers).unwrap_or_else(|failure| {
            self.fault = Some(failure);
            FilterVerdict::Reply {
                status: 503,
                headers: Headers::new(),
                body: Vec::new(),
            }
        })
    }
}

/// What the filter wants known.
fn note_warnings(log: &[LogLine]) {
    for line in log.iter().filter(|line| line.level >= LogLevel::Warn) {
        crate::style::note(&line.message);
    }
}

/// Dice for the model.
pub(super) fn chance() -> impl FnMut() -> u64 {
    random
}

/// A number that nobody can foretell: the keys of the standard library's hash maps are drawn for each.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
