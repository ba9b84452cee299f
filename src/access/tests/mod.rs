//! Tests of the room: one a rule of the design, a slow reference walker, real data, size.

mod across;
mod aws;
mod baselines;
mod blocked;
mod budget;
pub(crate) mod build;
mod classification;
mod conditions;
mod effects;
mod emergent;
mod escalation;
mod estate;
mod kubescape;
mod laws;
mod limits;
mod live;
mod mass_removal;
mod matrix;
mod outsiders;
mod patterns;
mod reference;
mod resolve;
mod size;
mod surroundings;
mod undone;
mod worlds;
