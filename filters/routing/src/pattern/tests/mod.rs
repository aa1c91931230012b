//! RE2's reading, row by row. What is not said to be of one encoding is so in both.

mod oracle;

use super::{Encoding, Finder, Pattern, Reason};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

const BOTH: [Encoding; 2] = [Encoding::Latin1, Encoding::Utf8];

#[track_caller]
fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    for encoding in BOTH {
        check_in(encoding, pattern, yes, no);
    }
}

#[track_caller]
fn check_in(encoding: Encoding, pattern: &str, yes: &[&str], no: &[&str]) {
    let bytes = |texts: &[&str]| texts.iter().map(|it| it.as_bytes().to_vec()).collect::<Vec<_>>();
    check_bytes(encoding, pattern, &bytes(yes), &bytes(no));
}

#[track_caller]
fn check_bytes(encoding: Encoding, pattern: &str, yes: &[Vec<u8>], no: &[Vec<u8>]) {
    let parsed = Pattern::parse_as(pattern, encoding).unwrap();
    for value in yes {
        assert!(
            parsed.accepts(value),
            "{pattern} should accept {} in {encoding:?}",
            value.escape_ascii()
        );
    }
    for value in no {
        assert!(
            !parsed.accepts(value),
            "{pattern} should not accept {} in {encoding:?}",
            value.escape_ascii()
        );
    }
}

#[track_caller]
fn refused(pattern: &str, offset: usize, reason: &Reason) {
    for encoding in BOTH {
        refused_in(encoding, pattern, offset, reason);
    }
}

#[track_caller]
fn refused_in(encoding: Encoding, pattern: &str, offset: usize, reason: &Reason) {
    let error = Pattern::parse_as(pattern, encoding).map(|_| ()).unwrap_err();
    assert_eq!((error.offset, &error.reason), (offset, reason), "{pattern}");
}

#[test]
fn the_whole_value_must_match() {
    check("/a|/ab", &["/a", "/ab"], &["/abc", "x/a"]);
    check("/foo", &["/foo"], &["/foo/bar", "/fo"]);
    check("^/foo$", &["/foo"], &["/foo/"]);
    check("", &[""], &["a"]);
    check("()", &[""], &["a"]);
}

#[test]
fn a_pattern_cannot_leave_its_anchors() {
    refused("a)|(b", 1, &Reason::UnexpectedParenthesis);
}

#[test]
fn perl_classes_are_ascii() {
    check(r"\d", &["5"], &["٣"]);
    check(r"\w+", &["a_9"], &["é"]);
    check(r"\s", &[" ", "\t", "\n", "\u{c}", "\r"], &["\u{b}", "\u{a0}"]);
    check(r"[[:space:]]", &[" ", "\u{b}"], &["\u{a0}"]);
    check_in(Encoding::Utf8, r"\D\S\W", &["éé-"], &["5é-"]);
}

#[test]
fn a_word_boundary_is_ascii() {
    check(r"\bé", &[], &["é"]);
    check_in(Encoding::Utf8, r"\Bé", &["é"], &[]);
    check(r".*\bapi\b.*", &["/api/", "api"], &["/apis"]);
}

#[test]
fn the_dot_is_any_code_point_but_a_newline() {
    check("a.b", &["axb"], &["a\nb", "ab"]);
    check("(?s)a.b", &["a\nb"], &[]);
    check_in(Encoding::Utf8, "a.b", &["aéb"], &[]);
    check_bytes(
        Encoding::Utf8,
        "a.b",
        &[],
        &[b"a\xffb".to_vec(), b"a\xc3b".to_vec()],
    );
}

#[test]
fn the_dot_takes_overlong_and_surrogate_forms_as_re2_does() {
    check_bytes(
        Encoding::Utf8,
        ".",
        &[
            b"\xe0\x80\x80".to_vec(),
            b"\xed\xa0\x80".to_vec(),
            b"\xf4\xbf\xbf\xbf".to_vec(),
        ],
        &[],
    );
    check_bytes(
        Encoding::Utf8,
        "[^a]",
        &[b"\xe0\x80\x80".to_vec()],
        &[b"\xc0\x80".to_vec(), b"\xf5\x80\x80\x80".to_vec()],
    );
    check_bytes(
        Encoding::Utf8,
        r"[\x{100}-\x{10FFFF}]",
        &[b"\xed\xa0\x80".to_vec()],
        &[b"\xe0\x80\x80".to_vec()],
    );
}

#[test]
fn any_byte_is_a_single_byte() {
    for encoding in BOTH {
        check_bytes(
            encoding,
            r"a\Cb",
            &[b"a\xffb".to_vec(), b"a\nb".to_vec()],
            &["aéb".into()],
        );
    }
}

#[test]
fn in_latin1_a_character_is_a_byte() {
    let latin1 = |pattern, yes: &[&str], no: &[&str]| check_in(Encoding::Latin1, pattern, yes, no);
    latin1("a..b", &["aéb"], &["axb"]);
    latin1("é", &["é"], &[]);
    latin1("[é]+", &["é"], &["e"]);
    latin1(r"\xc3\x{a9}\303\251", &["éé"], &[]);
    check_bytes(
        Encoding::Latin1,
        r"[^a]\PL\pL",
        &[b"\xff\x80\xe9".to_vec()],
        &[b"\xff\xe9\xe9".to_vec()],
    );
    latin1(r"\p{Greek}|a", &["a"], &["α"]);
    latin1("(?i)k", &["k", "K"], &["\u{212a}"]);
    latin1("(?i)é[A-C]", &["éb"], &["Éb"]);
}

#[test]
fn in_latin1_there_is_nothing_above_ff() {
    refused_in(
        Encoding::Latin1,
        r"é\x{3a9}",
        2,
        &Reason::UnknownEscape(r"\x{3a9".to_string()),
    );
    refused_in(
        Encoding::Latin1,
        r"\400",
        0,
        &Reason::UnknownEscape(r"\400".to_string()),
    );
    refused_in(Encoding::Latin1, "(?P<é>a)", 0, &Reason::BadGroupName);
    refused_in(
        Encoding::Latin1,
        r"é\p{é}",
        2,
        &Reason::UnknownClass(r"\p{é}".to_string()),
    );
}

#[test]
fn case_folds_as_unicode_does_in_utf8() {
    let utf8 = |pattern, yes: &[&str], no: &[&str]| check_in(Encoding::Utf8, pattern, yes, no);
    utf8("(?i)k", &["k", "K", "\u{212a}"], &[]);
    utf8("(?i)straße", &["STRAßE", "STRAẞE"], &["STRASSE"]);
    utf8("(?i)[^k]", &["j"], &["k", "K", "\u{212a}"]);
    utf8(r"(?i)\w", &["ſ", "\u{212a}"], &["é"]);
}

#[test]
fn a_fold_lasts_as_long_as_its_group() {
    check(r"(?i)\P{Lu}", &["1"], &["a", "A"]);
    check("a(?i)b(?-i)c", &["abc", "aBc"], &["Abc", "abC"]);
    check("(?i:a)b", &["Ab"], &["AB"]);
    check("(a(?i)b)c", &["aBc"], &["aBC"]);
}

#[test]
fn braces_that_count_nothing_are_literal() {
    check("/{id}", &["/{id}"], &[]);
    check("a{,2}", &["a{,2}"], &["aa"]);
    check("a{01}", &["a{01}"], &["a"]);
    check("a{2}", &["aa"], &["a", "aaa"]);
    check("a{2,}", &["aa", "aaa"], &["a"]);
    check("a{1,2}b{0}", &["a", "aa"], &["b"]);
    check("{", &["{"], &[]);
    check("x{9999999999}", &["x{9999999999}"], &[]);
}

#[test]
fn brackets_are_read_as_re2_reads_them() {
    check("[[a]", &["[", "a"], &["]"]);
    check("[a&&b]", &["a", "&", "b"], &[]);
    check("[]a]", &["]", "a"], &[]);
    check("[^]a]", &["b"], &["]", "a"]);
    check("[a-]", &["a", "-"], &["b"]);
    check("[a-c-e]", &["b", "-", "e"], &["d"]);
    check("[a~~b]", &["a", "~", "b"], &["1"]);
    check(r"[\d\-x]", &["1", "-", "x"], &["y"]);
    check("[[:alpha:][:^digit:]]", &["a", "-"], &["1"]);
    refused("[[:alpha:]", 0, &Reason::MissingBracket);
    check("[:alpha:]", &["a", ":"], &["b"]);
    check("[#  x]", &["#", " ", "x"], &[]);
}

#[test]
fn unicode_classes_have_re2s_names() {
    check_in(
        Encoding::Utf8,
        r"\p{Greek}\pL\p{^Lu}\PN",
        &["αba-"],
        &["aba-", "αbA-", "αba1"],
    );
    check(r"\p{Cs}", &[], &["a"]);
    check_bytes(
        Encoding::Utf8,
        r"\p{Cs}",
        &[b"\xed\xa0\x80".to_vec(), b"\xed\xbf\xbf".to_vec()],
        &[b"\xed\x9f\xbf".to_vec()],
    );
    check(r"\p{Any}", &["\n"], &[""]);
    refused(r"a\p{greek}", 1, &Reason::UnknownClass(r"\p{greek}".to_string()));
    refused(
        r"\p{Alphabetic}",
        0,
        &Reason::UnknownClass(r"\p{Alphabetic}".to_string()),
    );
    refused(r"[[:foo:]]", 1, &Reason::UnknownClass("[:foo:]".to_string()));
}

#[test]
fn escapes_stand_for_code_points() {
    check_in(
        Encoding::Utf8,
        r"\x41\x{e9}\101\0\a\f\v\n\r\t",
        &["AéA\0\u{7}\u{c}\u{b}\n\r\t"],
        &[],
    );
    check(r"\.\/\-\_", &["./-_"], &[]);
    check(r"\Qa.b\E.", &["a.bx"], &["axbx"]);
    check(r"\Qa.b", &["a.b"], &[]);
    check(r"\Qab\E+", &["abb"], &["abab"]);
    refused(r"a\1", 1, &Reason::UnknownEscape(r"\1".to_string()));
    refused(r"\Z", 0, &Reason::UnknownEscape(r"\Z".to_string()));
    refused_in(
        Encoding::Utf8,
        r"\x{110000}",
        0,
        &Reason::UnknownEscape(r"\x{110000".to_string()),
    );
    refused("a\\", 1, &Reason::TrailingBackslash);
    refused(r"[\b]", 1, &Reason::UnknownEscape(r"\b".to_string()));
}

#[test]
fn anchors_inside_are_of_the_text_or_the_line() {
    check(r"\Aa\z", &["a"], &["a\n"]);
    check("a$\n", &[], &["a\n"]);
    check("(?m)a$\n^b", &["a\nb"], &["a\n"]);
}

#[test]
fn repetitions_have_limits() {
    check("a{1000}", &["a".repeat(1000).as_str()], &["a"]);
    refused("a{1001}", 1, &Reason::RepetitionTooLarge);
    refused("a{2,1}", 1, &Reason::RepetitionTooLarge);
    refused("(a{100}){11}", 8, &Reason::RepetitionTooLarge);
    refused("a**", 2, &Reason::DoubleRepetition);
    refused("a{2}*", 4, &Reason::DoubleRepetition);
    refused("a+?+", 3, &Reason::DoubleRepetition);
    refused("*a", 0, &Reason::NothingToRepeat);
    refused("(|+)", 2, &Reason::NothingToRepeat);
    check("(?:a*)*", &["", "aa"], &["b"]);
    check("^*a", &["a"], &[]);
}

#[test]
fn groups_are_named_or_not() {
    check("(?P<n>a)(?<m>b)(?:c)", &["abc"], &[]);
    check("(?)a", &["a"], &[]);
    refused("(a", 0, &Reason::MissingParenthesis);
    refused("(?P<>a)", 0, &Reason::BadGroupName);
    refused("(?P<a b>a)", 0, &Reason::BadGroupName);
    refused("x(?=a)", 1, &Reason::UnknownGroup("(?=".to_string()));
    refused("(?<!a)", 0, &Reason::UnknownGroup("(?<!".to_string()));
    refused("(?i-)a", 0, &Reason::UnknownGroup("(?i-)".to_string()));
    refused("[a", 0, &Reason::MissingBracket);
    refused("x[b-a]", 2, &Reason::BadRange);
}

#[test]
fn what_would_take_too_much_is_refused() {
    refused(&"(".repeat(100_000), 99_999, &Reason::MissingParenthesis);
    let reason = |text: &str| {
        Pattern::parse_as(text, Encoding::Utf8)
            .map(|_| ())
            .unwrap_err()
            .reason
    };
    assert_eq!(reason(r"\pL{1000}"), Reason::TooLarge);
    assert_eq!(reason(&r"\pL".repeat(2000)), Reason::TooLarge);
}

/// Go's `regexp.Compile`, which Istio asks, takes and refuses the same. RE2 has no limit.
#[test]
fn operators_lie_inside_each_other_up_to_the_limit_of_go() {
    let nested = |open: &str, close: &str, depth| open.repeat(depth) + &close.repeat(depth);
    for (open, close, deepest, value) in [
        ("(", "a)", 500, "a".repeat(500)),
        ("(a", ")", 500, "a".repeat(500)),
        ("(?:a", ")*", 500, "a".repeat(7)),
        ("(?:", ")", 5_000, String::new()),
    ] {
        let text = nested(open, close, deepest);
        for encoding in BOTH {
            let pattern = Pattern::parse_as(&text, encoding).unwrap();
            assert!(
                pattern.accepts(value.as_bytes()) && !pattern.accepts(b"b"),
                "{text}"
            );
            for text in [text.clone(), text.clone() + "$"] {
                let finder = Finder::parse_as(&text, encoding).unwrap();
                let found = finder.find(value.as_bytes(), 0).unwrap();
                assert_eq!(found.span(), 0..value.len(), "{text}");
            }
        }
    }
    let groups = |depth| "(".repeat(depth) + "ab" + &")".repeat(depth);
    assert!(Pattern::parse(&groups(999)).unwrap().accepts(b"ab"));
    refused(&groups(1_000), 0, &Reason::TooDeep);
    refused(&nested("(a", ")", 501), 0, &Reason::TooDeep);
    refused(&nested("(?:a", ")*", 501), 0, &Reason::TooDeep);
}

#[test]
fn a_finder_tells_what_its_groups_caught() {
    let finder = Finder::parse_as("/(a)|/(b)(c)?", Encoding::Latin1).unwrap();
    let found = finder.find(b"x/b", 0).unwrap();
    assert_eq!(
        (
            found.span(),
            found.group(0),
            found.group(1),
            found.group(2),
            found.group(3)
        ),
        (1..3, &b"/b"[..], &b""[..], &b"b"[..], &b""[..])
    );
    assert_eq!(finder.groups(), 3);
    assert!(finder.find(b"x/b", 2).is_none());
}

#[test]
fn a_finder_catches_no_more_groups_than_a_substitution_can_name() {
    let finder = Finder::parse(&"(a)".repeat(2_000)).unwrap();
    assert_eq!(finder.groups(), 2_000);
    let value = "a".repeat(2_000);
    let found = finder.find(value.as_bytes(), 0).unwrap();
    assert_eq!((found.group(9), found.group(10)), (&b"a"[..], &b""[..]));
}

proptest! {
    #[test]
    fn any_text_is_a_pattern_or_an_error(text in "\\PC{0,40}") {
        for encoding in BOTH {
            if let Ok(pattern) = Pattern::parse_as(&text, encoding) {
                pattern.accepts(text.as_bytes());
            }
        }
    }

    #[test]
    fn any_text_of_operators_is_a_pattern_or_an_error(
        text in r"([ab\[\]()|*+?{},^$.\\:\-&0-9dDwWsSpPQEzAbBCxiP<>=!]|\[\[:alpha:\]|\(\?i\)|\\p\{Greek\}){0,24}",
        value in prop::collection::vec(any::<u8>(), 0..16),
    ) {
        for encoding in BOTH {
            if let (Ok(pattern), Ok(finder)) = (Pattern::parse_as(&text, encoding), Finder::parse_as(&text, encoding)) {
                let accepted = pattern.accepts(&value);
                let found = finder.find(&value, 0);
                prop_assert!(!accepted || found.is_some(), "{text} accepts a value in which it is not found");
            }
        }
    }

    #[test]
    fn quoted_text_accepts_itself_alone(text in "[^\\\\]{0,12}", other in "\\PC{0,12}") {
        for encoding in BOTH {
            let pattern = Pattern::parse_as(&alloc::format!("\\Q{text}\\E"), encoding).unwrap();
            prop_assert!(pattern.accepts(text.as_bytes()));
            prop_assert_eq!(pattern.accepts(other.as_bytes()), text == other);
        }
    }
}
