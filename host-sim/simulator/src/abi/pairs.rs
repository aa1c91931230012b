//! Maps as bytes: a count, the lengths, then names and values each with a zero byte after it.

use crate::limits;

/// Pairs as a guest reads them.
pub(crate) fn serialised<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size(pairs));
    // A guest has 32 bits of memory, so nothing of it is longer.
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    bytes.extend(number(pairs.len()));
    for (name, value) in pairs {
        bytes.extend(number(name.as_ref().len()));
        bytes.extend(number(value.as_ref().len()));
    }
    for (name, value) in pairs {
        for text in [name.as_ref(), value.as_ref()] {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
    }
    bytes
}

/// How many bytes pairs have when they are serialised.
pub(crate) fn size<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> usize {
    let text: usize = pairs
        .iter()
        .map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 2)
        .sum();
    4 + 8 * pairs.len() + text
}

/// Reads what a guest wrote. Whatever is not exactly right, or over the limits, counts as an empty map, as in Envoy.
pub(crate) fn read(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    if bytes.len() > limits::PAIRS_BYTES {
        return Vec::new();
    }
    try_read(bytes).unwrap_or_default()
}

fn try_read(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut rest = bytes;
    let count = number(&mut rest)?;
    if count > limits::PAIRS_COUNT {
        return None;
    }
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        lengths.push((number(&mut rest)?, number(&mut rest)?));
    }
    let mut pairs = Vec::with_capacity(count);
    for (name, value) in lengths {
        pairs.push((text(&mut rest, name)?, text(&mut rest, value)?));
    }
    rest.is_empty().then_some(pairs)
}

fn number(rest: &mut &[u8]) -> Option<usize> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

fn text<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (text, after) = rest.split_at_checked(length)?;
    let (zero, after) = after.split_first()?;
    *rest = after;
    (*zero == 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{read, serialised};

    #[test]
    fn what_is_written_is_read() {
        let pairs: &[(&[u8], &[u8])] = &[(b"a", b"1"), (b"", b""), (b"b", b"\0\xff")];
        assert_eq!(read(&serialised(pairs)), pairs);
    }

    #[test]
    fn a_map_that_is_not_exactly_right_is_empty() {
        let right = serialised(&[(b"a", b"1")]);
        let mut longer = right.clone();
        longer.push(0);
        assert!(read(&longer).is_empty(), "a byte too many");
        assert!(read(&right[..right.len() - 1]).is_empty(), "a byte too few");
        let mut no_zero = right;
        no_zero[13] = b'x';
        assert!(read(&no_zero).is_empty(), "no zero after a name");
        assert!(read(&[]).is_empty(), "nothing");
    }

    #[test]
    fn a_map_of_more_than_1024_pairs_is_empty() {
        let pair: (&[u8], &[u8]) = (b"a", b"1");
        assert_eq!(read(&serialised(&vec![pair; 1024])).len(), 1024);
        assert!(read(&serialised(&vec![pair; 1025])).is_empty());
    }
}
