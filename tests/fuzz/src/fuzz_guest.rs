//! The fuzz target `guest`: see the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fingerpost_fuzz::guest(bytes));
