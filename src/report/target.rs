//! The systems that changes are meant for and that snapshots describe, in words.

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::text::Text;
use crate::report::sentence::Sentence;

/// A system that a change is meant for, or that a snapshot describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct TargetReport {
    /// The id of its target; none: the snapshot names none.
    pub id: Option<Text>,
    /// The system of the target, or the source of the snapshot.
    pub system: Text,
}

impl TargetReport {
    /// What the id names, for the systems whose words we know.
    #[must_use]
    pub fn noun(&self) -> Option<&'static str> {
        match (self.system.raw(), &self.id) {
            ("aws", Some(id)) if id.raw().starts_with("o-") => Some("aws organisation "),
            ("aws", _) => Some("aws account "),
            ("kubernetes", _) => Some("kubernetes cluster "),
            _ => None,
        }
    }
}

/// Systems: "aws account `123456789012`", or "`okta` (no target)".
#[must_use]
pub fn targets(targets: &[TargetReport]) -> Sentence {
    let mut says = Sentence::new();
    for (at, one) in targets.iter().enumerate() {
        says = if at == 0 { says } else { says.own(", ") };
        says = match &one.id {
            Some(id) => match one.noun() {
                Some(noun) => says.own(noun).name(id),
                None => says.name(&one.system).own(" ").name(id),
            },
            None => says.name(&one.system).own(" (no target)"),
        };
    }
    says
}
