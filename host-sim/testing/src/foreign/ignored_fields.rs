//! The fields of a file that make no sense here: collected, and named once a file each.

use std::collections::BTreeMap;

use fingerpost_resources::{Code, Diagnostics, Span};

/// What is left out of a file.
#[derive(Debug, Default)]
pub(super) struct IgnoredFields(BTreeMap<&'static str, Place>);

#[derive(Debug)]
struct Place {
    reason: &'static str,
    first: Span,
    times: usize,
}

impl IgnoredFields {
    /// Notes a field that has no meaning here.
    pub(super) fn note(&mut self, field: &'static str, reason: &'static str, at: Span) {
        let place = self.0.entry(field).or_insert(Place {
            reason,
            first: at,
            times: 0,
        });
        place.times += 1;
    }

    /// Says it all.
    pub(super) fn tell(self, diagnostics: &mut Diagnostics) {
        for (field, place) in self.0 {
            let times = match place.times {
                1 => String::new(),
                times => format!(", {times} times in this file"),
            };
            diagnostics
                .warn(
                    Code::NotHonoured,
                    format!("`{field}` is not looked at{times}: {}", place.reason),
                )
                .at(place.first);
        }
    }
}
