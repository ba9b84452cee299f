//! Parses the site's configuration: `review.yaml`, `people.yaml`, `agents.yaml`, `tasks.yaml` and a user's own settings.
//!
//! Each reader takes bytes and returns typed data or all faults with their places. `access` parses `classification.yaml`
//! and `sod.yaml`. Nothing here reads a file.

mod agents;
mod cross;
mod people;
mod person;
mod read;
mod rules;
mod settings;
mod tasks;

pub use agents::{ALGORITHMS, Agent, AgentHolding, AgentProof, Agents, TokenProof};
pub use cross::cross_check;
pub use people::{People, Person, SameIdentity};
pub use person::OwnSettings;
pub use settings::{Parameters, Settings};
pub use tasks::{Task, TaskState, Tasks};

use crate::input::form::FieldRule;

/// Every trust file parsed here, with its table of fields, for schemas and documentation.
pub const FILES: &[(&str, &[FieldRule])] = &[
    ("review.yaml", settings::FILE),
    ("people.yaml", people::FILE),
    ("agents.yaml", agents::FILE),
    ("tasks.yaml", tasks::FILE),
];
