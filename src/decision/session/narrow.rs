//! Which changes a person wants to look at now: by name, or only what is privileged.
//!
//! In: words that were typed. Out: whether a card is meant. It only ever narrows what is shown next; what it leaves out is
//! asked about afterwards, and it decides nothing.

use std::collections::BTreeSet;

use crate::decision::session::card::Card;
use crate::input::text::Text;

/// The word that stands for every privileged change.
pub const PRIVILEGED: &str = "privileged";

/// A wish to see some changes only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// As it was typed.
    typed: Text,
    privileged: bool,
    parts: BTreeSet<String>,
}

impl Narrow {
    /// Reads words, each of which must be met: `privileged`, or a part of a name of who or what a change concerns, in
    /// capital letters or small. `None`: nothing was typed.
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

    /// The words, as they were typed.
    #[must_use]
    pub fn typed(&self) -> &Text {
        &self.typed
    }

    /// Whether a change is meant.
    pub(crate) fn is_met(&self, card: &Card) -> bool {
        let case = [card.present.case.plan.as_str().to_lowercase(), card.present.case.change.as_str().to_lowercase()];
        let is_named = |part: &String| {
            case.iter().any(|id| id == part) || card.names.iter().any(|name| name.raw().to_lowercase().contains(part))
        };
        (!self.privileged || card.privileged) && self.parts.iter().all(is_named)
    }
}
