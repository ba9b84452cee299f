//! Reports about a verified log for auditors: its decisions, its rules over time, and its lines as events.

pub(crate) mod audited_log;
mod change_parts;
pub(crate) mod decided;
pub(crate) mod events;
pub(crate) mod inherited;
pub(crate) mod lifecycle;
pub(crate) mod population;
pub(crate) mod recertified;
pub(crate) mod recertifier;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod rules;
mod sampling;
mod summary;
