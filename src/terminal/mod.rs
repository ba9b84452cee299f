//! The only room that asks a person.
//!
//! In: a session of `decision`, and the report's cards. Out: answers typed on the controlling terminal. Everything is read
//! from and written to `/dev/tty`, never stdin or stdout, so a pipe cannot answer. What was typed before a question was
//! shown never answers it; Enter alone never approves (the session refuses it, and no key is bound to it here). The
//! terminal is given back as it was, however the session ends.
//!
//! In reading order: [`driver`] says who drives the terminal; [`keys`] and [`mod@line`] turn bytes into keys and lines;
//! [`console`] is what the screens need of a terminal, [`tty`] the real one; [`screen`] shows a page with its keys;
//! [`opening`] is what comes before the first question, `sitting` the loop around the session.

pub mod console;
pub mod driver;
pub mod keys;
pub mod line;
pub mod opening;
pub mod review_loop;
pub mod screen;
pub mod tty;
mod words;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;

/// Why nobody could be asked, or the asking ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no controlling terminal.
    #[error("there is no terminal to ask a person on")]
    NoTerminal(#[source] std::io::Error),
    /// An assistant's variables show that it drives the terminal.
    #[error("an assistant drives this terminal (`{0}` is set), so no decision is taken here")]
    AssistantDrives(&'static str),
    /// The variables of a build system show that no person is here.
    #[error("a build job runs here (`{0}` is set), so no decision is taken here")]
    MachineDrives(&'static str),
    /// The terminal was closed, or its other end is gone.
    #[error("the terminal was closed")]
    Closed,
    /// Ctrl-C, or a signal that ends the process.
    #[error("interrupted")]
    Interrupted,
    /// The terminal cannot be read or written.
    #[error("the terminal cannot be used")]
    Broken(#[source] std::io::Error),
}

impl Failure {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoTerminal(_) => {
                "run this in a terminal of your own; `review check` and `review diff` work without one"
            }
            Self::AssistantDrives(_) => "open a terminal that no assistant started, and run the same command there",
            Self::MachineDrives(_) => {
                "run this in a terminal of your own; a job runs `review check`, `review gate` and `review record`"
            }
            Self::Closed | Self::Interrupted => {
                "what was decided is in the journal; `review resume` goes on from there"
            }
            Self::Broken(_) => "try another terminal; what was decided is in the journal",
        }
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        match errno {
            // WHY: a terminal whose other end hung up answers with an input/output error.
            rustix::io::Errno::IO | rustix::io::Errno::NXIO => Self::Closed,
            other => Self::Broken(other.into()),
        }
    }
}
