//! The effect of one change: gained and lost access, escalations, conflicts, within a budget, with its risk.

pub(crate) mod assessment;
pub(crate) mod blocked;
pub(crate) mod budget;
pub(crate) mod compute;
pub(crate) mod findings;
pub(crate) mod isolation;
pub(crate) mod kept;
pub(crate) mod mass_removal;
pub(crate) mod outsiders;
pub(crate) mod policy_context;
pub(crate) mod receivers;
pub(crate) mod removed_access;
pub(crate) mod removed_entitlements;
pub(crate) mod request;
pub(crate) mod task_scope;
