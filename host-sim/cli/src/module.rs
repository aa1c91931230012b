//! The filter's module, as far as this binary was built with it: see `build.rs`.

use crate::failure::Failure;

include!(concat!(env!("OUT_DIR"), "/module.rs"));

/// The module's bytes.
pub(crate) fn bytes() -> Result<&'static [u8], Failure> {
    MODULE.ok_or_else(|| {
        Failure::surroundings("this binary was built without the filter: run `cargo xtask build`")
    })
}
