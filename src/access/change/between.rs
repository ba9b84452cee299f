//! The actions that lead from one snapshot to another, and what no action can say.
//!
//! Takes two snapshots of one system. Compares identities, groups, roles, resources and trusts by id or content, and
//! assignments by subject, entitlement and scope; a listed member counts as a standing assignment. The caller applies the
//! actions to the earlier snapshot and passes the result to [`unsaid`], so that whatever a plan cannot say is reported.
//! Costs one sorted map for each kind of object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::input::entitlement::{Mode, Permission};
use crate::input::id::{AssignmentId, GroupId, Id, ResourceId, RoleId, TrustId};
use crate::input::place::{Place, Placed};
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{
    Action, AssignmentChange, GroupDefinition, GroupMembers, Lifetime, Owned, RoleDefinition, Target, TrustDefinition,
};
use crate::snapshot::model::{Group, Identity, MembersKnown, Resource, Role, Snapshot, Status, Trust};

/// The most single changes of a role before it is redefined as a whole.
const MOST_PARTS: usize = 8;

/// A difference that no action of a plan makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsaid {
    /// What differs: `identity`, `group`, `role`, `assignment`, …
    pub kind: &'static str,
    /// Its id, or its content.
    pub id: Text,
    /// How the two differ, in words.
    pub how: String,
}

/// The actions that lead from `before` to `after`: reductions first, then what is created, then what is given.
#[must_use]
pub fn between(before: &Snapshot, after: &Snapshot) -> Vec<Action> {
    let mut out = Actions::default();
    out.identities(before, after);
    out.groups(before, after);
    out.roles(before, after);
    out.resources(before, after);
    out.assignments(before, after);
    out.trusts(before, after);
    out.credentials(before, after);
    let Actions { taken, made, given } = out;
    taken.into_iter().chain(made).chain(given).collect()
}

#[derive(Default)]
struct Actions {
    taken: Vec<Action>,
    made: Vec<Action>,
    given: Vec<Action>,
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::file("difference"))
}

/// Objects by id; of several with one id, the last.
fn by_id<'s, T, I: Ord>(list: &'s [T], id: impl Fn(&'s T) -> &'s I) -> BTreeMap<&'s I, &'s T> {
    list.iter().map(|it| (id(it), it)).collect()
}

impl Actions {
    fn identities(&mut self, before: &Snapshot, after: &Snapshot) {
        let (old, new) = (by_id(&before.identities, |it| &it.id), by_id(&after.identities, |it| &it.id));
        for (id, it) in &new {
            let Some(was) = old.get(*id) else {
                let owner = it.owner.clone().map(placed);
                self.made.push(Action::CreateIdentity(placed((*id).clone()), placed(it.kind), owner));
                continue;
            };
            if was.status == Status::Active && it.status == Status::Disabled {
                self.taken.push(Action::DisableIdentity(placed((*id).clone())));
            } else if let Some(owner) = it.owner.as_ref().filter(|_| it.owner != was.owner) {
                self.given.push(Action::SetOwner(Owned::Identity(placed((*id).clone())), placed(owner.clone())));
            }
        }
        let gone = old.keys().filter(|id| !new.contains_key(*id));
        self.taken.extend(gone.map(|id| Action::DeleteIdentity(placed((*id).clone()))));
    }

    fn groups(&mut self, before: &Snapshot, after: &Snapshot) {
        let (old, new) = (by_id(&before.groups, |it| &it.id), by_id(&after.groups, |it| &it.id));
        for (id, it) in &new {
            match old.get(*id) {
                None => self.made.push(Action::CreateGroup(group_definition(it))),
                Some(was) if was.owner != it.owner => {
                    let owned = Owned::Group(placed((*id).clone()));
                    self.given.extend(it.owner.clone().map(|owner| Action::SetOwner(owned, placed(owner))));
                }
                Some(_) => {}
            }
        }
        let gone = old.keys().filter(|id| !new.contains_key(*id));
        self.taken.extend(gone.map(|id| Action::DeleteGroup(placed((*id).clone()))));
    }

    fn roles(&mut self, before: &Snapshot, after: &Snapshot) {
        let (old, new) = (by_id(&before.roles, |it| &it.id), by_id(&after.roles, |it| &it.id));
        for (id, it) in &new {
            match old.get(*id) {
                None => self.made.push(Action::CreateRole(role_definition(it))),
                Some(was) => self.role(was, it),
            }
        }
        let gone = old.keys().filter(|id| !new.contains_key(*id));
        self.taken.extend(gone.map(|id| Action::DeleteRole(placed((*id).clone()))));
    }

    /// Single permissions and includes where these are few, so that each is decided on its own.
    fn role(&mut self, was: &Role, is: &Role) {
        let (lost, gained) = parts(&was.permissions, &is.permissions);
        let (left, joined) = parts(&was.includes, &is.includes);
        let is_same = |a: &Role, b: &Role| {
            (&a.owner, a.sensitivity, &a.kinds, a.by_resource) == (&b.owner, b.sensitivity, &b.kinds, b.by_resource)
        };
        let count = lost.len() + gained.len() + left.len() + joined.len();
        if !is_same(was, is) || count > MOST_PARTS {
            let by_resource = (was.by_resource || is.by_resource).then(|| placed(is.by_resource));
            self.given.push(Action::SetRole(RoleDefinition { by_resource, ..role_definition(is) }));
            return;
        }
        let role = || placed(is.id.clone());
        self.taken.extend(lost.into_iter().map(|it| Action::RemovePermission(role(), placed(it))));
        self.taken.extend(left.into_iter().map(|it| Action::RemoveInclude(role(), placed(it))));
        self.given.extend(gained.into_iter().map(|it| Action::AddPermission(role(), placed(it))));
        self.given.extend(joined.into_iter().map(|it| Action::AddInclude(role(), placed(it))));
    }

    fn resources(&mut self, before: &Snapshot, after: &Snapshot) {
        let (old, new) = (by_id(&before.resources, |it| &it.id), by_id(&after.resources, |it| &it.id));
        for (id, it) in &new {
            match old.get(*id) {
                None => self.made.push(Action::CreateResource(
                    placed((*id).clone()),
                    it.parent.clone().map(placed),
                    it.owner.clone().map(placed),
                    it.sensitivity.map(placed),
                )),
                Some(was) if was.owner != it.owner => {
                    let owned = Owned::Resource(placed((*id).clone()));
                    self.given.extend(it.owner.clone().map(|owner| Action::SetOwner(owned, placed(owner))));
                }
                Some(_) => {}
            }
        }
        let gone = old.keys().filter(|id| !new.contains_key(*id));
        self.taken.extend(gone.map(|id| Action::DeleteResource(placed((*id).clone()))));
    }

    fn assignments(&mut self, before: &Snapshot, after: &Snapshot) {
        let (mut old, new) = (held(before), held(after));
        for (key, terms) in new {
            let was = old.remove(&key).unwrap_or_default();
            self.terms(&key, &was, &terms);
        }
        for (key, terms) in &old {
            self.terms(key, terms, &Terms::new());
        }
    }

    fn terms(&mut self, key: &Key, was: &Terms, is: &Terms) {
        let lost: Vec<_> = was.iter().filter(|(term, _)| !is.contains_key(*term)).collect();
        let gained: Vec<&Term> = is.keys().filter(|term| !was.contains_key(*term)).collect();
        if let ([(_, id)], [new]) = (lost.as_slice(), gained.as_slice())
            && !(new.0 == Mode::Eligible && new.1.is_none())
        {
            let id = (*id).clone().filter(|_| was.len() > 1);
            self.given.push(Action::Adjust(change(key, Some(**new), id)));
            return;
        }
        for (_, id) in lost {
            let id = id.clone().filter(|_| was.len() > 1);
            self.taken.push(Action::Revoke(change(key, None, id)));
        }
        self.given.extend(gained.into_iter().map(|term| Action::Grant(change(key, Some(*term), None))));
    }

    fn trusts(&mut self, before: &Snapshot, after: &Snapshot) {
        let whole = after.whole_system();
        let (old, new) = (trusts(before, whole.as_ref()), trusts(after, whole.as_ref()));
        let mut taken: BTreeSet<TrustId> = before.trusts.iter().map(|it| it.id.clone()).collect();
        let rules = before.trust_rules.iter().chain(&after.trust_rules);
        taken.extend(rules.map(|it| it.id.clone()));
        for (content, it) in &old {
            if !new.contains_key(content) {
                self.taken.push(Action::RemoveTrust(placed(it.id.clone())));
            }
        }
        for (content, it) in new {
            if old.contains_key(&content) {
                continue;
            }
            // WHY: one plan cannot remove and add a trust of the same id, and its id gives no access.
            let mut id = it.id.clone();
            let mut n = 2_usize;
            while !taken.insert(id.clone()) {
                id = TrustId::new(format!("{}+{n}", it.id.as_str()));
                n = n.saturating_add(1);
            }
            self.given.push(Action::AddTrust(TrustDefinition {
                trust: placed(id),
                from: placed(it.from.clone()),
                to: placed(it.to.clone()),
                via: placed(it.via.clone()),
                requires: it.requires.clone().map(placed),
                condition: it.condition.clone().map(placed),
            }));
        }
    }

    fn credentials(&mut self, before: &Snapshot, after: &Snapshot) {
        let (old, new) = (by_id(&before.credentials, |it| &it.id), by_id(&after.credentials, |it| &it.id));
        let gone = old.keys().filter(|id| !new.contains_key(*id));
        self.taken.extend(gone.map(|id| Action::RevokeCredential(placed((*id).clone()))));
    }
}

/// What only the first list has, and what only the second one has.
fn parts<T: Ord + Clone>(was: &[T], is: &[T]) -> (Vec<T>, Vec<T>) {
    let (was, is): (BTreeSet<&T>, BTreeSet<&T>) = (was.iter().collect(), is.iter().collect());
    let only = |a: &BTreeSet<&T>, b: &BTreeSet<&T>| a.difference(b).map(|it| (*it).clone()).collect();
    (only(&was, &is), only(&is, &was))
}

fn role_definition(role: &Role) -> RoleDefinition {
    RoleDefinition {
        role: placed(role.id.clone()),
        includes: role.includes.iter().cloned().map(placed).collect(),
        permissions: role.permissions.iter().cloned().map(placed).collect(),
        owner: role.owner.clone().map(placed),
        sensitivity: role.sensitivity.map(placed),
        kinds: role.kinds.iter().copied().map(placed).collect(),
        by_resource: role.by_resource.then(|| placed(true)),
    }
}

fn group_definition(group: &Group) -> GroupDefinition {
    let members = match (group.public, group.members_known) {
        (true, _) => Some(GroupMembers::Everybody),
        (false, MembersKnown::Partial) => Some(GroupMembers::Partial),
        (false, MembersKnown::Unknown) => Some(GroupMembers::Unknown),
        (false, MembersKnown::Known) => None,
    };
    GroupDefinition {
        group: placed(group.id.clone()),
        owner: group.owner.clone().map(placed),
        members: members.map(placed),
        implicit: group.implicit.iter().map(|it| placed(Text::from(it.as_str()))).collect(),
    }
}

/// A subject, its entitlement and the scope.
type Key = (Text, Entitled, Option<ResourceId>);
/// Mode and end of an assignment.
type Term = (Mode, Option<Time>);
/// The assignments of one key, with an id for each that a change can name; a listed member has none.
type Terms = BTreeMap<Term, Option<AssignmentId>>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entitled {
    Role(RoleId),
    Member(GroupId),
}

/// All assignments and listed memberships. An assignment that names neither a role nor a group gives nothing.
fn held(snapshot: &Snapshot) -> BTreeMap<Key, Terms> {
    let mut out: BTreeMap<Key, Terms> = BTreeMap::new();
    for group in &snapshot.groups {
        let listed = group.members.iter().map(Id::text).chain(group.nested.iter().map(Id::text));
        for who in listed {
            let key = (who, Entitled::Member(group.id.clone()), None);
            out.entry(key).or_default().insert((Mode::Standing, None), None);
        }
    }
    for it in &snapshot.assignments {
        let entitled = match (&it.role, &it.member_of) {
            (Some(role), _) => Entitled::Role(role.clone()),
            (None, Some(group)) => Entitled::Member(group.clone()),
            (None, None) => continue,
        };
        let terms = out.entry((it.who.clone(), entitled, it.scope.clone())).or_default();
        terms.insert((mode_of(it.mode, it.until), it.until), Some(it.id.clone()));
    }
    out
}

/// A plan writes an assignment with an end as `active`, and one without as `standing`.
fn mode_of(mode: Mode, until: Option<Time>) -> Mode {
    match (mode, until) {
        (Mode::Eligible, _) => Mode::Eligible,
        (Mode::Standing | Mode::Active, None) => Mode::Standing,
        (Mode::Standing | Mode::Active, Some(_)) => Mode::Active,
    }
}

fn change((who, entitled, scope): &Key, term: Option<Term>, assignment: Option<AssignmentId>) -> AssignmentChange {
    AssignmentChange {
        to: placed(who.clone()),
        target: match entitled {
            Entitled::Role(role) => Target::Role(placed(role.clone())),
            Entitled::Member(group) => Target::MemberOf(placed(group.clone())),
        },
        scope: scope.clone().map(placed),
        mode: term.map(|(mode, _)| placed(mode)),
        lifetime: term.and_then(|(_, until)| until).map(|time| placed(Lifetime::Until(time))),
        assignment: assignment.map(placed),
    }
}

/// Trusts by what they allow: everything except the id.
fn trusts<'s>(snapshot: &'s Snapshot, whole: Option<&System>) -> BTreeMap<String, &'s Trust> {
    let mut out = BTreeMap::new();
    for it in &snapshot.trusts {
        let content = Trust { id: TrustId::new(""), system: it.system(whole), ..it.clone() };
        out.entry(json(&content).to_string()).or_insert(it);
    }
    out
}

fn json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Every difference between what the actions reach and what they should reach. When something was granted or last used,
/// and alerts of the source system, are no access and do not count.
#[must_use]
pub fn unsaid(reached: &Snapshot, after: &Snapshot) -> Vec<Unsaid> {
    let whole = after.whole_system();
    let (have, want) = (normal(reached, whole.as_ref()), normal(after, whole.as_ref()));
    let mut out = BTreeSet::new();
    for ((kind, id), wanted) in &want {
        let how = match have.get(&(*kind, id.clone())) {
            None => "is not added".to_owned(),
            Some(known) if known != wanted => fields(known, wanted),
            Some(_) => continue,
        };
        out.insert(Unsaid { kind, id: Text::from(id.as_str()), how });
    }
    for (kind, id) in have.keys().filter(|key| !want.contains_key(*key)) {
        out.insert(Unsaid { kind, id: Text::from(id.as_str()), how: "is not removed".to_owned() });
    }
    out.into_iter().collect()
}

/// The names of the fields that differ.
fn fields(have: &Value, want: &Value) -> String {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect()
    };
    let all = &names(have) | &names(want);
    let differ: Vec<String> = all.into_iter().filter(|name| have.get(name) != want.get(name)).collect();
    format!("keeps its `{}`", differ.join("`, `"))
}

/// What a snapshot says about access, so that equal access has equal entries.
fn normal(snapshot: &Snapshot, whole: Option<&System>) -> BTreeMap<(&'static str, String), Value> {
    let mut out = BTreeMap::new();
    for it in &snapshot.identities {
        out.insert(("identity", it.id.as_str().to_owned()), json(&Identity { last_used: None, ..it.clone() }));
    }
    for it in &snapshot.groups {
        let mut group = Group { members: Vec::new(), nested: Vec::new(), ..it.clone() };
        group.implicit.sort();
        if group.public {
            group.members_known = MembersKnown::Unknown;
        }
        out.insert(("group", it.id.as_str().to_owned()), json(&group));
    }
    for it in &snapshot.roles {
        let sorted = |list: &[Permission]| list.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let mut role = Role { permissions: sorted(&it.permissions), system: it.system(whole), ..it.clone() };
        role.includes.sort();
        role.includes.dedup();
        role.kinds.sort();
        role.kinds.dedup();
        out.insert(("role", it.id.as_str().to_owned()), json(&role));
    }
    out.extend(snapshot.resources.iter().map(|it: &Resource| (("resource", it.id.as_str().to_owned()), json(it))));
    for ((who, entitled, scope), terms) in held(snapshot) {
        let what = match entitled {
            Entitled::Role(role) => role.as_str().to_owned(),
            Entitled::Member(group) => format!("member of {}", group.as_str()),
        };
        let place = scope.map(|scope| format!(" at {}", scope.as_str())).unwrap_or_default();
        let terms: Vec<Value> = terms.keys().map(json).collect();
        out.insert(("assignment", format!("{}: {what}{place}", who.raw())), Value::Array(terms));
    }
    for (content, it) in trusts(snapshot, whole) {
        let label = format!("{} as {} via {}", it.from.raw(), it.to.raw(), it.via.raw());
        out.entry(("trust", label)).or_insert_with(|| Value::Array(Vec::new()));
        let label = format!("{} as {} via {}", it.from.raw(), it.to.raw(), it.via.raw());
        if let Some(Value::Array(list)) = out.get_mut(&("trust", label)) {
            list.push(Value::String(content));
        }
    }
    out.extend(snapshot.trust_rules.iter().map(|it| (("trust rule", it.id.as_str().to_owned()), json(it))));
    for it in &snapshot.credentials {
        let credential = crate::snapshot::model::Credential { last_used: None, ..it.clone() };
        out.insert(("credential", it.id.as_str().to_owned()), json(&credential));
    }
    out
}
