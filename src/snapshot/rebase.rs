//! Puts the difference between two states of some objects onto a snapshot that contains more than these.
//!
//! Takes a snapshot, and what a tool manages as it is now and as it will be, both read by an importer. Returns the snapshot as
//! it will be. What both states have is left as the snapshot has it. An object that the tool only names is added if the
//! snapshot lacks it, and never removed. Where the tool decides on all holders of something, other holders are removed. Costs
//! one map operation for each object of the three snapshots.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::Mode;
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId};
use crate::input::text::Text;
use crate::input::time::Time;

use super::model::{Assignment, Group, Resource, Role, Snapshot, Trust, UNRESOLVED};

/// What a tool manages, before and after its changes.
#[derive(Clone, Debug)]
pub struct Managed {
    /// As it is now.
    pub before: Snapshot,
    /// As it will be.
    pub after: Snapshot,
    /// What of both does not change. What else `after` has is added where the snapshot lacks it, whatever `before` has: the
    /// snapshot may be older or later than `before`.
    pub stays: Snapshot,
    /// Of what the tool decides on all holders.
    pub exclusive: Vec<Exclusive>,
    /// The ids of the identities, groups, roles and resources that the tool creates and deletes.
    pub owned: BTreeSet<String>,
}

/// Something of which a tool decides on all holders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusive {
    /// What the assignments of this marker give, which is an identity that does not exist and that no result contains.
    Marked {
        /// The id of the marker.
        marker: String,
        /// Whether the tool decides on every role of the scope.
        whole_scope: bool,
    },
    /// All holders of a role, anywhere.
    Holders(RoleId),
    /// All members of a group.
    Members(GroupId),
    /// All roles of a subject whose id begins in this way.
    Roles(Text, String),
    /// All holders of roles whose id begins in this way.
    HoldersOf(String),
}

/// What an assignment gives, without its id and history.
type Content = (Text, Option<RoleId>, Option<GroupId>, Option<ResourceId>, Mode, Option<Time>);

fn content(it: &Assignment) -> Content {
    (it.who.clone(), it.role.clone(), it.member_of.clone(), it.scope.clone(), it.mode, it.until)
}

/// The snapshot after the changes.
#[must_use]
pub fn rebase(base: &Snapshot, managed: &Managed) -> Snapshot {
    let mut managed = managed.clone();
    let rules = unmark(&mut managed);
    // Without a snapshot, what the tool shows is all that is known.
    if base.is_blank() {
        managed.stays.clone_from(&managed.before);
    }
    let after = &managed.after;
    let mut out = base.clone();
    assignments(&mut out, &managed, &rules);
    members(&mut out, &managed);
    trusts(&mut out, &managed);
    roles(&mut out, &managed);
    gone(&mut out, &managed);
    named(&mut out, &managed);
    if base.is_blank() {
        (out.source, out.target, out.system) = (after.source.clone(), after.target.clone(), after.system.clone());
        (out.parts, out.trust_rules) = (after.parts.clone(), after.trust_rules.clone());
    }
    out
}

/// What the markers held: role and end, at a scope.
struct Marked {
    role: Option<(RoleId, Option<Time>)>,
    scope: Option<ResourceId>,
}

/// Takes the markers out of both states, with the roles that only they have.
fn unmark(managed: &mut Managed) -> Vec<Marked> {
    let mut found = Vec::new();
    for rule in &managed.exclusive {
        let Exclusive::Marked { marker, whole_scope } = rule else { continue };
        for side in [&mut managed.before, &mut managed.after] {
            let is_marker = |it: &Assignment| it.who.raw() == marker;
            for it in side.assignments.iter().filter(|it| is_marker(it)) {
                let role = it.role.clone().filter(|_| !whole_scope).map(|role| (role, it.until));
                found.push(Marked { role, scope: it.scope.clone() });
            }
            side.assignments.retain(|it| !is_marker(it));
            side.identities.retain(|it| it.id.as_str() != marker);
            side.roles.retain(|it| it.id.as_str() != marker);
        }
    }
    found
}

fn assignments(out: &mut Snapshot, managed: &Managed, marked: &[Marked]) {
    let Managed { before, after, exclusive: rules, .. } = managed;
    let stays: BTreeSet<Content> = managed.stays.assignments.iter().map(content).collect();
    let was: BTreeSet<Content> = before.assignments.iter().map(content).collect();
    let is: BTreeSet<Content> = after.assignments.iter().map(content).collect();
    let is_exclusive = |it: &Assignment| {
        let by_marker = marked.iter().any(|rule| {
            let role = |(role, until): &(RoleId, Option<Time>)| it.role.as_ref() == Some(role) && it.until == *until;
            it.role.is_some() && it.scope == rule.scope && rule.role.as_ref().is_none_or(role)
        });
        by_marker
            || rules.iter().any(|rule| match rule {
                Exclusive::Marked { .. } => false,
                Exclusive::Holders(role) => it.role.as_ref() == Some(role),
                Exclusive::HoldersOf(prefix) => it.role.as_ref().is_some_and(|role| role.as_str().starts_with(prefix)),
                Exclusive::Members(group) => it.member_of.as_ref() == Some(group),
                Exclusive::Roles(who, prefix) => {
                    it.who == *who && it.role.as_ref().is_some_and(|role| role.as_str().starts_with(prefix))
                }
            })
    };
    out.assignments.retain(|it| {
        let content = content(it);
        is.contains(&content) || !(was.contains(&content) || is_exclusive(it))
    });
    let known: BTreeSet<Content> = out.assignments.iter().map(content).collect();
    let added = after.assignments.iter().filter(|it| {
        let content = content(it);
        !stays.contains(&content) && !known.contains(&content)
    });
    out.assignments.extend(added.cloned());
}

/// The listed members of groups.
fn members(out: &mut Snapshot, managed: &Managed) {
    let Managed { before, after, exclusive: rules, .. } = managed;
    let old: BTreeMap<&GroupId, &Group> = before.groups.iter().map(|it| (&it.id, it)).collect();
    let kept: BTreeMap<&GroupId, &Group> = managed.stays.groups.iter().map(|it| (&it.id, it)).collect();
    for is in &after.groups {
        let Some(group) = out.groups.iter_mut().find(|it| it.id == is.id) else { continue };
        let was = old.get(&is.id);
        if rules.contains(&Exclusive::Members(is.id.clone())) {
            group.members.retain(|it| is.members.contains(it));
            group.nested.retain(|it| is.nested.contains(it));
        }
        if let Some(was) = was {
            group.members.retain(|it| !was.members.contains(it) || is.members.contains(it));
            group.nested.retain(|it| !was.nested.contains(it) || is.nested.contains(it));
        }
        let stays = kept.get(&is.id);
        let new = is.members.iter().filter(|it| stays.is_none_or(|stays| !stays.members.contains(it)));
        for it in new {
            if !group.members.contains(it) {
                group.members.push(it.clone());
            }
        }
        let new = is.nested.iter().filter(|it| stays.is_none_or(|stays| !stays.nested.contains(it)));
        for it in new {
            if !group.nested.contains(it) {
                group.nested.push(it.clone());
            }
        }
    }
}

fn trusts(out: &mut Snapshot, managed: &Managed) {
    let Managed { before, after, stays, .. } = managed;
    let same = |a: &Trust, b: &Trust| Trust { id: b.id.clone(), ..a.clone() } == *b;
    let has = |list: &[Trust], it: &Trust| list.iter().any(|other| same(other, it));
    out.trusts.retain(|it| !has(&before.trusts, it) || has(&after.trusts, it));
    let added = after.trusts.iter().filter(|it| !has(&stays.trusts, it));
    let added: Vec<Trust> = added.filter(|it| !has(&out.trusts, it)).cloned().collect();
    out.trusts.extend(added);
}

/// Whether the importer made up a role that only references name.
fn is_unresolved(role: &Role) -> bool {
    role.permissions.iter().any(|it| it.resource.raw().starts_with(UNRESOLVED))
}

fn roles(out: &mut Snapshot, managed: &Managed) {
    let old: BTreeMap<&RoleId, &Role> = managed.before.roles.iter().map(|it| (&it.id, it)).collect();
    let known: BTreeMap<RoleId, usize> = out.roles.iter().enumerate().map(|(at, it)| (it.id.clone(), at)).collect();
    let stays: BTreeMap<&RoleId, &Role> = managed.stays.roles.iter().map(|it| (&it.id, it)).collect();
    let gains = |it: &Role| {
        let have = known.get(&it.id).and_then(|at| out.roles.get(*at));
        have.is_some_and(|have| it.permissions.iter().any(|permission| !have.permissions.contains(permission)))
    };
    let is_changed = |it: &&Role| {
        let is_stale = stays.get(&it.id).is_none_or(|stays| *stays != *it) && gains(it);
        (old.get(&it.id).is_none_or(|was| *was != *it) || is_stale) && !is_unresolved(it)
    };
    let changed: Vec<&Role> = managed.after.roles.iter().filter(is_changed).collect();
    for it in changed {
        match known.get(&it.id).and_then(|at| out.roles.get_mut(*at)) {
            // What the tool does not manage about a role stays.
            Some(role) => {
                let (owner, sensitivity, kinds) = (role.owner.clone(), role.sensitivity, role.kinds.clone());
                *role = Role { owner, sensitivity, kinds, ..it.clone() };
            }
            None => out.roles.push(it.clone()),
        }
    }
    let kept: BTreeSet<&RoleId> = managed.after.roles.iter().map(|it| &it.id).collect();
    let gone = managed.before.roles.iter().filter(|it| !kept.contains(&it.id) && !is_unresolved(it));
    let gone: BTreeSet<&RoleId> = gone.map(|it| &it.id).collect();
    let used: BTreeSet<RoleId> = {
        let assigned = out.assignments.iter().filter_map(|it| it.role.clone());
        assigned.chain(out.roles.iter().flat_map(|it| it.includes.iter().cloned())).collect()
    };
    out.roles.retain(|it| !gone.contains(&it.id) || used.contains(&it.id));
}

/// Objects that end, with everything that names them.
fn gone(out: &mut Snapshot, managed: &Managed) {
    let was: BTreeSet<&str> = ids(&managed.before).collect();
    let is: BTreeSet<&str> = ids(&managed.after).collect();
    let gone: BTreeSet<&str> =
        managed.owned.iter().map(String::as_str).filter(|id| was.contains(id) && !is.contains(id)).collect();
    if gone.is_empty() {
        return;
    }
    out.identities.retain(|it| !gone.contains(it.id.as_str()));
    out.groups.retain(|it| !gone.contains(it.id.as_str()));
    out.roles.retain(|it| !gone.contains(it.id.as_str()));
    out.resources.retain(|it| !gone.contains(it.id.as_str()));
    for group in &mut out.groups {
        group.members.retain(|it| !gone.contains(it.as_str()));
        group.nested.retain(|it| !gone.contains(it.as_str()));
    }
    out.assignments.retain(|it| {
        let of = [Some(it.who.raw()), it.role.as_ref().map(RoleId::as_str), it.member_of.as_ref().map(GroupId::as_str)];
        !of.into_iter().flatten().any(|id| gone.contains(id))
            && !it.scope.as_ref().is_some_and(|scope| gone.contains(scope.as_str()))
    });
    out.trusts.retain(|it| !gone.contains(it.from.raw()) && !gone.contains(it.to.raw()));
    out.credentials.retain(|it| !gone.contains(it.identity.as_str()));
}

/// Adds what the snapshot lacks and the tool creates, or an assignment or trust names.
fn named(out: &mut Snapshot, managed: &Managed) {
    let Managed { before, after, owned, .. } = managed;
    let mut used: BTreeSet<String> = {
        let who = out.assignments.iter().map(|it| it.who.raw());
        let roles = out.assignments.iter().filter_map(|it| it.role.as_ref().map(RoleId::as_str));
        let groups = out.assignments.iter().filter_map(|it| it.member_of.as_ref().map(GroupId::as_str));
        let scopes = out.assignments.iter().filter_map(|it| it.scope.as_ref().map(ResourceId::as_str));
        let acting = out.trusts.iter().flat_map(|it| [it.from.raw(), it.to.raw()]);
        let listed = out.groups.iter().flat_map(|it| it.members.iter().map(IdentityId::as_str));
        let nested = out.groups.iter().flat_map(|it| it.nested.iter().map(GroupId::as_str));
        let all = who.chain(roles).chain(groups).chain(scopes).chain(acting).chain(listed).chain(nested);
        all.map(str::to_owned).collect()
    };
    used.extend(owned.iter().cloned());
    let known: BTreeSet<String> = ids(out).map(str::to_owned).collect();
    let lacks = |id: &str| used.contains(id) && !known.contains(id);
    out.identities.extend(after.identities.iter().filter(|it| lacks(it.id.as_str())).cloned());
    out.groups.extend(after.groups.iter().filter(|it| lacks(it.id.as_str())).cloned());
    out.roles.extend(after.roles.iter().filter(|it| lacks(it.id.as_str())).cloned());
    let tree: BTreeMap<&ResourceId, &Resource> = after.resources.iter().map(|it| (&it.id, it)).collect();
    let was: BTreeSet<&ResourceId> = before.resources.iter().map(|it| &it.id).collect();
    let is_meant = |id: &&ResourceId| used.contains(id.as_str()) || !was.contains(id);
    let mut above: BTreeSet<&ResourceId> = tree.keys().copied().filter(is_meant).collect();
    let mut open: Vec<&ResourceId> = above.iter().copied().collect();
    while let Some(id) = open.pop() {
        let parent = tree.get(id).and_then(|it| it.parent.as_ref());
        open.extend(parent.filter(|parent| above.insert(parent)));
    }
    let lacking = after.resources.iter().filter(|it| above.contains(&it.id) && !known.contains(it.id.as_str()));
    out.resources.extend(lacking.cloned());
}

/// The ids of subjects, roles and resources.
fn ids(side: &Snapshot) -> impl Iterator<Item = &str> {
    let subjects = side.identities.iter().map(|it| it.id.as_str()).chain(side.groups.iter().map(|it| it.id.as_str()));
    let others = side.roles.iter().map(|it| it.id.as_str()).chain(side.resources.iter().map(|it| it.id.as_str()));
    subjects.chain(others)
}

impl Snapshot {
    /// Whether it has neither groups, roles, resources nor assignments, so that nothing is known of its system.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let objects = self.groups.is_empty() && self.roles.is_empty() && self.resources.is_empty();
        objects && self.assignments.is_empty()
    }
}
