//! Names of Cedar entities: people, approver groups, and subjects outside of the snapshot.

use crate::input::id::IdentityId;
use crate::policy::input::{PersonView, PolicyInput};

/// Begins the names of persons.
pub(crate) const PERSON: &str = "person:";

/// Begins the names of approver groups.
pub(crate) const APPROVERS: &str = "approvers:";

/// Is put before a name from outside that begins with any of these three.
pub(crate) const OUTSIDE: &str = "outside:";

/// The name by which Cedar knows a thing from outside. Injective, and never a person's or an approver group's.
#[must_use]
pub fn outside(name: &str) -> String {
    if [PERSON, APPROVERS, OUTSIDE].iter().any(|prefix| name.starts_with(prefix)) {
        format!("{OUTSIDE}{name}")
    } else {
        name.to_owned()
    }
}

/// What a principal is.
pub(crate) enum Principal<'a> {
    /// The proposer of the plan.
    Proposer,
    /// A person.
    Person(&'a PersonView),
}

/// What Cedar knows an identity as.
pub(crate) fn identity_name(matter: &PolicyInput<'_>, id: &IdentityId) -> String {
    match matter.people.whose(id) {
        Some(person) => format!("{PERSON}{}", person.id.as_str()),
        None => outside(id.as_str()),
    }
}
