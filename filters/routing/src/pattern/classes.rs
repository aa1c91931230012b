//! The named classes: `\d`, `[:alpha:]`, `\p{Greek}`.
//!
//! The names are RE2's, exactly; the members of `\p` classes are those of `regex-syntax`'s tables.

use super::numbers::number;
use super::runes::RuneSet;

const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
const SPACE: &[(u32, u32)] = &[(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)];
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];

/// The class of `\d`, `\s`, `\w`; ASCII, and without the vertical tab.
pub(super) fn perl(letter: char) -> Option<RuneSet> {
    match letter {
        'd' => Some(RuneSet::of(DIGIT)),
        's' => Some(RuneSet::of(SPACE)),
        'w' => Some(RuneSet::of(WORD)),
        _ => None,
    }
}

/// The class of `[:name:]`.
pub(super) fn posix(name: &str) -> Option<RuneSet> {
    let ranges: &[(u32, u32)] = match name {
        "alnum" => &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)],
        "alpha" => &[(0x41, 0x5A), (0x61, 0x7A)],
        "ascii" => &[(0x00, 0x7F)],
        "blank" => &[(0x09, 0x09), (0x20, 0x20)],
        "cntrl" => &[(0x00, 0x1F), (0x7F, 0x7F)],
        "digit" => DIGIT,
        "graph" => &[(0x21, 0x7E)],
        "lower" => &[(0x61, 0x7A)],
        "print" => &[(0x20, 0x7E)],
        "punct" => &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
        "space" => &[(0x09, 0x0D), (0x20, 0x20)],
        "upper" => &[(0x41, 0x5A)],
        "word" => WORD,
        "xdigit" => &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)],
        _ => return None,
    };
    Some(RuneSet::of(ranges))
}

/// The class of `\p{name}`.
pub(super) fn unicode(name: &str) -> Option<RuneSet> {
    match name {
        "Any" => Some(RuneSet::any()),
        // RE2's surrogates, which are not characters in `regex-syntax`; and its `C` is without the unassigned.
        "Cs" => Some(RuneSet::of(&[(0xD800, 0xDFFF)])),
        "C" => {
            let mut all = RuneSet::of(&[(0xD800, 0xDFFF)]);
            for part in ["Cc", "Cf", "Co"] {
                all.union(&table(part)?);
            }
            Some(all)
        }
        _ => table(name),
    }
}

/// For each name: its length, itself, how many ranges it has, and for each range the distance from the end of the
/// one before and its own length less one. Written by the test below: a pattern rarely asks, and `regex_syntax`'s parser, which is the
/// only way to its tables, would make the module a third larger.
static TABLE: &[u8] = include_bytes!("classes.bin");

fn table(wanted: &str) -> Option<RuneSet> {
    let mut rest = TABLE;
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(usize::from(*length))?;
        rest = after;
        let mut set = RuneSet::default();
        let mut next = 0;
        for _ in 0..number(&mut rest)? {
            let lo = next + number(&mut rest)?;
            let hi = lo + number(&mut rest)?;
            set.add(lo, hi);
            next = hi + 1;
        }
        if name == wanted.as_bytes() {
            return Some(set);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{TABLE, unicode};
    use crate::pattern::numbers::push_number;
    use alloc::format;
    use alloc::vec::Vec;
    use regex_syntax::hir::{Class, HirKind};

    /// RE2's names, from its unicode_groups.cc, but for those that need no table.
    #[rustfmt::skip]
    const NAMES: &str = "\
        Cc Cf Co L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs \
        Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali \
        Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian \
        Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret \
        Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian \
        Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo \
        Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian \
        Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki \
        Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam \
        Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive \
        Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari \
        New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic \
        Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya \
        Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic \
        Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo \
        Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut \
        Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi \
        Yi Zanabazar_Square";

    /// The members of a class, by `regex_syntax`'s own tables.
    fn ranges(name: &str) -> Vec<(u32, u32)> {
        let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).unwrap();
        match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => class
                .iter()
                .map(|it| (u32::from(it.start()), u32::from(it.end())))
                .collect(),
            // A class of one, such as `Zl`, comes as the text of its member.
            HirKind::Literal(literal) => {
                let text = core::str::from_utf8(&literal.0).unwrap();
                text.chars().map(|it| (u32::from(it), u32::from(it))).collect()
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn the_table_is_that_of_regex_syntax() {
        let mut expected = Vec::new();
        for name in NAMES.split_ascii_whitespace() {
            expected.push(name.len() as u8);
            expected.extend_from_slice(name.as_bytes());
            let ranges = ranges(name);
            push_number(&mut expected, ranges.len() as u32);
            let mut next = 0;
            for (lo, hi) in ranges {
                push_number(&mut expected, lo - next);
                push_number(&mut expected, hi - lo);
                next = hi + 1;
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pattern/classes.bin");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        assert!(
            expected == TABLE,
            "{path} is out of date: run this test with BLESS=1, then again"
        );
    }

    #[test]
    fn every_name_has_members() {
        for name in NAMES.split_ascii_whitespace().chain(["Any", "C", "Cs"]) {
            assert!(unicode(name).is_some_and(|it| it.len() > 0), "{name}");
        }
        assert!(unicode("greek").is_none());
    }
}
