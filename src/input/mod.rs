//! Readers for untrusted bytes, and the basic types for their results: [`text::Text`], [`id`]s, [`place::Place`]s,
//! [`finding::Finding`]s and [`digest::Digest`]s. No module here reads a file, a clock or the environment.

pub mod arn;
pub mod canonical;
pub mod digest;
pub mod entitlement;
pub mod finding;
pub mod form;
pub mod form_schema;
pub mod id;
pub mod intern;
pub mod nearest;
pub mod node;
pub mod place;
pub mod system;
pub mod text;
pub mod time;
pub mod yaml;
mod yaml_plain;
