//! The snapshot of current entitlements: the reader and writer of the file format, and importers for real exports.

mod check;
mod difference;
pub mod environment;
pub mod estate;
pub mod import;
mod merge;
pub mod model;
pub mod open_set;
mod place;
pub mod public;
mod read;
pub mod rebase;
mod shape;
mod stream;
mod target;
pub mod terraform;
mod tree;
mod write;

pub use difference::{Difference, difference};
pub use merge::merge;
pub use read::read;
pub use stream::stream;
pub use write::{schema, write, write_to};

#[cfg(test)]
mod tests;
