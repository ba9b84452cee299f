//! Turns the bytes of an export file into UTF-8: unpacks gzip, converts UTF-16.
//!
//! The input is hostile. Unpacking stops at a budget: at most [`MAX_TEXT`] bytes, and at most [`MAX_RATIO`] times the packed
//! size for files that unpack to more than [`SMALL`]. Real exports pack to a tenth or a fiftieth.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;

/// The largest text of one file, in bytes.
pub const MAX_TEXT: u64 = 1 << 30;
/// How many times larger than the packed file the text may be.
const MAX_RATIO: u64 = 200;
/// A text up to this size may have any ratio.
const SMALL: u64 = 16 << 20;

/// First bytes of files that hold packed exports and are not read.
const PACKED: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"\xfd7zXZ", "packed with xz"),
    (b"BZh", "packed with bzip2"),
    (b"\x1f\x8b", "packed twice with gzip"),
];

/// The UTF-8 bytes of a file. Text that is not UTF-16 is returned as it is; the reader checks it.
///
/// # Errors
/// A finding if the file cannot be unpacked within the budget, or is not valid UTF-16.
pub fn utf8(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Finding> {
    let bytes = if bytes.starts_with(b"\x1f\x8b") { unpacked(name, &bytes)? } else { bytes };
    if let Some((_, what)) = PACKED.iter().find(|(start, _)| bytes.starts_with(start)) {
        let finding = Finding::new(Code::Unreadable, format!("the file is {what}"));
        return Err(finding.at(&Place::file(name)).help("unpack it, and import the files in it"));
    }
    match bytes.get(..2) {
        Some([0xff, 0xfe]) => utf16(name, &bytes, u16::from_le_bytes),
        Some([0xfe, 0xff]) => utf16(name, &bytes, u16::from_be_bytes),
        Some(_) | None => Ok(bytes),
    }
}

fn unpacked(name: &str, packed: &[u8]) -> Result<Vec<u8>, Finding> {
    let size = u64::try_from(packed.len()).unwrap_or(u64::MAX);
    let budget = size.saturating_mul(MAX_RATIO).clamp(SMALL, MAX_TEXT);
    let mut out = Vec::new();
    MultiGzDecoder::new(packed).take(budget.saturating_add(1)).read_to_end(&mut out).map_err(|_| {
        Finding::new(Code::Unreadable, "the gzip file is damaged or truncated")
            .at(&Place::file(name))
            .help("copy or export it again")
    })?;
    if u64::try_from(out.len()).unwrap_or(u64::MAX) > budget {
        let message = format!("the gzip file unpacks to more than {budget} bytes");
        return Err(Finding::new(Code::TooLarge, message)
            .at(&Place::file(name))
            .help("unpack it yourself if you trust it, and import the text"));
    }
    Ok(out)
}

fn utf16(name: &str, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, Finding> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().skip(1).map(|pair| unit(*pair));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty()).map(String::into_bytes).ok_or_else(|| {
        Finding::new(Code::NotUtf8, "the file begins as UTF-16 and is not valid UTF-16")
            .at(&Place::file(name))
            .help("export it again; in PowerShell: `… | Out-File -Encoding utf8 FILE`")
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn refused(bytes: Vec<u8>) -> Code {
        utf8("f", bytes).unwrap_err().code
    }

    #[test]
    fn gzip_and_utf16_become_utf8() {
        let text = "{\"é\": \"😀\"}";
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        let twice = [packed(b"{\"\xc3\xa9\": "), packed("\"😀\"}".as_bytes())].concat();
        for bytes in [text.as_bytes().to_vec(), little.clone(), big, packed(text.as_bytes()), packed(&little), twice] {
            assert_eq!(utf8("f", bytes).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn a_damaged_truncated_or_nested_archive_is_refused() {
        let whole = packed(&b"{}".repeat(1000));
        assert_eq!(refused(whole[..whole.len() - 4].to_vec()), Code::Unreadable);
        assert_eq!(refused([whole.clone(), b"rubbish".to_vec()].concat()), Code::Unreadable);
        assert_eq!(refused(packed(&whole)), Code::Unreadable);
        assert_eq!(refused(b"PK\x03\x04...".to_vec()), Code::Unreadable);
        assert_eq!(refused(vec![0xff, 0xfe, 0x00]), Code::NotUtf8);
        assert_eq!(refused(vec![0xff, 0xfe, 0x00, 0xd8]), Code::NotUtf8);
    }

    #[test]
    fn a_bomb_stops_at_the_budget() {
        let bomb = packed(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 80_000);
        assert_eq!(refused(bomb), Code::TooLarge);
    }
}
