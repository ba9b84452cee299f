//! What was found and decided, put into words.
//!
//! In: facts of `access`, findings, outcomes and decisions, as `cli` joins them. Out: one model ([`model`], [`record`]),
//! sentences ([`sentence`]), and the same model in every format ([`render`]). This room decides nothing: verdicts,
//! totals and exit codes come in with the model. It touches no clock, file, environment or terminal, and the same model
//! always gives the same bytes.

pub mod action;
pub mod asked;
pub mod audit;
pub mod build;
pub mod bundle;
pub mod contents;
pub mod effects;
pub mod events;
pub mod excerpt;
pub mod gives;
pub mod groups;
pub mod layout;
pub mod limits;
pub mod model;
pub mod record;
pub mod render;
pub mod sentence;
pub mod sheet;
pub mod style;
pub mod target;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod samples;
