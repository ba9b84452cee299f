//! The files and annotations of policies.

use crate::input::entitlement::Sensitivity;
use crate::input::id::PolicyId;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::policy::enforcement::Enforcement;

/// The annotations of a policy.
#[derive(Clone, Debug)]
pub struct Annotations {
    /// `@id`: at most 64 of `a`–`z`, `0`–`9`, `-`.
    pub id: PolicyId,
    /// `@title`: the requirement.
    pub title: Text,
    /// `@advice`: how to fix a change that it stops.
    pub advice: Text,
    /// `@control`: the external control that it implements.
    pub control: Text,
    /// `@severity`.
    pub severity: Sensitivity,
    /// `@enforcement`.
    pub enforcement: Enforcement,
    /// Whether it is a permit.
    pub effect_is_permit: bool,
    /// Its location.
    pub place: Place,
}

/// A file of a pack.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFile<'a> {
    /// Its path relative to the trust folder. Shipped files begin with `shipped/`.
    pub path: &'a str,
    /// Its exact bytes.
    pub bytes: &'a [u8],
}
