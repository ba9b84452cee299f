//! Privilege escalation paths: the catalogue, and the search for subjects that meet all requirements of a path.

pub(crate) mod bindings;
pub mod catalog;
pub(crate) mod gives_more;
pub(crate) mod matches;
pub(crate) mod objects;
pub(crate) mod opening;
pub(crate) mod prefilter;
pub(crate) mod requirement;
pub(crate) mod requirement_query;
