//! What the screens need of a terminal.
//!
//! In: nothing. Out: the trait that [`crate::terminal::tty::Tty`] fulfils, and in tests a script.

use crate::terminal::Failure;
use crate::terminal::keys::Key;

/// What a wait for a key brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key.
    Key(Key),
    /// The terminal has another size now.
    Resized,
}

/// A terminal with a person at it.
pub trait Console {
    /// Columns and rows.
    fn size(&self) -> (usize, usize);

    /// Writes a whole screen. The text is escaped already; its lines are separated by LF.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn draw(&mut self, screen: &Drawing) -> Result<(), Failure>;

    /// Forgets everything that was typed and not yet read.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn forget(&mut self) -> Result<(), Failure>;

    /// Waits for a key or another size.
    ///
    /// # Errors
    /// If the terminal is gone, or the person or a signal interrupts.
    fn wait(&mut self) -> Result<Event, Failure>;
}

/// A screen to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Its lines, at most as many as the terminal has rows, each at most as wide as it.
    pub lines: Vec<String>,
    /// Where the cursor stands: row and column from 0; none: it is hidden.
    pub cursor: Option<(usize, usize)>,
}
