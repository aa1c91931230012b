//! The fuzz target `yaml`: see the library.
#![no_main]

use std::panic;

use fingerpost_resources::is_caught;

libfuzzer_sys::fuzz_target!(
    init: {
        // libFuzzer's hook ends the process at every panic.
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_caught(info) {
                hook(info);
            }
        }));
    },
    |bytes: &[u8]| fingerpost_fuzz::yaml(bytes)
);
