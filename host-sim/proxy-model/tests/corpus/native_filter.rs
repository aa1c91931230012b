//! Our filter in process, where the model leaves a hole for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use fingerpost_filter_kit::{HeaderBlock, Host, HostError, Level};
use fingerpost_proxy_model::{Filter, FilterSite, FilterVerdict, Headers};
use fingerpost_routing_config::RULE_PROPERTY;
use fingerpost_virtual_service::VirtualServiceFilter;

/// The filters of one bootstrap, each configured when it is first asked.
#[derive(Default)]
pub(crate) struct NativeFilters {
    configured: HashMap<String, VirtualServiceFilter>,
    rolled: u64,
}

/// One request, as the filter sees its proxy.
struct Exchange<'e> {
    configuration: &'e [u8],
    headers: RefCell<&'e mut Headers>,
    roll: Cell<u64>,
    rule: RefCell<Option<String>>,
}

impl Filter for NativeFilters {
    fn on_request_headers(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> FilterVerdict {
        self.rolled += 1;
        let exchange = Exchange {
            configuration: site.configuration,
            headers: RefCell::new(headers),
            roll: Cell::new(crate::scattered(self.rolled)),
            rule: RefCell::default(),
        };
        let filter = self.configured.entry(site.plugin.to_owned()).or_insert_with(|| {
            let mut filter = VirtualServiceFilter::default();
            assert!(filter.on_configure(&exchange), "{}: refused", site.plugin);
            filter
        });
        filter.on_request_headers(&exchange);
        match exchange.rule.take() {
            Some(rule) => FilterVerdict::Routed(rule.parse().expect("the name of a rule")),
            None => FilterVerdict::Continue,
        }
    }
}

impl Host for Exchange<'_> {
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError> {
        Ok(self.configuration.get(start..).unwrap_or_default().to_vec())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let headers = self.headers.borrow();
        Ok(HeaderBlock::from_pairs(
            headers
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice())),
        ))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.remove_request_header(name)?;
        self.headers
            .borrow_mut()
            .push((name.as_bytes().to_vec(), value.to_vec()));
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.headers
            .borrow_mut()
            .retain(|(key, _)| key != name.as_bytes());
        Ok(())
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        if name == RULE_PROPERTY {
            let rule = String::from_utf8(value.to_vec()).expect("text");
            self.rule.replace(Some(rule));
        }
        Ok(())
    }

    fn random(&self) -> Result<u64, HostError> {
        Ok(self.roll.get())
    }

    fn log(&self, level: Level, message: &str) {
        panic!("the filter complains ({level:?}): {message}");
    }
}
