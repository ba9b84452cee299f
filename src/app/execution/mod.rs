//! After the decision: what executors receive, what came of it, what has ended, and how it is undone.

pub mod approvals;
pub mod confirm;
pub mod due;
pub mod export;
pub mod recorded_exports;
pub mod rollback;
