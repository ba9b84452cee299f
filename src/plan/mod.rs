//! Parses plans, which are untrusted input, to [`model::Plan`].
//!
//! [`table`] lists the fields of each action. The reader, the JSON Schema and the documentation are generated from it.

pub mod model;
mod read;
mod schema;
pub mod table;
pub mod write;

pub use read::{BUDGET, read};
pub use schema::schema;
