//! The numbers in the tables of characters: seven bits a byte, the lowest first; the eighth bit says that there is more.

/// Takes a number from a table.
pub(super) fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in [0, 7, 14, 21] {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u32::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Adds a number to a table.
#[cfg(test)]
pub(super) fn push_number(bytes: &mut alloc::vec::Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(0x80 | (number & 0x7F) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
}
