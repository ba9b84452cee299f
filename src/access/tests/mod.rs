//! Tests of the room: one a rule of the design, a slow reference walker, real data, size.

mod across;
mod aws;
mod baselines;
mod budget;
pub(crate) mod build;
mod classification;
mod conditions;
mod effects;
mod emergent;
mod kubescape;
mod laws;
mod limits;
mod live;
mod matrix;
mod paths;
mod patterns;
mod reference;
mod relations;
mod resolve;
mod size;
mod surroundings;
mod undone;
mod worlds;
