//! Splits long values into parts that fit a line, and joins them again.
//!
//! The parts of a value must match its SHA-256; a value that does not match is never returned.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

use super::line::{self, Blob, Line, Number, Tag};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// The size in bytes, before encoding, of every part except the last.
pub const PART: usize = 46_080;

/// Splits a value into parts. The caller links each part to the previous line.
pub fn cut(bytes: &[u8]) -> impl Iterator<Item = impl FnOnce(Digest<of::Line>) -> Blob> + '_ {
    let sha256 = Digest::of(bytes);
    let parts = bytes.len().div_ceil(PART).max(1);
    (0..parts).map(move |n| {
        let from = n.saturating_mul(PART);
        let piece = bytes.get(from..bytes.len().min(from.saturating_add(PART))).unwrap_or_default();
        let base64 = Text::from(Base64::encode_string(piece));
        let (part, parts) = (Number::of(n.saturating_add(1)), Number::of(parts));
        move |prev| Blob { base64, part, parts, prev, sha256, r#type: Tag::new() }
    })
}

/// Why a blob line does not continue the previous one.
pub(super) type BlobFault = &'static str;

/// Checks a part on its own. A value with a single part is checked completely.
pub(super) fn alone(blob: &Blob) -> Result<(), BlobFault> {
    let (part, parts) = (blob.part.get(), blob.parts.get());
    if part == 0 || part > parts {
        return Err("the part number is out of range");
    }
    let open = Open { sha256: blob.sha256, next: part, parts, hash: Sha256::new() };
    // The last of several parts cannot be checked alone, because the hash covers all parts.
    let taken = BlobJoin { open: Some(open), ..BlobJoin::default() }.take(blob);
    if part == parts && parts > 1 && taken == Err(OTHER_VALUE) { Ok(()) } else { taken.map(drop) }
}

const OTHER_VALUE: BlobFault = "the parts do not match the announced digest";

/// Joins the parts of values. It keeps only a running hash.
#[derive(Default)]
pub(super) struct BlobJoin {
    open: Option<Open>,
    /// The bytes of the last part.
    pub(super) piece: Vec<u8>,
}

struct Open {
    sha256: Digest<of::Blob>,
    next: u64,
    parts: u64,
    hash: Sha256,
}

impl BlobJoin {
    /// Whether a value has started and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Discards a value that has started.
    pub(super) fn give_up(&mut self) {
        self.open = None;
    }

    /// Takes the next part. Returns the value's digest when the value is complete.
    pub(super) fn take(&mut self, blob: &Blob) -> Result<Option<Digest<of::Blob>>, BlobFault> {
        let (part, parts) = (blob.part.get(), blob.parts.get());
        let mut open = match self.open.take() {
            None if part == 1 && parts >= 1 => Open { sha256: blob.sha256, next: 1, parts, hash: Sha256::new() },
            None => return Err("a value does not start with its first part"),
            Some(open) if open.sha256 == blob.sha256 && open.next == part && open.parts == parts => open,
            Some(_) => return Err("a part does not continue the previous part"),
        };
        let text = blob.base64.raw();
        self.piece.resize(text.len(), 0);
        let Ok(piece) = Base64::decode(text, &mut self.piece) else { return Err("the part is not base64") };
        let length = piece.len();
        let empty_value = parts == 1;
        if length > PART || (part < parts && length != PART) || (length == 0 && !empty_value) {
            return Err("the part has the wrong length");
        }
        open.hash.update(piece);
        self.piece.truncate(length);
        if part < parts {
            open.next = part.saturating_add(1);
            self.open = Some(open);
            return Ok(None);
        }
        if Digest::from_bytes(open.hash.finalize().into()) == open.sha256 {
            Ok(Some(open.sha256))
        } else {
            Err(OTHER_VALUE)
        }
    }
}

/// The long values of a log, by SHA-256.
#[derive(Default)]
pub struct Values {
    join: BlobJoin,
    partial: Vec<u8>,
    whole: BTreeMap<Digest<of::Blob>, Vec<u8>>,
}

impl Values {
    /// Takes every blob line of a log or a part of one. Lines that do not read are passed over.
    pub fn take_lines(&mut self, bytes: &[u8]) {
        let mut scratch = Vec::new();
        for raw in line::lines(bytes).filter(|raw| line::word(raw) == Some(b"blob")) {
            if let Ok(Line::Blob(blob)) = line::read(raw, &mut scratch) {
                self.take(&blob);
            }
        }
    }

    /// Takes the next blob line of a session. Parts that do not fit are ignored.
    pub fn take(&mut self, blob: &Blob) {
        if blob.part.get() == 1 {
            self.join.give_up();
            self.partial.clear();
        }
        let taken = self.join.take(blob);
        if taken.is_err() {
            self.join.give_up();
            return;
        }
        self.partial.extend_from_slice(&self.join.piece);
        if let Ok(Some(digest)) = taken {
            self.whole.insert(digest, std::mem::take(&mut self.partial));
        }
    }

    /// The value with this SHA-256.
    #[must_use]
    pub fn get(&self, digest: &Digest<of::Blob>) -> Option<&[u8]> {
        self.whole.get(digest).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_awkward_length_come_back_whole() {
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART, 3 * PART + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let mut values = Values::default();
            let lines: Vec<Blob> = cut(&bytes).map(|make| make(Digest::of(b""))).collect();
            for blob in &lines {
                values.take(blob);
            }
            assert_eq!(values.get(&Digest::of(&bytes)), Some(bytes.as_slice()), "{length}");
            for mut bad in lines {
                assert!(super::super::line::Line::Blob(bad.clone()).to_bytes().is_ok());
                bad.part = Number::new(bad.part.get() + 1);
                assert!(BlobJoin::default().take(&bad).is_err());
            }
        }
    }
}
