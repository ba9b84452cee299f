//! The terminal interface of the screens. [`crate::terminal::tty::Tty`] implements it, and a script in tests.

use crate::terminal::Failure;
use crate::terminal::keys::Key;

/// The result of waiting for input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A key press.
    Key(Key),
    /// The terminal size has changed.
    Resized,
}

/// A terminal with a user.
pub trait Console {
    /// The number of columns and rows.
    fn size(&self) -> (usize, usize);

    /// Draws a whole screen. The text is already escaped, and its lines are separated by LF.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn draw(&mut self, screen: &Drawing) -> Result<(), Failure>;

    /// Discards typed input that is not read yet.
    ///
    /// # Errors
    /// If the terminal is gone.
    fn forget(&mut self) -> Result<(), Failure>;

    /// Waits for a key press or a size change.
    ///
    /// # Errors
    /// If the terminal is gone, or the user or a signal interrupts.
    fn wait(&mut self) -> Result<InputEvent, Failure>;
}

/// A screen to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// Its lines. There are at most as many as the terminal has rows, each at most as wide as the terminal.
    pub lines: Vec<String>,
    /// The cursor position: row and column from 0. `None` hides the cursor.
    pub cursor: Option<(usize, usize)>,
}
