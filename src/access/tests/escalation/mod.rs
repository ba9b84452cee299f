//! Tests of escalation paths: those known elsewhere, of operators in a cluster, through passed roles, and opened for others.

mod operators;
mod passed;
mod paths;
mod relations;
