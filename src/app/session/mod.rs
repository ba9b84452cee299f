//! The review session: its cards, its writer, and how an unfinished one is resumed; and a person's other
//! sessions: freezes, thaws, baselines and recertifications.

pub mod baseline;
pub mod card;
pub mod freezing;
pub mod recertify;
pub(crate) mod resume;
pub mod review_session;
pub mod reviewer;
pub mod session_writer;
pub mod skipped_plans;
