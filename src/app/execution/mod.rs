//! After the decision: what executors receive, what came of it, what has ended, and how it is undone.

pub mod approvals;
pub(crate) mod beyond;
pub mod confirm;
pub mod due;
pub mod export;
pub mod for_terraform;
pub(crate) mod lifecycle;
pub(crate) mod neglected;
pub mod recorded_exports;
pub(crate) mod revoking;
pub mod rollback;
pub(crate) mod shadow;
