//! A strict reader for the SSH wire encoding (RFC 4251 §5): integers, strings and big integers.
//!
//! INVARIANT: everything accepted here has exactly one encoding, so re-encoding the parts gives the same bytes. Trailing
//! bytes are an error.

/// Why bytes do not follow the SSH encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end in the middle of a field.
    #[error("the data ends in the middle of a field")]
    Short,
    /// Bytes follow the last field.
    #[error("unexpected bytes after the last field")]
    Trailing,
    /// A big integer is negative, zero, or has redundant leading zeros.
    #[error("a number is negative, zero, or has redundant leading zeros")]
    Number,
    /// A text is not UTF-8 or contains a NUL.
    #[error("a text field is not text")]
    Text,
}

/// A reader over borrowed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes that are not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    /// If fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(WireError::Short)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(WireError::Short)?;
        self.0 = tail;
        Ok(*head)
    }

    /// Reads a byte.
    ///
    /// # Errors
    /// If none is left.
    pub fn u8(&mut self) -> Result<u8, WireError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// Reads a `uint32`.
    ///
    /// # Errors
    /// If fewer than four bytes are left.
    pub fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// Reads a `uint64`.
    ///
    /// # Errors
    /// If fewer than eight bytes are left.
    pub fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Reads a `string`: any bytes, prefixed by their length.
    ///
    /// # Errors
    /// If the length exceeds what is left.
    pub fn string(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.u32()?).map_err(|_| WireError::Short)?;
        self.take(length)
    }

    /// Reads a `string` that is UTF-8 without NUL.
    ///
    /// # Errors
    /// If it is cut off or not such text.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        let text = std::str::from_utf8(self.string()?).map_err(|_| WireError::Text)?;
        if text.contains('\0') { Err(WireError::Text) } else { Ok(text) }
    }

    /// Reads a positive `mpint` and returns its magnitude without a leading zero.
    ///
    /// # Errors
    /// If it is truncated, negative, zero, or not in its shortest form.
    pub fn positive(&mut self) -> Result<&'a [u8], WireError> {
        let whole = self.string()?;
        match whole {
            [0, rest @ ..] if rest.first().is_some_and(|high| *high >= 0x80) => Ok(rest),
            [1..=0x7f, ..] => Ok(whole),
            _ => Err(WireError::Number),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If bytes are left.
    pub fn finish(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Trailing) }
    }
}

/// Appends a `string`. The encoding cannot represent more than 2^32−1 bytes. A longer field is written as empty, so the
/// result matches nothing.
pub fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    match u32::try_from(bytes.len()) {
        Ok(length) => {
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(bytes);
        }
        Err(_) => out.extend_from_slice(&[0; 4]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_encoding() {
        let read = |body: &[u8]| {
            let mut bytes = Vec::new();
            put_string(&mut bytes, body);
            Wire::new(&bytes).positive().map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[0, 0x80]), Ok(vec![0x80]));
        assert_eq!(read(&[0x7f]), Ok(vec![0x7f]));
        for bad in [&[][..], &[0], &[0, 0x7f], &[0, 0, 0x80], &[0x80], &[0xff, 0xff]] {
            assert_eq!(read(bad), Err(WireError::Number), "{bad:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Wire::new(&[0xff, 0xff, 0xff, 0xff, 1]).string(), Err(WireError::Short));
        assert_eq!(Wire::new(&[0]).finish(), Err(WireError::Trailing));
    }
}
