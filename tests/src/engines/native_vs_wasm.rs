//! The built module in the simulator beside the same filter linked natively: what do they hand back?
//!
//! Not an outcome is compared but the whole list of headers, byte for byte: order, names, values. And how the rule is named.

use fingerpost_routing_config::{RULE_PROPERTY, VIRTUAL_HOST_PROPERTY};
use fingerpost_simulator::{HeaderMap, Headers, Module, NativeHost, Plugin, Request, Simulator, Verdict};
use fingerpost_virtual_service::VirtualServiceFilter;

use crate::sent::Sent;

/// What a filter says about a request beside its headers.
const NAMES: [&str; 2] = [RULE_PROPERTY, VIRTUAL_HOST_PROPERTY];

/// One configuration, run both ways.
pub struct NativeAndWasm {
    module: Simulator,
    native: VirtualServiceFilter,
}

/// What either handed back for a request, as lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The module in the simulator.
    pub module: String,
    /// The filter natively.
    pub native: String,
}

impl NativeAndWasm {
    /// Configures both.
    ///
    /// # Errors
    /// One of them refuses the configuration.
    pub fn start(module: &Module, configuration: &str) -> Result<Self, String> {
        let plugin = Plugin::of(module.clone()).config(configuration);
        let module = plugin.start().map_err(|error| error.to_string())?;
        let mut native = VirtualServiceFilter::default();
        let host = NativeHost::configuring(configuration);
        match native.on_configure(&host) {
            true => Ok(Self { module, native }),
            false => Err(format!("refused natively: {:?}", host.into_parts().1)),
        }
    }

    /// Shows both a request, with the same dice.
    ///
    /// # Errors
    /// What they hand back differs, or the module failed.
    pub fn ask(&mut self, headers: &Headers, seed: u64) -> Result<(), Difference> {
        self.module.reseed(seed);
        let left = self.module.decide(headers.clone());
        let failures = self.module.take_failures();
        let host = NativeHost::request(headers.clone(), seed);
        self.native.on_request_headers(&host);
        let named = NAMES.map(|name| host.property(name));
        let native = lines(&host.into_parts().0, named);
        let module = match left {
            Verdict::Continue {
                headers,
                mut properties,
            } if failures.is_empty() => lines(&headers, NAMES.map(|name| properties.remove(name.as_bytes()))),
            other => format!("{other:?} {failures:?}"),
        };
        match module == native {
            true => Ok(()),
            false => Err(Difference { module, native }),
        }
    }
}

/// What a filter would see of a request: near enough to a connection manager's, and any bytes it holds.
#[must_use]
pub fn seen(sent: &Sent) -> Headers {
    let mut headers = Headers::new(HeaderMap::Request);
    let authority = sent.authority.as_ref().map(|it| (":authority", &it[..]));
    let others = [
        (":path", &sent.target[..]),
        (":method", &sent.method[..]),
        (":scheme", b"http"),
    ];
    for (name, value) in authority.into_iter().chain(others) {
        headers.add(name.as_bytes(), value);
    }
    for (name, value) in &sent.headers {
        headers.add(name, value.trim_ascii());
    }
    Request::from_headers(headers).received().headers
}

fn lines(headers: &Headers, named: [Option<Vec<u8>>; NAMES.len()]) -> String {
    let line =
        |(name, value): &(Vec<u8>, Vec<u8>)| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii());
    let named = NAMES.into_iter().zip(named);
    let named = named.filter_map(|(name, value)| Some((name.into(), value?)));
    headers
        .iter()
        .map(line)
        .chain(named.map(|it| line(&it)))
        .collect()
}
