//! How a policy is enforced, and the reserved names for denials without a policy.

use serde::{Deserialize, Serialize};

/// How strongly a policy binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// Denies, and cannot be overridden.
    Mandatory,
    /// Denies, unless a person permitted `Override` overrides it.
    Override,
    /// Warns.
    Advisory,
}

impl Enforcement {
    /// Every enforcement, in the order in which the sets are evaluated.
    pub const ALL: [Self; 3] = [Self::Mandatory, Self::Override, Self::Advisory];

    /// The word as policies write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatory",
            Self::Override => "override",
            Self::Advisory => "advisory",
        }
    }
}

/// The policy name used if no policy permits.
pub(crate) const NO_PERMIT: &str = "no-permit";

/// The policy name used if the query was not possible.
pub(crate) const UNANSWERABLE: &str = "unanswerable";

/// The policy name used if the proof of the plan's author is refused.
pub(crate) const REFUSED_PROOF: &str = "refused-proof";
