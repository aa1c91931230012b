//! The named classes: `\d`, `[:alpha:]`, `\p{Greek}`.
//!
//! The names are RE2's, exactly; the members of `\p` classes are those of `regex-syntax`'s tables.

use super::runes::RuneSet;
use alloc::format;
use regex_syntax::hir::{Class, HirKind};

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
        // RE2's surrogates, which are no characters to `regex-syntax`; and its `C` is without the unassigned.
        "Cs" => Some(RuneSet::of(&[(0xD800, 0xDFFF)])),
        "C" => {
            let mut all = RuneSet::of(&[(0xD800, 0xDFFF)]);
            for part in ["Cc", "Cf", "Co"] {
                all.union(&table(part)?);
            }
            Some(all)
        }
        _ if CATEGORIES.contains(&name) || SCRIPTS.contains(&name) => table(name),
        _ => None,
    }
}

/// Every name that `\p{…}` takes.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["Any", "C", "Cs"]
        .into_iter()
        .chain(CATEGORIES.iter().copied())
        .chain(SCRIPTS.iter().copied())
}

fn table(name: &str) -> Option<RuneSet> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    let mut set = RuneSet::default();
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                set.add(u32::from(range.start()), u32::from(range.end()));
            }
        }
        // A class of one, such as `Zl`, comes as the text of its member.
        HirKind::Literal(literal) => {
            for char in core::str::from_utf8(&literal.0).ok()?.chars() {
                set.add(u32::from(char), u32::from(char));
            }
        }
        _ => return None,
    }
    Some(set)
}

#[rustfmt::skip]
const CATEGORIES: &[&str] = &[
    "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc",
    "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

#[rustfmt::skip]
const SCRIPTS: &[&str] = &[
    "Adlam", "Ahom", "Anatolian_Hieroglyphs", "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah",
    "Batak", "Bengali", "Bhaiksuki", "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Canadian_Aboriginal",
    "Carian", "Caucasian_Albanian", "Chakma", "Cham", "Cherokee", "Chorasmian", "Common", "Coptic", "Cuneiform",
    "Cypriot", "Cypro_Minoan", "Cyrillic", "Deseret", "Devanagari", "Dives_Akuru", "Dogra", "Duployan",
    "Egyptian_Hieroglyphs", "Elbasan", "Elymaic", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha",
    "Greek", "Gujarati", "Gunjala_Gondi", "Gurmukhi", "Han", "Hangul", "Hanifi_Rohingya", "Hanunoo", "Hatran",
    "Hebrew", "Hiragana", "Imperial_Aramaic", "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian",
    "Javanese", "Kaithi", "Kannada", "Katakana", "Kawi", "Kayah_Li", "Kharoshthi", "Khitan_Small_Script", "Khmer",
    "Khojki", "Khudawadi", "Lao", "Latin", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu", "Lycian", "Lydian",
    "Mahajani", "Makasar", "Malayalam", "Mandaic", "Manichaean", "Marchen", "Masaram_Gondi", "Medefaidrin",
    "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro",
    "Multani", "Myanmar", "Nabataean", "Nag_Mundari", "Nandinagari", "New_Tai_Lue", "Newa", "Nko", "Nushu",
    "Nyiakeng_Puachue_Hmong", "Ogham", "Ol_Chiki", "Old_Hungarian", "Old_Italic", "Old_North_Arabian", "Old_Permic",
    "Old_Persian", "Old_Sogdian", "Old_South_Arabian", "Old_Turkic", "Old_Uyghur", "Oriya", "Osage", "Osmanya",
    "Pahawh_Hmong", "Palmyrene", "Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic",
    "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham", "SignWriting", "Sinhala", "Sogdian", "Sora_Sompeng",
    "Soyombo", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le", "Tai_Tham", "Tai_Viet",
    "Takri", "Tamil", "Tangsa", "Tangut", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta", "Toto",
    "Ugaritic", "Vai", "Vithkuqi", "Wancho", "Warang_Citi", "Yezidi", "Yi", "Zanabazar_Square",
];
