//! Asks the user for decisions.
//!
//! All input and output uses the controlling terminal `/dev/tty`, never stdin or stdout, so a pipe cannot answer. Input
//! typed before a question is shown never answers it. Enter alone never approves: the session rejects it, and no key is
//! bound to it here. The terminal is restored however the session ends.
//!
//! In reading order: [`driver`] detects assistants; [`keys`] and [`mod@line`] decode keys and lines; [`console`] is the
//! interface of a terminal and [`tty`] the real one; [`screen`] shows a page with its keys; [`opening`] is shown before
//! the first question; [`review_loop`] runs the session; [`affirm`] asks a single question, and [`recertify`] one about each access.

pub mod affirm;
pub mod console;
pub mod driver;
pub mod keys;
pub mod line;
pub mod opening;
pub mod recertify;
pub mod review_loop;
pub mod screen;
pub mod tty;
mod words;

#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;

/// Why the user could not be asked, or the session ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no controlling terminal.
    #[error("there is no terminal for prompts")]
    NoTerminal(#[source] std::io::Error),
    /// The environment shows that an assistant controls the terminal.
    #[error("an assistant controls this terminal (`{0}` is set), so decisions are not accepted here")]
    AssistantDrives(&'static str),
    /// The environment shows that this is a job of a build system.
    #[error("this is a build job (`{0}` is set), so decisions are not accepted here")]
    MachineDrives(&'static str),
    /// The terminal was closed.
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
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoTerminal(_) => "run this in a terminal; `review check` and `review diff` work without one",
            Self::AssistantDrives(_) => "run the same command in a terminal that was not started by an assistant",
            Self::MachineDrives(_) => {
                "run this in your own terminal; in a job, use `review check`, `review gate` and `review record`"
            }
            Self::Closed | Self::Interrupted => "your decisions are in the journal; continue with `review resume`",
            Self::Broken(_) => "try another terminal; your decisions are in the journal",
        }
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        match errno {
            // A terminal that hung up reports an input/output error.
            rustix::io::Errno::IO | rustix::io::Errno::NXIO => Self::Closed,
            other => Self::Broken(other.into()),
        }
    }
}
