//! The one stylesheet: what a label looks like.
//!
//! In: a label and text that is already escaped. Out: the text, coloured or not. Nothing is said by colour alone, and
//! only the terminal's own sixteen colours are used, never black or white, so light and dark backgrounds both work.

use anstyle::{AnsiColor, Style as Ansi};

/// What a piece of text is, so that the stylesheet can say how it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// Ordinary text.
    #[default]
    Plain,
    /// A title.
    Heading,
    /// Something that stops.
    Stop,
    /// Something to look at.
    Warn,
    /// Something that passes.
    Pass,
    /// Something to know.
    Note,
    /// Access gained.
    Gain,
    /// Access lost.
    Loss,
    /// Of less weight.
    Quiet,
    /// Somebody else's words.
    Words,
    /// A key that can be pressed.
    Key,
}

/// How text leaves: with colour or without, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
    /// Columns to fill at most.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

impl Style {
    /// The narrowest page that is laid out; a narrower terminal gets this and wraps by itself.
    pub const NARROWEST: usize = 24;

    /// Without colour.
    #[must_use]
    pub fn plain(width: usize) -> Self {
        Self { colour: false, width }
    }

    /// The width that layout uses.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.width.max(Self::NARROWEST)
    }

    /// Text as the label looks.
    #[must_use]
    pub fn paint(&self, label: Label, escaped: &str) -> String {
        let ansi = ansi(label);
        if !self.colour || ansi == Ansi::new() || escaped.is_empty() {
            return escaped.to_owned();
        }
        format!("{}{escaped}{}", ansi.render(), ansi.render_reset())
    }
}

fn ansi(label: Label) -> Ansi {
    let colour = |colour: AnsiColor| Ansi::new().fg_color(Some(colour.into()));
    match label {
        Label::Plain => Ansi::new(),
        Label::Heading => Ansi::new().bold(),
        Label::Stop => colour(AnsiColor::Red).bold(),
        Label::Warn => colour(AnsiColor::Yellow).bold(),
        Label::Pass => colour(AnsiColor::Green).bold(),
        Label::Note => colour(AnsiColor::Cyan),
        Label::Gain => colour(AnsiColor::Green),
        Label::Loss => colour(AnsiColor::Red),
        Label::Quiet => Ansi::new().dimmed(),
        Label::Words => Ansi::new().italic(),
        Label::Key => Ansi::new().bold().underline(),
    }
}
