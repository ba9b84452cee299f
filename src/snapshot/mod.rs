//! The current entitlements: file form → believed form, and importers from real exports.

pub mod model;
