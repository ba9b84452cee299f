//! The findings and decisions, in words.
//!
//! Builds one model ([`model`], [`record`]) from facts of `access`, findings, outcomes and decisions; sentences
//! ([`sentence`]); and every output format of the model ([`render`]). This module decides nothing: verdicts, totals and
//! exit codes are part of the model. It does not access a clock, file, environment or terminal, and the same model
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
