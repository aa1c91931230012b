//! Base64 in either alphabet, padded or not, as proto's JSON form takes it.

/// The bytes, or what is wrong with the text. Line breaks and spaces are skipped.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.trim_end_matches(['=', '\n', '\r', ' ']);
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in digits.chars().filter(|it| !it.is_ascii_whitespace()) {
        let value = match letter {
            'A'..='Z' => letter as u32 - 'A' as u32,
            'a'..='z' => letter as u32 - 'a' as u32 + 26,
            '0'..='9' => letter as u32 - '0' as u32 + 52,
            '+' | '-' => 62,
            '/' | '_' => 63,
            other => return Err(format!("it holds {other:?}")),
        };
        (bits, held) = (bits << 6 | value, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8); // masked to one byte
        }
    }
    if held == 6 {
        Err("its last group has one digit".to_owned())
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn bytes_come_out_whatever_the_padding() {
        for (text, want) in [
            ("aGVsbG8=", &b"hello"[..]),
            ("aGVsbG8", b"hello"),
            ("aGVs\nbG8=\n", b"hello"),
            ("-_8=", b"\xfb\xff"),
            ("", b""),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn other_letters_are_refused() {
        assert!(decode("a$b=").is_err());
        assert!(decode("aGVsb").is_err());
    }
}
