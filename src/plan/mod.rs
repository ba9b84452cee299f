//! The plan: file form → believed form.

pub mod model;
