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
    pub fn pairs(&self) -> Result<Pairs<'_>, Malformed> {
        let mut lengths = &*self.0;
        let count = take_number(&mut lengths)?;
        let size = count.checked_mul(8).ok_or(Malformed)?;
        let (lengths, texts) = lengths.split_at_checked(size).ok_or(Malformed)?;
        Ok(Pairs { lengths, texts })
    }
}

/// What is left to read of a block.
#[derive(Debug, Clone)]
pub struct Pairs<'b> {
    lengths: &'b [u8],
    texts: &'b [u8],
}

impl<'b> Pairs<'b> {
    fn take_one(&mut self) -> Result<Header<'b>, Malformed> {
        let (name, value) = (take_number(&mut self.lengths)?, take_number(&mut self.lengths)?);
        Ok((
            take_text(&mut self.texts, name)?,
            take_text(&mut self.texts, value)?,
        ))
    }
}

impl<'b> Iterator for Pairs<'b> {
    type Item = Result<Header<'b>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.lengths.is_empty()).then(|| self.take_one())
    }

    /// Never more than there are bytes.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.lengths.len() / 8;
        (count, Some(count))
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
    use fingerpost_routing::Header;
    use proptest::prelude::*;

    type Owned = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(block: &HeaderBlock) -> Result<Owned, Malformed> {
        let owned = |(name, value): Header<'_>| (name.to_vec(), value.to_vec());
        block.pairs()?.map(|pair| pair.map(owned)).collect()
    }

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
                read(&HeaderBlock::from_bytes(bytes.to_vec())),
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
            prop_assert_eq!(read(&block(&pairs)), Ok(pairs));
        }

        #[test]
        fn any_bytes_are_headers_or_malformed(bytes in prop::collection::vec(0u8..8, 0..64)) {
            if let Ok(pairs) = read(&HeaderBlock::from_bytes(bytes.clone())) {
                prop_assert!(pairs.len() * 10 + 4 <= bytes.len(), "more headers than bytes");
            }
        }
    }
}
