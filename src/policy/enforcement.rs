//! How a policy is enforced, and the reserved names of denials that no policy makes.

use serde::{Deserialize, Serialize};

/// How strongly a policy binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// Denies, and nobody can set it aside.
    Mandatory,
    /// Denies, unless a person permitted `Override` sets it aside.
    Override,
    /// Warns.
    Advisory,
}

impl Enforcement {
    /// Every enforcement, in the order in which sets are asked.
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

/// Stands for a policy where no policy permits.
pub(crate) const NO_PERMIT: &str = "no-permit";

/// Stands for a policy where the question could not be put.
pub(crate) const UNANSWERABLE: &str = "unanswerable";

/// Stands for a policy where the proof of who wrote the plan is refused.
pub(crate) const REFUSED_PROOF: &str = "refused-proof";
