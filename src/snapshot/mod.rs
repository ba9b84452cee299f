//! The current entitlements: file form → believed form, and importers from real exports.

mod check;
pub mod import;
pub mod model;
mod place;
mod read;
mod shape;
mod tree;
mod write;

pub use read::read;
pub use write::{schema, write};

#[cfg(test)]
mod tests;
