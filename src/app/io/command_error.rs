//! The failure of a command, with how to fix its cause.

use std::fmt::{Display, Formatter, Result};

/// A failure that the command line reports. Its text is the message alone; the help is printed below it, or is a field
/// of its own in formats for programs.
#[derive(Clone, Debug)]
pub struct CommandError {
    message: String,
    help: Option<String>,
}

/// A failure with how to fix its cause.
pub fn hinted(message: impl Into<String>, help: impl Into<String>) -> CommandError {
    CommandError { message: message.into(), help: Some(help.into()) }
}

/// A failure that there is no help for.
pub fn failed(message: impl Into<String>) -> CommandError {
    CommandError { message: message.into(), help: None }
}

impl CommandError {
    /// How to fix the cause.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl Display for CommandError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CommandError {}
