//! Evaluates the changes of plans against the recorded decisions and the people who may fill the steps.

pub mod eligibility;
pub mod evaluator;
