//! The filter in the model: the module in the simulator, or the same code natively.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use fingerpost_envoy::default_cache;
use fingerpost_filter_kit::{HeaderBlock, Host, HostError, Level};
use fingerpost_proxy_model::{Filter, FilterSite, FilterVerdict, Headers};
use fingerpost_simulator::{HeaderKind, Headers as GuestHeaders, Module, Plugin, Simulator, Verdict};
use fingerpost_virtual_service::VirtualServiceFilter;

use crate::failure::Failure;
use crate::module;

/// The filters of all chains, each started when its first request comes.
pub(super) struct Filters {
    engine: Engine,
    fault: Option<Failure>,
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
    /// The module that Envoy would load. What is compiled once is kept for the next time.
    pub(super) fn wasm() -> Result<Self, Failure> {
        let bytes = module::bytes()?;
        let kept = Module::cached(bytes, &default_cache().join("modules"));
        // A cache that can't be written costs half a second, and nothing else.
        let module = kept.or_else(|_| Module::compile(bytes));
        let module =
            module.map_err(|error| Failure::surroundings(format!("the filter does not load: {error}")))?;
        Ok(Self::new(Engine::Wasm {
            module: Box::new(module),
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
        Self { engine, fault: None }
    }

    /// What went wrong in a filter, once.
    pub(super) fn fault(&mut self) -> Option<Failure> {
        self.fault.take()
    }

    fn run(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> Result<FilterVerdict, Failure> {
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
                    running.insert(site.plugin.to_owned(), started.seed(random()));
                }
                let Some(simulator) = running.get_mut(site.plugin) else {
                    return Ok(FilterVerdict::Continue);
                };
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
                    let host = NativeHost {
                        configuration: site.configuration,
                        headers: RefCell::default(),
                    };
                    if !filter.on_configure(&host) {
                        return Err(Failure::surroundings(format!(
                            "the filter of {} refuses its config",
                            site.listener
                        )));
                    }
                    running.insert(site.plugin.to_owned(), filter);
                }
                let host = NativeHost {
                    configuration: &[],
                    headers: RefCell::new(std::mem::take(headers)),
                };
                if let Some(filter) = running.get(site.plugin) {
                    filter.on_request_headers(&host);
                }
                *headers = host.headers.into_inner();
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

/// Dice for the model.
pub(super) fn chance() -> impl FnMut() -> u64 {
    random
}

/// A number that nobody can foretell: the keys of the standard library's hash maps are drawn for each.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A proxy that is nothing but a list of headers.
struct NativeHost<'c> {
    configuration: &'c [u8],
    headers: RefCell<Headers>,
}

impl Host for NativeHost<'_> {
    fn plugin_configuration(&self) -> Result<Vec<u8>, HostError> {
        Ok(self.configuration.to_vec())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let headers = self.headers.borrow();
        Ok(HeaderBlock::from_pairs(
            headers.iter().map(|(name, value)| (&**name, &**value)),
        ))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        let mut headers = self.headers.borrow_mut();
        let first = headers.iter().position(|(key, _)| key == name.as_bytes());
        match first {
            Some(first) => {
                let mut place = 0;
                headers.retain(|(key, _)| {
                    place += 1;
                    place - 1 == first || key != name.as_bytes()
                });
                if let Some((_, old)) = headers.get_mut(first) {
                    *old = value.to_vec();
                }
            }
            None => headers.push((name.as_bytes().to_vec(), value.to_vec())),
        }
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.headers
            .borrow_mut()
            .retain(|(key, _)| key != name.as_bytes());
        Ok(())
    }

    fn random(&self) -> Result<u64, HostError> {
        Ok(random())
    }

    fn log(&self, level: Level, message: &str) {
        if level >= Level::Warn {
            crate::style::note(message);
        }
    }
}
