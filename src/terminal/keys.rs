//! Decodes terminal input to keys.
//!
//! Sources: ECMA-48 (control sequences), xterm control sequences (bracketed paste). Pasted text is a single key, so that
//! its line feeds do not act as Enter.

use std::collections::VecDeque;

/// A key press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Return or line feed.
    Enter,
    /// Escape on its own.
    Escape,
    /// Deletes the previous character.
    Backspace,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndOfFile,
    /// Ctrl-U.
    ClearLine,
    /// Ctrl-W.
    ClearWord,
    /// Ctrl-L.
    Redraw,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Pasted text.
    Paste(String),
    /// Bytes that are not UTF-8, or an unsupported sequence.
    Unknown,
}

/// The maximum length of a paste in bytes. A longer one is truncated.
const LONGEST_PASTE: usize = 16_384;
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Collects bytes until they form a key.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: VecDeque<u8>,
}

impl Decoder {
    /// Adds bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// Discards unused bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Whether there are bytes that do not form a key yet.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next key. If `complete` is true, no byte follows soon: a lone escape is the key, and an incomplete sequence is unknown.
    pub fn key(&mut self, complete: bool) -> Option<Key> {
        let bytes = self.bytes.make_contiguous();
        let (taken, key) = match bytes {
            [] => return None,
            [0x1b, ..] => escape(bytes, complete)?,
            [first, ..] if first.is_ascii() => (1, plain(*first)),
            _ => character(bytes, complete)?,
        };
        self.bytes.drain(..taken.min(self.bytes.len()));
        Some(key)
    }
}

fn plain(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::Enter,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfFile,
        0x08 | 0x7f => Key::Backspace,
        0x0c => Key::Redraw,
        0x15 => Key::ClearLine,
        0x17 => Key::ClearWord,
        0x20..=0x7e => Key::Char(char::from(byte)),
        _ => Key::Unknown,
    }
}

fn character(bytes: &[u8], complete: bool) -> Option<(usize, Key)> {
    let long = match bytes.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => return Some((1, Key::Unknown)),
    };
    let Some(part) = bytes.get(..long) else { return complete.then_some((bytes.len(), Key::Unknown)) };
    let read = std::str::from_utf8(part).ok().and_then(|text| text.chars().next());
    Some(read.map_or((1, Key::Unknown), |c| (long, Key::Char(c))))
}

fn escape(bytes: &[u8], complete: bool) -> Option<(usize, Key)> {
    if let Some(rest) = bytes.strip_prefix(PASTE_BEGINS) {
        return paste(rest, complete);
    }
    let torn = || complete.then_some((bytes.len(), if bytes.len() == 1 { Key::Escape } else { Key::Unknown }));
    match bytes.get(1) {
        None => torn(),
        Some(b'[') => {
            let Some(at) = bytes.iter().skip(2).position(|b| (0x40..=0x7e).contains(b)) else { return torn() };
            Some((at + 3, sequence(bytes.get(2..at + 3).unwrap_or_default())))
        }
        Some(b'O') => match bytes.get(2) {
            None => torn(),
            Some(last) => Some((3, sequence(&[*last]))),
        },
        Some(0x1b) => Some((1, Key::Escape)),
        Some(_) => Some((2, Key::Unknown)),
    }
}

fn sequence(rest: &[u8]) -> Key {
    match rest {
        b"A" => Key::Up,
        b"B" => Key::Down,
        b"H" | b"1~" | b"7~" => Key::Home,
        b"F" | b"4~" | b"8~" => Key::End,
        b"5~" => Key::PageUp,
        b"6~" => Key::PageDown,
        _ => Key::Unknown,
    }
}

fn paste(rest: &[u8], complete: bool) -> Option<(usize, Key)> {
    let end = rest.windows(PASTE_ENDS.len()).position(|w| w == PASTE_ENDS);
    let (text, taken) = match end {
        Some(at) => (rest.get(..at)?, at + PASTE_ENDS.len()),
        None if complete || rest.len() > LONGEST_PASTE => (rest, rest.len()),
        None => return None,
    };
    let text = text.get(..LONGEST_PASTE).unwrap_or(text);
    let key = std::str::from_utf8(text).map_or(Key::Unknown, |text| Key::Paste(text.to_owned()));
    Some((PASTE_BEGINS.len() + taken, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(portions: &[&[u8]]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for portion in portions {
            decoder.feed(portion);
            out.extend(std::iter::from_fn(|| decoder.key(false)));
        }
        out.extend(std::iter::from_fn(|| decoder.key(true)));
        out
    }

    #[test]
    fn portions_do_not_matter() {
        let whole = b"a\xe6\xbc\xa2\x1b[A\x1bOB\r\x1b[200~x\r\ny\x1b[201~\x03\x1b";
        let one: Vec<&[u8]> = whole.chunks(1).collect();
        let expected = [
            Key::Char('a'),
            Key::Char('漢'),
            Key::Up,
            Key::Down,
            Key::Enter,
            Key::Paste("x\r\ny".into()),
            Key::Interrupt,
            Key::Escape,
        ];
        assert_eq!(keys(&[whole]), expected);
        assert_eq!(keys(&one), expected);
    }

    #[test]
    fn any_bytes_are_read_without_hanging() {
        for a in 0..=255_u8 {
            for b in 0..=255_u8 {
                let got = keys(&[&[a, b, 0x1b, b'[', b'3']]);
                assert!(!got.is_empty() && got.len() <= 5);
            }
        }
        assert_eq!(keys(&[b"\xff\xc3"]), [Key::Unknown, Key::Unknown]);
    }
}
