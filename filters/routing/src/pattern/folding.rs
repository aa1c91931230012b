//! Which code points differ in case only, by Unicode's simple case folding.
//!
//! Only patterns of Envoy up to 1.39 ask, since in Latin-1 the case of ASCII alone counts.

use super::numbers::number;

/// Pairs of code points, in runs: the distance from the start of the run before, how many pairs, the distance from one pair to the
/// next, and from the lower code point of a pair to the higher. Written by the test below:
/// `regex_syntax`'s own table would make the module a tenth larger.
static TABLE: &[u8] = include_bytes!("folding.bin");

/// Every two code points that differ in case only, the lower one first.
pub(super) fn pairs() -> impl Iterator<Item = (u32, u32)> {
    let mut rest = TABLE;
    let mut start = 0;
    let runs = core::iter::from_fn(move || {
        start += number(&mut rest)?;
        Some((start, number(&mut rest)?, number(&mut rest)?, number(&mut rest)?))
    });
    runs.flat_map(|(start, count, step, distance)| {
        (0..count).map(move |index| {
            let lower = start + index * step;
            (lower, lower + distance)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{TABLE, pairs};
    use crate::pattern::numbers::push_number;
    use alloc::vec::Vec;
    use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

    /// The pairs, by `regex_syntax`'s own table.
    fn expected() -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        // No letter with a case is above this.
        for lower in (0..0x2_0000).filter_map(char::from_u32) {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(lower, lower)]);
            class.case_fold_simple();
            let members = class.iter().flat_map(|it| it.start()..=it.end());
            let higher = members.filter(|it| *it > lower);
            pairs.extend(higher.map(|higher| (u32::from(lower), u32::from(higher))));
        }
        pairs
    }

    /// Splits pairs into runs, each as long as it can be.
    fn encode(mut pairs: Vec<(u32, u32)>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = 0;
        while let Some(&(start, higher)) = pairs.first() {
            let distance = higher - start;
            let run = |step: u32| -> Vec<(u32, u32)> {
                let members = (0..).map(|index| (start + index * step, higher + index * step));
                members.take_while(|it| pairs.contains(it)).collect()
            };
            let (step, members) = [1, 2]
                .map(|step| (step, run(step)))
                .into_iter()
                .max_by_key(|(_, it)| it.len())
                .unwrap();
            for value in [start - before, members.len() as u32, step, distance] {
                push_number(&mut bytes, value);
            }
            before = start;
            pairs.retain(|it| !members.contains(it));
        }
        bytes
    }

    #[test]
    fn the_table_is_that_of_regex_syntax() {
        let expected = expected();
        if std::env::var_os("BLESS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pattern/folding.bin");
            std::fs::write(path, encode(expected.clone())).unwrap();
        }
        let mut read: Vec<_> = pairs().collect();
        read.sort_unstable();
        assert!(
            read == expected,
            "folding.bin is out of date: run this test with BLESS=1, then again"
        );
        assert!(TABLE.len() < 4096, "{} bytes", TABLE.len());
    }

    #[test]
    fn letters_of_more_than_two_cases_are_all_there() {
        for pair in [
            ('A', 'a'),
            ('K', 'k'),
            ('K', '\u{212A}'),
            ('k', '\u{212A}'),
            ('Σ', 'σ'),
            ('ς', 'σ'),
        ] {
            let pair = (u32::from(pair.0), u32::from(pair.1));
            assert!(pairs().any(|it| it == pair), "{pair:?}");
        }
    }
}
