//! The fuzz target `load`: see the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fingerpost_fuzz::load(bytes));
