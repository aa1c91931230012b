//! The built module in the simulator beside the same filter linked natively: what do they hand back?
//!
//! Not an outcome is compared but the whole list of headers, byte for byte: order, names, values.

use fingerpost_simulator::{HeaderMap, Headers, Module, NativeHost, Plugin, Request, Simulator, Verdict};
use fingerpost_virtual_service::VirtualServiceFilter;

use crate::sent::Sent;

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
        let native = host.into_parts().0;
        match &left {
            Verdict::Continue(changed) if *changed == native && failures.is_empty() => Ok(()),
            Verdict::Continue(changed) if failures.is_empty() => Err(Difference {
                module: lines(changed),
                native: lines(&native),
            }),
            other => Err(Difference {
                module: format!("{other:?} {failures:?}"),
                native: lines(&native),
            }),
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

fn lines(headers: &Headers) -> String {
    let line =
        |(name, value): &(Vec<u8>, Vec<u8>)| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii());
    headers.iter().map(line).collect()
}
