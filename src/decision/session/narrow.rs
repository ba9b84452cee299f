//! The filter on the changes shown: by name, or privileged changes only.
//!
//! Built from typed words. It affects only what is shown next: excluded changes are reviewed afterwards, and the filter
//! decides nothing.

use std::collections::BTreeSet;

use crate::decision::session::card::Card;
use crate::input::text::Text;

/// The word that matches every privileged change.
pub const PRIVILEGED: &str = "privileged";

/// A filter on changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// The words as typed.
    typed: Text,
    privileged: bool,
    parts: BTreeSet<String>,
}

impl Narrow {
    /// Parses words, which must all match: `privileged`, or a part of the name of a subject or object of a change,
    /// ignoring case. `None` if the text is empty.
    pub(crate) fn read(typed: &str) -> Option<Self> {
        let mut narrow = Self { typed: Text::from(typed.trim()), privileged: false, parts: BTreeSet::new() };
        for word in typed.split_whitespace() {
            if word.eq_ignore_ascii_case(PRIVILEGED) {
                narrow.privileged = true;
            } else {
                narrow.parts.insert(word.to_lowercase());
            }
        }
        (narrow.privileged || !narrow.parts.is_empty()).then_some(narrow)
    }

    /// The words as typed.
    #[must_use]
    pub fn typed(&self) -> &Text {
        &self.typed
    }

    /// Whether a change matches.
    pub(crate) fn is_met(&self, card: &Card) -> bool {
        let case = [card.present.case.plan.as_str().to_lowercase(), card.present.case.change.as_str().to_lowercase()];
        let is_named = |part: &String| {
            case.iter().any(|id| id == part) || card.names.iter().any(|name| name.raw().to_lowercase().contains(part))
        };
        (!self.privileged || card.privileged) && self.parts.iter().all(is_named)
    }
}
