//! Whose access benefits a person: that of their identities, of the machines they own, of what these can act as, and of
//! the groups of all of them. One closure over trusts and memberships; conditional trusts count as far as they are active.

use std::collections::BTreeSet;

use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::input::entitlement::IdentityKind;
use crate::input::id::{IdentityId, Subject};

/// Every identity and group whose access benefits the owner of these identities, themselves included.
#[must_use]
pub fn benefits(index: &Index<'_>, own: &BTreeSet<IdentityId>) -> BTreeSet<Subject> {
    let view = AccessState::plain(index);
    let machines = index.snapshot().identities.iter().filter(|it| it.kind != IdentityKind::Human);
    let owned = machines.filter(|it| it.owner.as_ref().is_some_and(|owner| own.contains(owner)));
    let all = own.iter().chain(owned.map(|it| &it.id));
    let mut open: Vec<Subject> = all.cloned().map(Subject::Identity).collect();
    let mut found = BTreeSet::new();
    while let Some(subject) = open.pop() {
        if found.contains(&subject) {
            continue;
        }
        if let Subject::Identity(id) = &subject {
            open.extend(view.row(&subject).keys().cloned());
            open.extend(index.implied(id).into_iter().map(|group| Subject::Group(group.id.clone())));
        }
        open.extend(index.listing(&subject).iter().map(|group| Subject::Group(group.id.clone())));
        let joined = index.held_by(subject.as_str()).filter_map(|(_, it)| it.member_of.clone());
        open.extend(joined.map(Subject::Group));
        found.insert(subject);
    }
    found
}
