//! The site's configuration: file form → believed form.
//!
//! In: the bytes of `review.yaml`, `people.yaml`, `agents.yaml`, `tasks.yaml` and of a person's own settings. Out: typed
//! data, or every fault with its place. `classification.yaml` and `sod.yaml` belong to `access`. Never reads a file.

mod agents;
mod cross;
mod people;
mod person;
mod read;
mod rules;
mod settings;
mod tasks;

pub use agents::{ALGORITHMS, Agent, Agents, Holding, Proof, TokenProof};
pub use cross::cross_check;
pub use people::{People, Person};
pub use person::OwnSettings;
pub use settings::{DEFAULT_STEPS, Parameters, Settings};
pub use tasks::{Task, TaskState, Tasks};

use crate::input::form::Rule;

/// Every trust file that this room reads, with the table of its fields: for schemas and documentation.
pub const FILES: &[(&str, &[Rule])] = &[
    ("review.yaml", settings::FILE),
    ("people.yaml", people::FILE),
    ("agents.yaml", agents::FILE),
    ("tasks.yaml", tasks::FILE),
];
