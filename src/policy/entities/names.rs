//! Names of Cedar entities: people, approver groups, and external subjects.

use crate::input::id::IdentityId;
use crate::policy::input::{PersonView, PolicyInput};

/// The prefix of persons.
pub(crate) const PERSON: &str = "person:";

/// The prefix of approver groups.
pub(crate) const APPROVERS: &str = "approvers:";

/// The prefix added to an external name that begins with any of these three.
pub(crate) const OUTSIDE: &str = "outside:";

/// The Cedar name of an external object. Injective, and never the name of a person or an approver group.
#[must_use]
pub fn outside(name: &str) -> String {
    if [PERSON, APPROVERS, OUTSIDE].iter().any(|prefix| name.starts_with(prefix)) {
        format!("{OUTSIDE}{name}")
    } else {
        name.to_owned()
    }
}

/// The kind of a principal.
pub(crate) enum Principal<'a> {
    /// The proposer of the plan.
    Proposer,
    /// A person.
    Person(&'a PersonView),
}

/// The Cedar name of an identity.
pub(crate) fn identity_name(matter: &PolicyInput<'_>, id: &IdentityId) -> String {
    match matter.people.whose(id) {
        Some(person) => format!("{PERSON}{}", person.id.as_str()),
        None => outside(id.as_str()),
    }
}
