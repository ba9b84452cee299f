//! The graph of access: coverage, effects, emergent access, escalations, separation of duties, classification. Pure.

pub mod coverage;
pub mod facts;
pub mod pattern;
