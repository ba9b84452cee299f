//! The stylesheet: the appearance of each label.
//!
//! Colours text that is already escaped. No information is conveyed by colour alone, and only the terminal's own
//! sixteen colours are used, never black or white, so that light and dark backgrounds both work.

use anstyle::{AnsiColor, Style as Ansi};

/// The role of a piece of text, from which the stylesheet derives its appearance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// Ordinary text.
    #[default]
    Plain,
    /// A title.
    Heading,
    /// Something that blocks.
    Stop,
    /// A warning.
    Warn,
    /// Something that passes.
    Pass,
    /// A note.
    Note,
    /// Access gained.
    Gain,
    /// Access lost.
    Loss,
    /// Of less importance.
    Quiet,
    /// Quoted words.
    Words,
    /// A key that can be pressed.
    Key,
}

/// The output style: with colour or without, and the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
    /// The maximum number of columns.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 100 }
    }
}

impl Style {
    /// The minimum layout width; a narrower terminal wraps by itself.
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

    /// Text in the appearance of the label.
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
        Label::Warn => colour(AnsiColor::Magenta).bold(),
        Label::Pass | Label::Gain => colour(AnsiColor::Green),
        Label::Note => colour(AnsiColor::Cyan),
        Label::Loss => colour(AnsiColor::Red),
        Label::Quiet => Ansi::new().dimmed(),
        Label::Words => Ansi::new().italic(),
        Label::Key => Ansi::new().bold().underline(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of xterm, its normal and its bright ones. Source: xterm, `XTerm-col.ad`.
    const XTERM: [(AnsiColor, [u8; 3], [u8; 3]); 4] = [
        (AnsiColor::Red, [0xcd, 0, 0], [0xff, 0, 0]),
        (AnsiColor::Green, [0, 0xcd, 0], [0, 0xff, 0]),
        (AnsiColor::Magenta, [0xcd, 0, 0xcd], [0xff, 0, 0xff]),
        (AnsiColor::Cyan, [0, 0xcd, 0xcd], [0, 0xff, 0xff]),
    ];

    /// The contrast of two colours, from 1 to 21. Source: WCAG 2.2, "contrast ratio".
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let light = |colour: [u8; 3]| {
            let part = |n: u8| {
                let n = f64::from(n) / 255.0;
                if n <= 0.040_45 { n / 12.92 } else { ((n + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(colour[0]) + 0.7152 * part(colour[1]) + 0.0722 * part(colour[2])
        };
        let (a, b) = (light(a) + 0.05, light(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn what_is_coloured_can_be_read_on_white_and_on_black() {
        let all = [
            Label::Plain,
            Label::Heading,
            Label::Stop,
            Label::Warn,
            Label::Pass,
            Label::Note,
            Label::Gain,
            Label::Loss,
            Label::Quiet,
            Label::Words,
            Label::Key,
        ];
        for label in all {
            let Some(anstyle::Color::Ansi(colour)) = ansi(label).get_fg_color() else { continue };
            let (_, normal, bright) = XTERM.iter().find(|(known, ..)| *known == colour).unwrap();
            let bold = ansi(label).get_effects().contains(anstyle::Effects::BOLD);
            // Important text is bold and contrasts with both backgrounds; other text has at least the contrast that git
            // uses by default.
            let (shown, least) = if bold { (bright, 3.0) } else { (normal, 1.9) };
            for background in [[0; 3], [255; 3]] {
                assert!(contrast(*shown, background) >= least, "{label:?}: {}", contrast(*shown, background));
            }
        }
    }
}
