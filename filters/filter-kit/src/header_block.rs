//! Headers in proxy-wasm's own layout: a count, the lengths of each pair, then the pairs, each text ended by a
//! zero byte. All numbers are 32 bits, little-endian.

use fingerpost_routing::Header;
use std::fmt;

/// Headers as the proxy hands them over. Not known to be well formed until [`HeaderBlock::pairs`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderBlock(Vec<u8>);

/// The bytes end before what they promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl HeaderBlock {
    /// Takes bytes as they came.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Lays pairs out; for hosts other than Envoy. Pairs longer than 4 GiB are cut off.
    pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = Header<'p>>) -> Self {
        let (mut count, mut lengths, mut texts) = (0_u32, Vec::new(), Vec::new());
        for (name, value) in pairs {
            count += 1;
            for text in [name, value] {
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                lengths.extend_from_slice(&length.to_le_bytes());
                texts.extend_from_slice(text);
                texts.push(0);
            }
        }
        Self([&count.to_le_bytes()[..], &lengths, &texts].concat())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The names and values, in order.
    pub fn pairs(&self) -> Result<Vec<Header<'_>>, Malformed> {
        let mut lengths = &*self.0;
        let count = take_number(&mut lengths)?;
        let lengths_end = count
            .checked_mul(8)
            .and_then(|it| it.checked_add(4))
            .ok_or(Malformed)?;
        let mut texts = self.0.get(lengths_end..).ok_or(Malformed)?;
        // `count` is now known to be less than the bytes that there are.
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, value) = (take_number(&mut lengths)?, take_number(&mut lengths)?);
            pairs.push((take_text(&mut texts, name)?, take_text(&mut texts, value)?));
        }
        Ok(pairs)
    }
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).map_err(|_| Malformed)
}

/// A text of this length and the zero byte behind it.
fn take_text<'b>(bytes: &mut &'b [u8], length: usize) -> Result<&'b [u8], Malformed> {
    let (text, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
    let (_zero, rest) = rest.split_first().ok_or(Malformed)?;
    *bytes = rest;
    Ok(text)
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy's list of headers is cut short")
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::{HeaderBlock, Malformed};
    use proptest::prelude::*;

    type Owned = Vec<(Vec<u8>, Vec<u8>)>;

    fn block(pairs: &Owned) -> HeaderBlock {
        HeaderBlock::from_pairs(pairs.iter().map(|(name, value)| (&**name, &**value)))
    }

    #[test]
    fn the_layout_is_proxy_wasms() {
        let expected = b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0";
        assert_eq!(
            HeaderBlock::from_pairs([(&b"a"[..], &b"bc"[..])]).as_bytes(),
            expected
        );
    }

    #[test]
    fn promises_that_the_bytes_do_not_keep_are_malformed() {
        for bytes in [
            &b""[..],
            b"\x01\0\0",
            b"\x01\0\0\0",
            b"\xff\xff\xff\xff",
            b"\x01\0\0\0\xff\xff\xff\xff\0\0\0\0a\0",
        ] {
            assert_eq!(
                HeaderBlock::from_bytes(bytes.to_vec()).pairs(),
                Err(Malformed),
                "{bytes:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_laid_out_is_read_back(
            pairs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..8), prop::collection::vec(any::<u8>(), 0..8)), 0..8),
        ) {
            let block = block(&pairs);
            let read: Owned = block.pairs().unwrap().iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn any_bytes_are_headers_or_malformed(bytes in prop::collection::vec(0u8..8, 0..64)) {
            let block = HeaderBlock::from_bytes(bytes.clone());
            if let Ok(pairs) = block.pairs() {
                prop_assert!(pairs.len() * 10 + 4 <= bytes.len(), "more headers than bytes");
            }
        }
    }
}
