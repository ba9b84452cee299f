//! The plan: file form → believed form.
//!
//! In: the bytes of a plan, which are hostile input. Out: [`model::Plan`], or every fault with its place. [`table`] says
//! which fields each action takes; the reader, the JSON Schema and the documentation all come from it.

pub mod model;
mod read;
mod schema;
pub mod table;

pub use crate::plan::table::MAX_CHANGES;
pub use read::{BUDGET, read};
pub use schema::schema;
