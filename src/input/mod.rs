//! Untrusted bytes become values with places.
//!
//! In: bytes that anyone may have written. Out: [`text::Text`] (no `Display`), [`id::Id`]s, [`place::Place`]s,
//! [`finding::Finding`]s and [`digest::Digest`]s. This room never reads a file, a clock or the environment, and never
//! lets text from outside reach a medium without that medium's escape.

pub mod canonical;
pub mod digest;
pub mod entitlement;
pub mod finding;
pub mod form;
pub mod form_schema;
pub mod id;
pub mod intern;
pub mod json;
pub mod nearest;
pub mod node;
pub mod place;
pub mod text;
pub mod time;
pub mod yaml;
mod yaml_plain;
