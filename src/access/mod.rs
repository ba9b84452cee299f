//! The graph of access: coverage, effects, emergent access, escalations, separation of duties, classification. Pure.

mod compare;
pub mod coverage;
mod delta;
pub mod facts;
mod flat;
pub mod index;
pub mod pattern;
mod reach;
mod rules;
mod touch;
mod view;
mod way;
