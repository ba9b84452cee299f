//! A scripted console for tests: keys from a list, and screens parsed as a terminal would show them.

use std::collections::VecDeque;

use crate::terminal::Failure;
use crate::terminal::console::{Console, Drawing, InputEvent};
use crate::terminal::keys::{Decoder, Key};

/// Takes keys and records screens. After the last key, the terminal is closed.
pub(crate) struct Script {
    pub(crate) size: (usize, usize),
    events: VecDeque<InputEvent>,
    /// The screen content after each drawing.
    pub(crate) screens: Vec<String>,
}

impl Script {
    pub(crate) fn new(size: (usize, usize), keys: &str) -> Self {
        let mut decoder = Decoder::default();
        decoder.feed(keys.as_bytes());
        let events = std::iter::from_fn(|| decoder.key(true)).map(InputEvent::Key).collect();
        Self { size, events, screens: Vec::new() }
    }

    pub(crate) fn last(&self) -> &str {
        self.screens.last().map_or("", String::as_str)
    }
}

impl Console for Script {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn draw(&mut self, screen: &Drawing) -> Result<(), Failure> {
        let (wide, rows) = self.size;
        assert!(screen.lines.len() <= rows, "{} lines in {rows} rows", screen.lines.len());
        let nonzero = |n: usize| std::num::NonZeroU16::new(u16::try_from(n).unwrap()).unwrap();
        let mut terminal = vt100::Parser::new(nonzero(rows), nonzero(wide), 0);
        terminal.process(screen.lines.join("\r\n").as_bytes());
        let shown: Vec<String> =
            terminal.screen().rows(0, u16::try_from(wide).unwrap()).map(|row| row.trim_end().to_owned()).collect();
        // A line that is too wide would wrap, and the screen would differ from what was drawn.
        let plain = screen.lines.iter().all(|line| !line.contains('\u{1b}'));
        for (row, line) in screen.lines.iter().enumerate().filter(|_| plain) {
            assert_eq!(shown[row], line.trim_end(), "row {row} is not shown as drawn");
        }
        self.screens.push(shown.join("\n"));
        Ok(())
    }

    fn forget(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn wait(&mut self) -> Result<InputEvent, Failure> {
        match self.events.pop_front() {
            Some(InputEvent::Key(Key::Interrupt)) => Err(Failure::Interrupted),
            Some(event) => Ok(event),
            None => Err(Failure::Closed),
        }
    }
}
