//! Maps as bytes: a count, the lengths, then names and values each with a zero byte after it.

use crate::limits;

/// How many bytes `write` needs.
pub(crate) fn size<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> usize {
    let text: usize = pairs
        .iter()
        .map(|(name, value)| name.as_ref().len() + value.as_ref().len() + 2)
        .sum();
    4 + 8 * pairs.len() + text
}

/// Writes into exactly `size` bytes.
pub(crate) fn write<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)], place: &mut [u8]) {
    let mut writer = Writer { place, at: 0 };
    writer.number(pairs.len());
    for (name, value) in pairs {
        writer.number(name.as_ref().len());
        writer.number(value.as_ref().len());
    }
    for (name, value) in pairs {
        writer.text(name.as_ref());
        writer.text(value.as_ref());
    }
}

struct Writer<'p> {
    place: &'p mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(place) = self.place.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.at += bytes.len();
    }

    fn number(&mut self, number: usize) {
        // A guest has 32 bits of memory, so nothing of it is longer.
        self.bytes(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.bytes(text);
        self.bytes(&[0]);
    }
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
    use super::{read, size, write};

    fn serialised(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; size(pairs)];
        write(pairs, &mut bytes);
        bytes
    }

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
