//! Line input: a word, a name, or a reason.
//!
//! Hidden characters are not accepted. A pasted line feed becomes a blank, so a paste never submits the line.

use crate::input::text::is_hidden;
use crate::terminal::keys::Key;

/// The maximum length of a line, in characters.
pub const LONGEST: usize = 2_000;

/// The effect of a key on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The line is not submitted yet.
    On,
    /// The line is not submitted yet, and the key was rejected for this reason.
    Refused(&'static str),
    /// The user submitted it.
    Sent(String),
    /// The user cancelled it.
    Left,
}

/// A line being typed.
#[derive(Clone, Debug, Default)]
pub struct InputLine {
    text: String,
}

impl InputLine {
    /// The current text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Processes a key.
    pub fn key(&mut self, key: &Key) -> Typed {
        match key {
            Key::Enter => Typed::Sent(std::mem::take(&mut self.text)),
            Key::Escape | Key::EndOfFile => Typed::Left,
            Key::Backspace => {
                self.text.pop();
                Typed::On
            }
            Key::ClearLine => {
                self.text.clear();
                Typed::On
            }
            Key::ClearWord => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.text.truncate(kept);
                Typed::On
            }
            Key::Char(c) => self.push(*c),
            Key::Paste(pasted) => self.paste(pasted),
            Key::Unknown => Typed::Refused("this key cannot be typed here"),
            Key::Interrupt | Key::Redraw | Key::Up | Key::Down | Key::PageUp | Key::PageDown | Key::Home | Key::End => {
                Typed::On
            }
        }
    }

    fn push(&mut self, c: char) -> Typed {
        if is_hidden(c) {
            return Typed::Refused("invisible characters are not allowed");
        }
        if self.text.chars().count() >= LONGEST {
            return Typed::Refused("the line is full");
        }
        self.text.push(c);
        Typed::On
    }

    fn paste(&mut self, pasted: &str) -> Typed {
        let lines = pasted.trim_end_matches(['\r', '\n']).replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
        if lines.chars().any(is_hidden) {
            return Typed::Refused("the pasted text contains invisible characters; it was ignored");
        }
        if self.text.chars().count() + lines.chars().count() > LONGEST {
            return Typed::Refused("the pasted text is too long; it was ignored");
        }
        self.text.push_str(&lines);
        Typed::On
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_never_sent_by_itself() {
        let mut line = InputLine::default();
        assert_eq!(line.key(&Key::Paste("yes\r\nyes\nseal\n".into())), Typed::On);
        assert_eq!(line.key(&Key::Enter), Typed::Sent("yes yes seal".into()));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn hidden_characters_are_not_taken() {
        let mut line = InputLine::default();
        assert!(matches!(line.key(&Key::Char('\u{202e}')), Typed::Refused(_)));
        assert!(matches!(line.key(&Key::Paste("ok\u{200b}".into())), Typed::Refused(_)));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn a_line_can_be_corrected_and_has_an_end() {
        let mut line = InputLine::default();
        line.key(&Key::Paste("one 漢字".into()));
        line.key(&Key::Backspace);
        assert_eq!(line.text(), "one 漢");
        line.key(&Key::ClearWord);
        assert_eq!(line.text(), "one ");
        line.key(&Key::ClearLine);
        assert_eq!(line.text(), "");
        assert!(matches!(line.key(&Key::Paste("x".repeat(LONGEST + 1))), Typed::Refused(_)));
        line.key(&Key::Paste("x".repeat(LONGEST)));
        assert!(matches!(line.key(&Key::Char('y')), Typed::Refused(_)));
    }
}
