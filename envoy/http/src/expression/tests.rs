//! Each row was put to `envoy --mode validate`, 1.36 and 1.40.

use super::InvalidExpression;

fn parse(text: &str) -> Result<(), InvalidExpression> {
    super::check(text, 40)
}

fn check(accepted: &[&str], refused: &[&str]) {
    for text in accepted {
        assert!(
            parse(text).is_ok(),
            "{text}: {}",
            parse(text).err().map_or_else(String::new, |it| it.to_string())
        );
    }
    for text in refused {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_grammar_is_cel() {
    check(
        &[
            "request.path",
            "foo.bar.baz",
            " a\t",
            "a // b",
            ".a",
            "a ? b : c",
            "a?b:c?d:e",
            "a?(b?c:d):e",
            "a == b == c",
            "a<b>c<=d>=e!=f",
            "a+b-c*d/e%f",
            "a in [1,2]",
            "a ||b && c",
            "!!a",
            "!-1",
            "-a",
            "--1",
            "- -1",
            "-1u",
            "[]",
            "[1,]",
            "[,]",
            "{}",
            "{,}",
            "{1:2,}",
            "a[0]",
            "a.size",
            "True",
            "_",
            "a.while",
            "a.`b-c`",
            "a.`b`.c",
            "request.headers['a']",
            "1.size()",
            "size(a)[0].b",
            "1 + 'a'",
        ],
        &[
            "",
            " ",
            "// a",
            "a.",
            ".",
            "a..b",
            "a.(b)",
            "a b",
            "a)",
            "(a",
            "a[1",
            "a[]",
            "a[1,2]",
            "a?b",
            "a?b?c:d:e",
            "a in",
            "ain b",
            "a.in",
            "a.true",
            "-!a",
            "!-a",
            "|| a",
            "a # b",
            "a & b",
            "a | b",
            "a = b",
            "a;b",
            "a:b",
            "a,b",
            "[1,,]",
            "[1 2]",
            "{1}",
            "{1:2,3}",
            "size(a,)",
            "size(,)",
            "size(a)(b)",
            "a()()",
            "`a`",
            "a.`b`()",
            "a.``",
            "a.`b$`",
            "ä",
            "@result",
            "$a",
            "if",
            ".if",
            "if(a)",
            "as",
            "a.?b",
            "a[?b]",
            "[?1]",
            "{?1:2}",
            "a\\b",
        ],
    );
}

#[test]
fn constants_are_those_of_cel() {
    check(
        &[
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615u",
            "0x7FFFFFFFFFFFFFFF",
            "-0x8000000000000000",
            "0xFFFFFFFFFFFFFFFFu",
            "007",
            "1e5",
            "1.5e400",
            ".5",
            "-.5",
            "1u",
            "true",
            "null",
            "''",
            "''''''",
            "'''a'b'''",
            "b'a'",
            "br'a'",
            "bR\"\"\"a\"\"\"",
            r"'\n\x41\101\?\`'",
            r"'\u00e4\U0010FFFF'",
            "'ä'",
            r"b'\xff'",
            r"r'\\'",
            r"r'\d'",
        ],
        &[
            "9223372036854775808",
            "--9223372036854775808",
            "1-9223372036854775808",
            "18446744073709551616u",
            "0xFFFFFFFFFFFFFFFF",
            "-0x8000000000000001",
            "0x10000000000000000u",
            "0X1",
            "0x",
            "1e",
            "1.",
            "a.5",
            "1uu",
            "1.5u",
            "99999999999999999999999999999999999999999999",
            "'a",
            "'''a''''",
            "rb'a'",
            "'a''b'",
            "\"a\"b",
            r"'\q'",
            r"'\x4'",
            r"'\400'",
            r"'\18'",
            r"'\ud800'",
            r"'\U00110000'",
            r"b'\u00e4'",
            r"r'\'",
            r"r'a\'b'",
            r"r'''a\'''",
            "'a\\",
        ],
    );
}

#[test]
fn functions_are_those_that_envoy_registers() {
    check(
        &[
            "size('a')",
            "'a'.size()",
            ".size(a)",
            "timestamp('x').getHours('y')",
            "type(a)==int",
            "re.extract(a,b,c)",
            ".re.extract(a,b,c)",
            "re.capture(a,'(')",
            "_in_(a, b)",
            "has(a.b)",
            "has((a.b))",
            "has(has(a.b).c)",
            "has({}.a)",
        ],
        &[
            "foo(1)",
            "size()",
            "size(1,2)",
            "string(1)",
            "'a'.lowerAscii()",
            "now()",
            "x.re.extract(a,b,c)",
            "._in_(a, b)",
            "_in_(a)",
            "[1].all(x, x>0)",
            "a.map(b, c, d)",
            "has(a)",
            ".has(a.b)",
            "has(a.b())",
            "a.has(b.c)",
            "a.while()",
        ],
    );
}

#[test]
fn messages_are_known_with_their_fields() {
    check(
        &[
            "google.protobuf.Int32Value{}",
            ".google.protobuf.Int32Value{value: 1,}",
            "google.protobuf.Int32Value{,}",
            "google.protobuf.Int32Value{`value`: 1}.value",
            "google.protobuf.Value{string_value:'a', number_value: 1.0}",
            "google.protobuf.Any{type_url:'a',value:b'a'}",
            "google.protobuf.Duration{seconds:1,nanos:1}",
            "google.protobuf.FieldMask{paths:[]}",
            "google.protobuf.NullValue{}",
            "int{}",
        ],
        &[
            "Foo{}",
            "a.b.c{}",
            "while{}",
            "Int32Value{}",
            "google.protobuf.Int32Value{foo: 1}",
            "google.protobuf.Int32Value{'value': 1}",
            "google.protobuf.Int32Value{?value: 1}",
            "(google).protobuf.Int32Value{}",
            "int{a: 1}",
            "google.protobuf.Int32Value{value}",
            "google.protobuf.Int32Value{value: 1",
        ],
    );
}

#[test]
fn constant_patterns_are_not_decided() {
    for text in ["a.matches('b')", "matches(a, 'b')", "a.matches(('b'))"] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in [
        "a.matches(b)",
        "'a'.matches('b' + 'c')",
        ".matches(a, '(')",
        "a.matches(b'(')",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

/// How often a piece may be repeated; one more is refused.
#[test]
fn nesting_is_limited_and_length_is_not() {
    let nested = |open: &'static str, middle: &'static str, close: &'static str| {
        move |count: usize| format!("{}{middle}{}", open.repeat(count), close.repeat(count))
    };
    for (most, text) in [
        (32, nested("(", "a", ")")),
        (31, nested("", "a", ".b")),
        (31, nested("", "1", "+1")),
        (31, nested("", "1", "+(1)")),
        (31, nested("", "1", "==1")),
        (32, nested("[", "", "]")),
        (31, nested("{1:", "1", "}")),
        (31, nested("size(", "a", ")")),
        (31, nested("", "a", ".size()")),
        (31, nested("", "a", "[0]")),
        (31, nested("a[", "0", "]")),
        (31, nested("a?b:", "c", "")),
        (31, nested("!(", "a", ")")),
        (31, nested("(1+", "1", ")")),
        (16, nested("size(a?b:", "a", ")")),
        (16, nested("a?b:(", "a", ")")),
        (31, nested("google.protobuf.Value{struct_value:", "a", "}")),
    ] {
        assert!(parse(&text(most)).is_ok(), "{}", text(most));
        assert!(parse(&text(most + 1)).is_err(), "{}", text(most + 1));
        assert!(parse(&text(5_000)).is_err());
    }
    for text in [
        "!".repeat(5_000) + "a",
        "a".to_owned() + &"||a".repeat(5_000),
        "a".to_owned() + &"&&a".repeat(5_000),
    ] {
        assert!(parse(&text).is_ok());
    }
}

#[test]
fn a_refusal_says_what_and_where() {
    for (text, message) in [
        (
            "request.",
            "expected the name of a field (character 9 of the expression)",
        ),
        (
            "'ä' + foo(1)",
            "no function `foo` takes 1 arguments (character 7 of the expression)",
        ),
        (
            "[1].all(x, x)",
            "`all` over a list or map is disabled (character 5 of the expression)",
        ),
    ] {
        assert_eq!(parse(text).map_err(|it| it.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn names_in_backquotes_came_with_1_40() {
    for text in ["a.`b-c`", "google.protobuf.Int32Value{`value`: 1}"] {
        assert!(super::check(text, 39).is_err(), "{text}");
        assert!(super::check(text, 40).is_ok(), "{text}");
    }
}
