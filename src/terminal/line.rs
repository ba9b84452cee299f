//! A line that a person types: a word, a name, a reason.
//!
//! In: keys. Out: the line as it stands, and whether it was sent or left. It never takes a hidden character, and a pasted
//! line feed becomes a blank, so that one paste is one answer at most, and never sent by itself.

use crate::input::text::is_hidden;
use crate::terminal::keys::Key;

/// The longest line, in characters.
pub const LONGEST: usize = 2_000;

/// What a key did to the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The line goes on.
    On,
    /// The line goes on, but the key was not taken; why.
    Refused(&'static str),
    /// The person sent it.
    Sent(String),
    /// The person left it.
    Left,
}

/// A line being typed.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: String,
}

impl Line {
    /// The line as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes a key.
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
            return Typed::Refused("a character that cannot be seen was not taken");
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
            return Typed::Refused("the pasted text holds characters that cannot be seen; nothing of it was taken");
        }
        if self.text.chars().count() + lines.chars().count() > LONGEST {
            return Typed::Refused("the pasted text is too long; nothing of it was taken");
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
        let mut line = Line::default();
        assert_eq!(line.key(&Key::Paste("yes\r\nyes\nseal\n".into())), Typed::On);
        assert_eq!(line.key(&Key::Enter), Typed::Sent("yes yes seal".into()));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn hidden_characters_are_not_taken() {
        let mut line = Line::default();
        assert!(matches!(line.key(&Key::Char('\u{202e}')), Typed::Refused(_)));
        assert!(matches!(line.key(&Key::Paste("ok\u{200b}".into())), Typed::Refused(_)));
        assert_eq!(line.text(), "");
    }

    #[test]
    fn a_line_can_be_corrected_and_has_an_end() {
        let mut line = Line::default();
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
