//! Where the module begins.

use crate::VirtualService;

proxy_wasm::main! {{
    fingerpost_filter_kit::start::<VirtualService>();
}}
