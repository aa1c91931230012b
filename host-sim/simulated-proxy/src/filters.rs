//! The filter in the model: the module in the simulator, or the same code natively.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use fingerpost_proxy_model::{Filter, FilterSite, FilterVerdict, Headers};
use fingerpost_routing_config::RULE_PROPERTY;
use fingerpost_simulator::{
    Dice, HeaderMap, Headers as GuestHeaders, LogLevel, LogLine, Module, NativeHost, Plugin, Simulator,
    Verdict,
};
use fingerpost_virtual_service::VirtualServiceFilter;

use crate::error::ProxyError;

/// How the filter runs.
#[derive(Clone)]
pub enum FilterRuntime {
    /// The module that Envoy loads, in the simulator.
    Wasm(Module),
    /// The same code as a part of this program.
    Native {
        /// Receives what the filter logs as a warning.
        warn: fn(&str),
    },
}

/// The filters of all chains, each started when its first request comes.
pub(crate) struct Filters {
    runtime: Running,
    error: Option<ProxyError>,
    /// Where random numbers come from, if not by chance.
    dice: Option<Dice>,
}

enum Running {
    Wasm {
        module: Module,
        plugins: HashMap<String, Simulator>,
    },
    Native {
        warn: fn(&str),
        plugins: HashMap<String, VirtualServiceFilter>,
    },
}

impl Filters {
    pub(crate) fn new(runtime: FilterRuntime) -> Self {
        Self {
            runtime: match runtime {
                FilterRuntime::Wasm(module) => Running::Wasm {
                    module,
                    plugins: HashMap::new(),
                },
                FilterRuntime::Native { warn } => Running::Native {
                    warn,
                    plugins: HashMap::new(),
                },
            },
            error: None,
            dice: None,
        }
    }

    /// From now on random numbers come from these dice; none: they come by chance again.
    pub(crate) fn draw_from(&mut self, dice: Option<Dice>) {
        self.dice = dice;
    }

    /// What went wrong in a filter, once.
    pub(crate) fn take_error(&mut self) -> Option<ProxyError> {
        self.error.take()
    }

    /// Runs a filter, and returns how it named the rule that it chose.
    fn run(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> Result<Option<Vec<u8>>, String> {
        let dice = self.dice.unwrap_or_else(|| Dice::Seeded(random()));
        match &mut self.runtime {
            Running::Wasm { module, plugins } => {
                if !plugins.contains_key(site.plugin) {
                    let plugin = Plugin::of(module.clone())
                        .name(site.plugin)
                        .config(site.configuration);
                    let capabilities = site.capabilities.iter();
                    let plugin = capabilities.fold(plugin, |plugin, name| plugin.capability(name));
                    let started = Simulator::start([plugin]).map_err(|error| {
                        format!("the filter of {} does not start: {error}", site.listener)
                    })?;
                    plugins.insert(site.plugin.to_owned(), started);
                }
                let Some(simulator) = plugins.get_mut(site.plugin) else {
                    return Ok(None);
                };
                simulator.reseed(dice);
                let list = GuestHeaders::from_list(HeaderMap::Request, std::mem::take(headers));
                let verdict = simulator.decide(list);
                if let Some(failure) = simulator.take_failures().pop() {
                    return Err(format!("the filter of {} failed: {failure}", site.listener));
                }
                match verdict {
                    Verdict::Continue {
                        headers: changed,
                        mut properties,
                    } => {
                        *headers = changed.into_list();
                        Ok(properties.remove(RULE_PROPERTY.as_bytes()))
                    }
                    Verdict::Reply(_) | Verdict::Reset | Verdict::Held => Err(format!(
                        "the filter of {} ends or holds a request: this is not Fingerpost's filter",
                        site.listener
                    )),
                }
            }
            Running::Native { warn, plugins } => {
                if !plugins.contains_key(site.plugin) {
                    let mut filter = VirtualServiceFilter::default();
                    let host = NativeHost::configuring(site.configuration);
                    let is_configured = filter.on_configure(&host);
                    pass_warnings(&host.into_parts().1, *warn);
                    if !is_configured {
                        return Err(format!("the filter of {} refuses its config", site.listener));
                    }
                    plugins.insert(site.plugin.to_owned(), filter);
                }
                let list = GuestHeaders::from_list(HeaderMap::Request, std::mem::take(headers));
                let host = NativeHost::request(list, dice);
                if let Some(filter) = plugins.get(site.plugin) {
                    filter.on_request_headers(&host);
                }
                let rule = host.property(RULE_PROPERTY);
                let (changed, log) = host.into_parts();
                pass_warnings(&log, *warn);
                *headers = changed.into_list();
                Ok(rule)
            }
        }
    }
}

impl Filter for Filters {
    fn on_request_headers(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> FilterVerdict {
        let named = self.run(site, headers).and_then(|rule| {
            let name = rule.map(|it| String::from_utf8_lossy(&it).into_owned());
            name.map(|it| it.parse().map_err(|error| format!("`{it}`: {error}")))
                .transpose()
        });
        match named {
            Ok(Some(rule)) => FilterVerdict::Routed(rule),
            Ok(None) => FilterVerdict::Continue,
            Err(reason) => {
                self.error = Some(ProxyError::Filter(reason)); // the outcome is thrown away
                FilterVerdict::Continue
            }
        }
    }
}

fn pass_warnings(log: &[LogLine], warn: fn(&str)) {
    for line in log.iter().filter(|line| line.level >= LogLevel::Warn) {
        warn(&line.message);
    }
}

/// A number that cannot be predicted: the keys of the standard library's hash maps are drawn for each.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
