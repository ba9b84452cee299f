//! Ratings: the result of a classification, and how several combine.

use crate::access::risk::rules::ClassificationRule;
use crate::input::entitlement::Sensitivity;
use crate::input::text::Text;

/// The result of a classification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rating {
    pub(crate) sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub(crate) privileged: Option<Text>,
    /// The number of permissions, or of entitlements without permissions, that no rule or label classifies.
    pub(crate) unclassified: u64,
    /// Whether it gives any action on any resource.
    pub(crate) everything: bool,
    /// Whether only the words of the baseline classify some of it.
    pub(crate) presumed: bool,
}

impl Rating {
    /// The rating of something that neither a rule nor a label classifies.
    pub(crate) fn unclassified() -> Self {
        Self { sensitivity: Sensitivity::Unknown, unclassified: 1, ..Self::default() }
    }

    pub(super) fn label(sensitivity: Sensitivity) -> Self {
        Self { sensitivity, ..Self::default() }
    }

    /// Takes the higher sensitivity, with the reason of the more sensitive rating, or the first if equal.
    pub(crate) fn raise(&mut self, other: &Self) {
        if self.privileged.is_none() || (other.privileged.is_some() && other.sensitivity > self.sensitivity) {
            self.privileged.clone_from(&other.privileged);
        }
        self.sensitivity = self.sensitivity.max(other.sensitivity);
        self.unclassified = self.unclassified.saturating_add(other.unclassified);
        self.everything |= other.everything;
        self.presumed |= other.presumed;
    }

    pub(super) fn of(rule: &ClassificationRule) -> Self {
        Self {
            sensitivity: rule.sensitivity,
            privileged: rule.privileged.then(|| rule.reason.clone()),
            ..Self::default()
        }
    }
}

/// Why a role that the export refers to but does not define is privileged.
pub(super) const UNRESOLVED_ROLE: &str = "the export does not contain this role, so its permissions are unknown";

/// The rating of unknown permissions.
pub(crate) fn unknown(why: Option<Text>) -> Rating {
    Rating {
        sensitivity: Sensitivity::Critical,
        privileged: Some(why.unwrap_or_else(|| "its permissions are unknown".into())),
        ..Rating::default()
    }
}
