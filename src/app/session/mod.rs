//! The review session: its cards, its writer, and how an unfinished one is resumed.

pub mod card;
pub(crate) mod resume;
pub mod review_session;
pub mod session_writer;
pub mod skipped_plans;
