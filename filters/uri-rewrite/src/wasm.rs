//! Where the module begins.

use crate::UriRewrite;

proxy_wasm::main! {{
    fingerpost_filter_kit::start::<UriRewrite>();
}}
