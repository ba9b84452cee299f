//! A state of access: a snapshot with an overlay of changes.
//!
//! Provides the lookups of the index as they are after the changes. Never copies the snapshot; the cost follows the
//! size of the overlay.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::access::effective::memo::Memo;
use crate::access::effective::reachable::Reachable;
use crate::access::graph::index::Index;
use crate::access::graph::overlay::Overlay;
use crate::access::graph::provenance::Validity;
use crate::access::matching::coverage::{Surely, Tree, ancestry, scopes_overlap};
use crate::access::matching::pattern::id_matches;
use crate::access::matching::systems::Systems;
use crate::input::entitlement::{Effect, IdentityKind, Mode, Sensitivity};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::time::Time;
use crate::snapshot::model::{Assignment, Group, Identity, Limit, MembersKnown, Resource, Role, Status, Trust};
use crate::snapshot::public::{is_public_name, is_public_word};

/// A direct membership.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) group: GroupId,
    pub(crate) assignment: Option<AssignmentId>,
    pub(crate) scope: Option<ResourceId>,
    pub(crate) mode: Mode,
    pub(crate) until: Option<Time>,
}

/// A role in a state.
pub(crate) enum RoleState<'v> {
    Known(&'v Role),
    /// Deleted by the changes; gives no access.
    Deleted,
    /// Its permissions are unknown.
    Unknown,
}

/// The subjects that an overlay can affect. All others are as in the state below.
#[derive(Debug, Default)]
pub(crate) struct AffectedSubjects {
    /// The subjects whose own holdings may differ.
    own: HashSet<Subject>,
    /// The same, sorted.
    sorted: BTreeSet<Subject>,
    /// The subjects whose reach may differ: those, and the subjects that can act as them.
    pub(crate) reach: BTreeSet<Subject>,
}

impl AffectedSubjects {
    /// From the subjects whose own holdings may differ, and those whose reach may differ.
    pub(crate) fn new(own: BTreeSet<Subject>, reach: BTreeSet<Subject>) -> Self {
        Self { own: own.iter().cloned().collect(), sorted: own, reach }
    }

    /// The subjects whose own holdings may differ, sorted.
    pub(crate) fn own(&self) -> &BTreeSet<Subject> {
        &self.sorted
    }

    /// Whether the own holdings of a subject may differ.
    pub(crate) fn may_differ(&self, subject: &Subject) -> bool {
        self.own.contains(subject)
    }

    /// The entries of a closure whose own holdings may differ, sorted.
    pub(crate) fn own_in<'r>(&self, row: &'r Reachable) -> Vec<(&'r Subject, &'r Validity)> {
        if row.len() <= self.sorted.len() {
            row.iter().filter(|(actor, _)| self.own.contains(*actor)).collect()
        } else {
            self.sorted.iter().filter_map(|actor| row.get_key_value(actor)).collect()
        }
    }
}

/// A state of access.
#[derive(Debug)]
pub(crate) struct AccessState<'v, 's> {
    pub(crate) index: &'v Index<'s>,
    pub(crate) systems: Systems<'v>,
    pub(crate) delta: Overlay,
    /// The plain snapshot, used for everything that the overlay does not touch.
    pub(crate) below: Option<&'v AccessState<'v, 's>>,
    /// The state with only this plan's changes applied. Set when pending changes of other plans are in the overlay;
    /// used where a check needs what is certain rather than what is possible.
    pub(crate) settled: Option<Rc<AccessState<'v, 's>>>,
    /// Set once, by [`crate::access::effective::affected`].
    pub(crate) touched: Option<AffectedSubjects>,
    /// Whether no subject can act as more identities than in the state below.
    pub(crate) same_edges: bool,
    /// Resources that escalation paths name.
    pub(crate) places: BTreeSet<ResourceId>,
    pub(crate) memo: RefCell<Memo>,
}

impl<'v, 's> AccessState<'v, 's> {
    /// The plain snapshot.
    pub(crate) fn plain(index: &'v Index<'s>) -> Self {
        Self {
            index,
            systems: index.systems(),
            delta: Overlay::default(),
            below: None,
            settled: None,
            touched: None,
            same_edges: false,
            places: BTreeSet::new(),
            memo: RefCell::default(),
        }
    }

    /// The snapshot with changes applied.
    pub(crate) fn over(below: &'v AccessState<'v, 's>, delta: Overlay) -> Self {
        Self { delta, below: Some(below), ..Self::plain(below.index) }
    }

    /// The number of closure and grant entries ever computed, including entries that were dropped and recomputed.
    pub(crate) fn work_done(&self) -> u64 {
        self.memo.borrow().made
    }

    /// The time at which assignments must be in force.
    pub(crate) fn as_of(&self) -> Time {
        self.index.snapshot().taken_at
    }

    /// An identity that exists in this state.
    pub(crate) fn identity(&self, id: &str) -> Option<&Identity> {
        match self.delta.identities.get(id) {
            Some(over) => over.as_ref(),
            None => self.index.identity(id),
        }
    }

    /// A group that exists in this state.
    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        match self.delta.groups.get(id) {
            Some(over) => over.as_ref(),
            None => self.index.group(id),
        }
    }

    /// A role in this state.
    pub(crate) fn role(&self, id: &str) -> RoleState<'_> {
        match self.delta.roles.get(id) {
            Some(Some(role)) => RoleState::Known(role),
            Some(None) => RoleState::Deleted,
            None => self.index.role(id).map_or(RoleState::Unknown, RoleState::Known),
        }
    }

    /// A resource; a deleted one keeps its position in the tree.
    pub(crate) fn resource(&self, id: &str) -> Option<&Resource> {
        match self.delta.resources.get(id) {
            Some(Some(resource)) => Some(resource),
            Some(None) | None => self.index.resource(id),
        }
    }

    /// The highest label of the resources that a scope touches: itself, those above it, and those below it.
    pub(crate) fn label_in(&self, scope: Option<&ResourceId>) -> Option<Sensitivity> {
        let created = self.delta.resources.values().flatten();
        let touched =
            created.filter(|r| r.sensitivity > Some(Sensitivity::Low) && scopes_overlap(self, scope, Some(&r.id)));
        let above = scope.map(|id| ancestry(self, id)).unwrap_or_default();
        let above = above.iter().filter_map(|id| self.resource(id.as_str()));
        let labels = touched.map(|r| r.sensitivity).chain(above.map(|r| r.sensitivity));
        labels.fold(self.index.label_below(scope), Option::max)
    }

    /// Whether a subject was deleted by the changes.
    pub(crate) fn deleted(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Identity(id) => matches!(self.delta.identities.get(id), Some(None)),
            Subject::Group(id) => matches!(self.delta.groups.get(id), Some(None)),
        }
    }

    /// Whether a subject is an identity that cannot be used.
    pub(crate) fn disabled(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Identity(id) => self.identity(id.as_str()).is_some_and(|i| i.status == Status::Disabled),
            Subject::Group(_) => false,
        }
    }

    /// The boundaries of a subject.
    pub(crate) fn limits(&self, subject: &Subject) -> Vec<Limit> {
        match subject {
            Subject::Identity(id) => self.identity(id.as_str()).map(|i| self.binding(&i.limits)).unwrap_or_default(),
            Subject::Group(_) => Vec::new(),
        }
    }

    /// The boundaries that apply. A boundary whose roles are all deleted no longer applies. (Otherwise it would allow
    /// nothing, and a deletion would look like a loss of access.)
    fn binding(&self, limits: &[Limit]) -> Vec<Limit> {
        let is_deleted = |role: &RoleId| matches!(self.delta.roles.get(role), Some(None));
        let goes = |role: &RoleId| is_deleted(role) || self.delta.unbinding.contains(role);
        let stands = |limit: &&Limit| limit.roles.is_empty() || !limit.roles.iter().all(goes);
        let less = |limit: &Limit| {
            let mut limit = limit.clone();
            limit.roles.retain(|role| !is_deleted(role));
            limit
        };
        limits.iter().filter(stands).map(less).collect()
    }

    /// The subjects that a name refers to: an identity, a group or, if unknown, an identity of that name.
    pub(crate) fn subjects(&self, name: &str) -> Vec<Subject> {
        let mut found = Vec::new();
        if let Some(identity) = self.identity(name) {
            found.push(Subject::Identity(identity.id.clone()));
        }
        if let Some(group) = self.group(name) {
            found.push(Subject::Group(group.id.clone()));
        }
        if found.is_empty() {
            let unknown = Subject::Identity(IdentityId::new(name));
            let deleted = self.deleted(&unknown) || matches!(self.delta.groups.get(name), Some(None));
            if !deleted {
                found.push(unknown);
            }
        }
        found
    }

    /// Whether an assignment of the snapshot still exists.
    fn stands(&self, at: usize, assignment: &Assignment) -> bool {
        !self.delta.gone.contains(&at) && self.has_ground(assignment)
    }

    /// Whether none of the objects that an assignment refers to was deleted.
    fn has_ground(&self, a: &Assignment) -> bool {
        if self.below.is_none() {
            return true;
        }
        let role = a.role.as_ref().is_none_or(|r| !matches!(self.delta.roles.get(r), Some(None)));
        let group = a.member_of.as_ref().is_none_or(|g| !matches!(self.delta.groups.get(g), Some(None)));
        let who = !self.delta.alters_subjects() || !self.subjects(a.who.raw()).is_empty();
        let scope = a.scope.as_ref().is_none_or(|s| !self.lies_in_deleted(s));
        role && group && who && scope
    }

    fn lies_in_deleted(&self, scope: &ResourceId) -> bool {
        self.delta.deletes_resources()
            && ancestry(&Surely(self), scope).iter().any(|id| matches!(self.delta.resources.get(id), Some(None)))
    }

    /// The assignments of a subject by name, in force or not.
    pub(crate) fn held_by<'x>(&'x self, who: &'x str) -> impl Iterator<Item = &'x Assignment> {
        let kept = self.index.held_by(who).filter(|(at, a)| self.stands(*at, a)).map(|(_, a)| a);
        kept.chain(self.delta.held_by(who).filter(|a| self.has_ground(a)))
    }

    /// The assignments of a role, in force or not.
    pub(crate) fn of_role<'x>(&'x self, role: &'x RoleId) -> impl Iterator<Item = &'x Assignment> {
        let kept = self.index.of_role(role.as_str()).filter(|(at, a)| self.stands(*at, a)).map(|(_, a)| a);
        kept.chain(self.delta.of_role(role).filter(|a| self.has_ground(a)))
    }

    /// The assignments of membership in a group, in force or not.
    pub(crate) fn of_group<'x>(&'x self, group: &'x GroupId) -> impl Iterator<Item = &'x Assignment> {
        let kept = self.index.of_group(group.as_str()).filter(|(at, a)| self.stands(*at, a)).map(|(_, a)| a);
        kept.chain(self.delta.of_group(group).filter(|a| self.has_ground(a)))
    }

    /// The direct memberships of a subject, in force or not.
    pub(crate) fn memberships(&self, subject: &Subject) -> Vec<Membership> {
        let name = subject.as_str();
        let plain = |group: &GroupId| Membership {
            group: group.clone(),
            assignment: None,
            scope: None,
            mode: Mode::Standing,
            until: None,
        };
        let there = |group: &&Group| !matches!(self.delta.groups.get(&group.id), Some(None));
        let mut found: Vec<Membership> = self
            .index
            .listing(subject)
            .iter()
            .copied()
            .filter(there)
            .filter(|g| self.delta.left.is_empty() || !self.delta.left.contains(&(g.id.clone(), name.into())))
            .map(|g| plain(&g.id))
            .collect();
        if let Subject::Identity(id) = subject {
            found.extend(self.index.implied(id).into_iter().filter(there).map(|g| plain(&g.id)));
        }
        found.extend(self.held_by(name).filter_map(|a| {
            Some(Membership {
                group: a.member_of.clone()?,
                assignment: Some(a.id.clone()),
                scope: a.scope.clone(),
                mode: a.mode,
                until: a.until,
            })
        }));
        found
    }

    /// The direct members of a group, in force or not.
    pub(crate) fn members(&self, id: &GroupId) -> BTreeSet<Subject> {
        let mut found = BTreeSet::new();
        if let Some(group) = self.group(id.as_str()) {
            let stays = |name: &str| !self.delta.left.contains(&(id.clone(), name.into()));
            let listed = group.members.iter().filter(|m| stays(m.as_str())).cloned().map(Subject::Identity);
            found.extend(listed);
            found.extend(group.nested.iter().filter(|m| stays(m.as_str())).cloned().map(Subject::Group));
            for pattern in &group.implicit {
                found.extend(self.matching(pattern).into_iter().filter(|s| matches!(s, Subject::Identity(_))));
            }
        }
        for assignment in self.of_group(id) {
            found.extend(self.subjects(assignment.who.raw()));
        }
        found.retain(|subject| !self.deleted(subject));
        found
    }

    /// The identities and groups whose names a pattern matches.
    pub(crate) fn matching(&self, pattern: &str) -> BTreeSet<Subject> {
        let mut found: BTreeSet<Subject> = self.index.matching(pattern).into_iter().collect();
        for made in self.made() {
            if id_matches(pattern, made.as_str()) {
                found.insert(made);
            }
        }
        found.retain(|subject| !self.deleted(subject));
        found
    }

    /// The identities and groups that the changes created or altered.
    pub(crate) fn made(&self) -> impl Iterator<Item = Subject> {
        let identities = self.delta.identities.iter().filter(|(_, i)| i.is_some());
        let groups = self.delta.groups.iter().filter(|(_, g)| g.is_some());
        let identities = identities.map(|(id, _)| Subject::Identity(id.clone()));
        identities.chain(groups.map(|(id, _)| Subject::Group(id.clone())))
    }

    /// The trusts that start directly at a subject, with their expiries.
    pub(crate) fn trusts_from(&self, subject: &Subject) -> Vec<(&Trust, Option<Time>)> {
        let name = subject.as_str();
        let from = |t: &Trust| t.from.raw() == name || (t.from.raw().contains('*') && id_matches(t.from.raw(), name));
        let patterns = self.index.trusts_from_patterns().iter().filter(|t| from(t));
        let kept = self.index.trusts_from(name).iter().chain(patterns).copied();
        let kept = kept.filter(|t| !self.delta.trusts_gone.contains(&t.id)).map(|t| (t, None));
        kept.chain(self.delta.trusts_from(name).filter(|(t, _)| from(t)).map(|(t, until)| (t, *until))).collect()
    }

    /// The subjects that a trust directly allows to act.
    pub(crate) fn trusting(&self, trust: &Trust) -> BTreeSet<Subject> {
        if trust.from.raw().contains('*') {
            self.matching(trust.from.raw())
        } else {
            self.subjects(trust.from.raw()).into_iter().collect()
        }
    }

    /// The trusts whose direct target is a subject.
    pub(crate) fn trusts_to(&self, subject: &Subject) -> Vec<&Trust> {
        let name = subject.as_str();
        let kept = self.index.trusts_to(name).iter().copied().filter(|t| !self.delta.trusts_gone.contains(&t.id));
        kept.chain(self.delta.trusts_to(name)).collect()
    }

    /// The roles that include a role directly, before or after the changes.
    pub(crate) fn including(&self, role: &RoleId) -> BTreeSet<RoleId> {
        let mut found: BTreeSet<RoleId> = self.index.including(role.as_str()).iter().map(|r| r.id.clone()).collect();
        found.extend(self.delta.roles.values().flatten().filter(|r| r.includes.contains(role)).map(|r| r.id.clone()));
        found
    }

    /// Whether a resource has children.
    pub(crate) fn has_children(&self, id: &ResourceId) -> bool {
        !self.index.children(id.as_str()).is_empty()
            || self.delta.resources.values().flatten().any(|r| r.parent.as_ref() == Some(id))
    }

    /// Whether the changes can only remove access: they remove assignments, listed members and trusts, and there are no
    /// denies.
    pub(crate) fn only_takes(&self) -> bool {
        self.delta.only_takes() && !self.denies_anything()
    }

    /// Whether the changes can only add access: they add assignments and trusts, and there are no denies.
    pub(crate) fn only_gives(&self) -> bool {
        self.delta.only_gives() && !self.denies_anything()
    }

    /// Whether a role of the snapshot has a deny.
    pub(crate) fn denies_anything(&self) -> bool {
        let denies = |role: &Role| role.permissions.iter().any(|p| p.effect == Effect::Deny);
        self.index.snapshot().roles.iter().any(denies)
    }

    /// Whether a subject represents everyone or anonymous callers.
    pub(crate) fn is_public(&self, subject: &Subject) -> bool {
        let name = subject.as_str();
        // WHY: an identity with such a word as its name may be one account. It counts as an outsider.
        is_public_name(name, self.systems.of_new(name).as_ref())
            || match subject {
                Subject::Identity(id) => match self.identity(id.as_str()) {
                    Some(identity) => identity.kind == IdentityKind::Public,
                    None => is_public_word(name),
                },
                Subject::Group(id) => self.group(id.as_str()).is_some_and(|g| g.public) || is_public_word(name),
            }
    }

    /// Whether the members of a group, and of its nested groups, are known.
    pub(crate) fn members_known(&self, id: &GroupId) -> MembersKnown {
        self.group(id.as_str()).map_or(MembersKnown::Unknown, |g| g.members_known)
    }
}

impl Tree for AccessState<'_, '_> {
    fn parent(&self, id: &ResourceId) -> Option<ResourceId> {
        self.resource(id.as_str()).and_then(|r| r.parent.clone())
    }
    fn knows(&self, id: &ResourceId) -> bool {
        self.resource(id.as_str()).is_some()
    }
    fn is_loose(&self, id: &ResourceId) -> bool {
        self.delta.loose.contains(id)
    }
}
