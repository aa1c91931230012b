//! Where the module begins.

use crate::SubsetSelect;

proxy_wasm::main! {{
    fingerpost_filter_kit::start::<SubsetSelect>();
}}
