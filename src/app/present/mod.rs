//! Builds the reports of the commands. Renderers turn a report into text.

pub(crate) mod check_report;
pub mod eligible_people;
pub(crate) mod gate_events;
pub(crate) mod gate_report;
pub(crate) mod gate_verdict;
pub(crate) mod gated_plans;
pub(crate) mod log_report;
pub mod plan_report;
pub(crate) mod since;
