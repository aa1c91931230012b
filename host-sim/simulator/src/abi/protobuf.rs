//! Protobuf as far as the messages of foreign functions need it: texts and numbers, each field once.

/// A field's value.
pub(super) enum Field<'b> {
    Number,
    Bytes(&'b [u8]),
}

/// A message's fields by number, in order; none if the bytes are not a message.
pub(super) struct Message<'b>(Vec<(u64, Field<'b>)>);

impl<'b> Message<'b> {
    /// Reads a message. Fields of other types than these messages have are passed over, groups and all.
    pub(super) fn read(mut bytes: &'b [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut groups = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes)?;
            let field = match tag & 7 {
                0 => {
                    varint(&mut bytes)?;
                    Field::Number
                }
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    let (field, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Field::Bytes(field)
                }
                fixed @ (1 | 5) => {
                    let length = if fixed == 1 { 8 } else { 4 };
                    (_, bytes) = bytes.split_at_checked(length)?;
                    Field::Number
                }
                3 => {
                    groups.push(tag >> 3);
                    continue;
                }
                4 if groups.pop() == Some(tag >> 3) => continue,
                _ => return None,
            };
            if tag >> 3 == 0 {
                return None;
            }
            if groups.is_empty() {
                fields.push((tag >> 3, field));
            }
        }
        groups.is_empty().then_some(Self(fields))
    }

    /// Whether a field is there, and be it empty.
    pub(super) fn has(&self, number: u64) -> bool {
        self.0.iter().any(|(field, _)| *field == number)
    }

    /// The bytes of a field; none where it is not set. Of a repeated field the last counts.
    pub(super) fn bytes(&self, number: u64) -> &'b [u8] {
        let found = self.0.iter().rev().find(|(field, _)| *field == number);
        match found {
            Some((_, Field::Bytes(bytes))) => bytes,
            Some((_, Field::Number)) | None => &[],
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Writes `true` into a field; `false` is not written.
pub(super) fn put_true(message: &mut Vec<u8>, number: u8) {
    message.extend([number << 3, 1]);
}

/// Writes bytes into a field; none are not written.
pub(super) fn put_bytes(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    message.push(number << 3 | 2);
    let mut length = bytes.len();
    while length > 0x7f {
        message.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend(bytes);
}
