//! Events as JSON Lines: in this tool's own form, or in that of OCSF.

mod ocsf;

use serde::Serialize;

use super::json::harmless;
use crate::report::events::{GateEvent, LogEvent};

/// A form of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventFormat {
    /// This tool's own form.
    #[default]
    Json,
    /// The Open Cybersecurity Schema Framework.
    Ocsf,
}

/// The JSON Schema of an event in this tool's own form.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::SchemaGenerator::new(schemars::generate::SchemaSettings::draft2020_12().for_serialize())
        .into_root_schema_for::<LogEvent>()
}

/// The events, one line each.
#[must_use]
pub fn render(events: &[LogEvent], format: EventFormat) -> String {
    let line = |event: &LogEvent| match format {
        EventFormat::Json => line(event),
        EventFormat::Ocsf => line(&ocsf::event(event)),
    };
    events.iter().map(line).collect()
}

/// The events of the gate, one line each.
#[must_use]
pub fn render_gate(events: &[GateEvent], format: EventFormat) -> String {
    let one = |event: &GateEvent| match format {
        EventFormat::Json => line(event),
        EventFormat::Ocsf => line(&ocsf::gate_event(event)),
    };
    events.iter().map(one).collect()
}

/// The JSON Schema of an event of the gate in this tool's own form.
#[must_use]
pub fn gate_schema() -> schemars::Schema {
    schemars::SchemaGenerator::new(schemars::generate::SchemaSettings::draft2020_12().for_serialize())
        .into_root_schema_for::<GateEvent>()
}

fn line(value: &impl Serialize) -> String {
    // WHY: no map here has keys other than strings, the only thing that serde_json refuses.
    let json = serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned());
    harmless(&json)
}

#[cfg(test)]
mod tests;
