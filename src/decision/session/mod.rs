//! One review session of one person, as a pure state machine.
//!
//! Takes a card per change and the person's answers; returns questions, journal events and, at the end, the decisions
//! to seal. The loop around it takes the question, shows it, passes the answer back and persists the events. The
//! machine does not display, read, sign or store anything, and it never decides: an approval is created only when a
//! person answers the question that was shown.

mod answer;
mod card;
mod closing;
mod decision;
pub(crate) mod journalled;
mod machine;
mod narrow;
mod offer;
mod question;
mod reply;
mod resume;
mod shown;
mod words;

pub use crate::decision::session::answer::{Complaint, Reply};
pub use crate::decision::session::card::{Already, Card};
pub use crate::decision::session::decision::{SessionDecision, SessionEvent, SessionVerdict};
pub use crate::decision::session::journalled::{Journalled, JournalledVerdict};
pub use crate::decision::session::machine::{ChangeEntry, ChangeStanding, SessionMachine};
pub use crate::decision::session::question::{Ask, Choice, End, Note, Purpose, Question, Summary};
pub use crate::decision::session::resume::Moved;
pub use crate::decision::session::shown::{Part, ShownCard};
pub use crate::decision::session::words::RESERVED;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walks;
