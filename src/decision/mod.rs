//! Matches the decisions of people with what they were shown.
//!
//! Computes, from the plan, its facts, the outcome of the policies for each change and the contents of the log, the
//! digest of a change, the session as a state machine, the state of every change at the gate, and the exit code. This
//! module is pure: it does not read a clock, a file, the environment or a terminal, and it never decides in a person's
//! place.
//!
//! In reading order: [`fields`] and [`digest`] define exactly what is approved; [`case`] has the shared types and the
//! queries to the modules below; [`bars`] excludes people who can never approve; `recorded`, [`approval`] and
//! [`matching`] decide which recorded decisions count; [`risk`] and `bulk_key` order and group the questions;
//! [`session`] asks them; `recheck`, [`since`] and [`gate`] judge the result, and [`overlap`] compares two plans;
//! [`exit`] is the exit code of the process; [`translate`] converts the outcomes of policies into the types of this
//! module; [`lint`] checks the trust files that all of it depends on.

pub mod approval;
pub mod bars;
pub mod bulk_key;
pub mod case;
pub mod digest;
pub mod exit;
pub mod fields;
pub mod gate;
pub(crate) mod judge;
pub(crate) mod lint;
pub mod matching;
pub mod overlap;
pub mod recheck;
pub(crate) mod recorded;
pub mod risk;
pub mod session;
pub mod since;
pub mod translate;

#[cfg(test)]
mod sample;
