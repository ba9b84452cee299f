//! Inventory of a snapshot: holders of privileged roles, unused access, identities without an owner, and roles that are
//! sufficient for privilege escalation.
//!
//! Produces rows for people who administer entitlements. Reports recorded assignments, role by role; access through
//! trusts and rules is covered by the analysis of a plan and the escalation paths. One pass over the assignments; each
//! role is inspected once.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::model::facts::Escalation;
use crate::access::queries::escalations::{beside_administrators, enough};
use crate::access::risk::classification::Classifier;
use crate::access::risk::rule_files::Data;
use crate::input::entitlement::{IdentityKind, Mode, Sensitivity};
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::snapshot::model::{Assignment, Identity, MembersKnown, Status};

/// A privileged role that a subject holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivilegedHolding {
    /// The holder.
    pub subject: Subject,
    /// The kind of identity; `None`: a group.
    pub kind: Option<IdentityKind>,
    /// The role.
    pub role: RoleId,
    /// The scope; `None`: everywhere.
    pub scope: Option<ResourceId>,
    /// The mode.
    pub mode: Mode,
    /// The expiry.
    pub until: Option<Time>,
    /// Why the role is privileged.
    pub why: Text,
    /// The sensitivity of the role.
    pub sensitivity: Sensitivity,
}

/// An unused assignment or identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The assignment's holder, or the identity itself.
    pub who: Text,
    /// The role or group held; `None`: the identity itself is unused.
    pub what: Option<Text>,
    /// The scope.
    pub scope: Option<ResourceId>,
    /// When it was last used; `None`: never, as far as the export records.
    pub last_used: Option<Time>,
    /// When it was granted, if known.
    pub granted_at: Option<Time>,
}

/// A role that is sufficient for a known escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProneRole {
    /// The role.
    pub role: RoleId,
    /// The paths, by id.
    pub paths: Vec<Text>,
    /// What the first of them leads to.
    pub title: Text,
    /// The number of assignments of the role.
    pub assignments: u64,
}

/// Counts by sensitivity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<Sensitivity, u64>);

impl Levels {
    pub(crate) fn add(&mut self, sensitivity: Sensitivity) {
        *self.0.entry(sensitivity).or_default() += 1;
    }

    /// The count for one sensitivity.
    #[must_use]
    pub fn of(&self, sensitivity: Sensitivity) -> u64 {
        self.0.get(&sensitivity).copied().unwrap_or_default()
    }
}

/// The inventory of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// The number of objects of each kind.
    pub counts: BTreeMap<&'static str, u64>,
    /// The number of assignments in force, by sensitivity.
    pub levels: Levels,
    /// Privileged roles with their holders, the most sensitive first.
    pub privileged: Vec<PrivilegedHolding>,
    /// Identities other than people without an owner.
    pub without_owner: Vec<(IdentityId, IdentityKind)>,
    /// Unused access and identities.
    pub stale: Vec<Stale>,
    /// Whether the export records any use or grant time.
    pub use_known: bool,
    /// The number of assignments without either.
    pub use_unknown: u64,
    /// Roles that are sufficient for a known escalation path.
    pub prone: Vec<ProneRole>,
    /// Subjects that have everything, everywhere, in force and permanently, and so complete every path.
    pub administrators: Vec<Subject>,
    /// Completions of the other subjects, by all access they can reach, complete ones first.
    pub escalations: Vec<Escalation>,
}

/// Builds the inventory. An assignment or identity last used earlier than `stale_after` before `taken_at` is stale.
#[must_use]
pub fn holdings(index: &Index<'_>, data: &Data, stale_after: Span) -> Holdings {
    let snapshot = index.snapshot();
    let view = AccessState::plain(index);
    let classifier = Classifier::new(&data.classification);
    let mut found = Holdings { counts: counts(index), ..Holdings::default() };
    let mut memberships: BTreeMap<GroupId, Sensitivity> = BTreeMap::new();
    let limit = Time::from_unix(snapshot.taken_at.unix().saturating_sub(stale_after.seconds()));
    for assignment in snapshot.assignments.iter().filter(|a| view.in_force(a.until)) {
        if let Some(role) = &assignment.role {
            let verdict = classifier.held_role(&view, role, assignment.scope.as_ref());
            found.levels.add(verdict.sensitivity);
            if let Some(why) = verdict.privileged {
                found.privileged.extend(view.subjects(assignment.who.raw()).into_iter().map(|subject| {
                    PrivilegedHolding {
                        kind: kind(index, &subject),
                        subject,
                        role: role.clone(),
                        scope: assignment.scope.clone(),
                        mode: assignment.mode,
                        until: assignment.until,
                        why: why.clone(),
                        sensitivity: verdict.sensitivity,
                    }
                }));
            }
        }
        if let Some(group) = &assignment.member_of {
            let level = memberships
                .entry(group.clone())
                .or_insert_with(|| classifier.given_membership(&view, group).sensitivity);
            found.levels.add(*level);
        }
        found.stale.extend(stale_assignment(assignment, limit));
        found.use_unknown += u64::from(assignment.last_used.is_none() && assignment.granted_at.is_none());
        found.use_known |= assignment.last_used.is_some() || assignment.granted_at.is_some();
    }
    found.use_known |= snapshot.identities.iter().any(|identity| identity.last_used.is_some());
    for identity in snapshot.identities.iter().filter(|i| i.status == Status::Active) {
        if identity.kind != IdentityKind::Human && identity.owner.is_none() {
            found.without_owner.push((identity.id.clone(), identity.kind));
        }
        found.stale.extend(stale_identity(identity, limit));
    }
    found.privileged.sort_by(|a, b| {
        let key = |h: &PrivilegedHolding| (std::cmp::Reverse(h.sensitivity), h.mode != Mode::Standing);
        key(a).cmp(&key(b)).then_with(|| (&a.role, &a.subject, &a.scope).cmp(&(&b.role, &b.subject, &b.scope)))
    });
    for role in &snapshot.roles {
        let paths = enough(&view, &data.escalations, &role.id);
        let Some((_, title)) = paths.first() else { continue };
        found.prone.push(ProneRole {
            title: (*title).clone(),
            paths: paths.iter().map(|(id, _)| (*id).clone()).collect(),
            assignments: index.of_role(role.id.as_str()).filter(|(_, a)| view.in_force(a.until)).count() as u64,
            role: role.id.clone(),
        });
    }
    found
        .prone
        .sort_by(|a, b| (std::cmp::Reverse(a.paths.len()), &a.role).cmp(&(std::cmp::Reverse(b.paths.len()), &b.role)));
    (found.administrators, found.escalations) = beside_administrators(&view, data);
    found.escalations.sort_by(|a, b| {
        let opens = |it: &Escalation| (!it.complete, it.conditional);
        opens(a).cmp(&opens(b)).then_with(|| (&a.id, &a.subject, &a.bound).cmp(&(&b.id, &b.subject, &b.bound)))
    });
    add_counts(&mut found);
    found
}

fn add_counts(found: &mut Holdings) {
    let people: BTreeSet<&Subject> = found.privileged.iter().map(|h| &h.subject).collect();
    let standing = found.privileged.iter().filter(|h| h.is_standing()).count() as u64;
    let complete = found.escalations.iter().filter(|e| e.complete);
    let completing: BTreeSet<&Subject> = complete.map(|e| &e.subject).collect();
    let more = [
        ("administrators", found.administrators.len() as u64),
        ("complete_an_escalation_path", completing.len() as u64),
        ("privileged_holders", people.len() as u64),
        ("unclassified_assignments", found.levels.of(Sensitivity::Unknown)),
        ("privileged_assignments", found.privileged.len() as u64),
        ("standing_privilege", standing),
        ("non_human_without_owner", found.without_owner.len() as u64),
        ("use_unknown", found.use_unknown),
        ("escalation_prone_roles", found.prone.len() as u64),
    ];
    found.counts.extend(more);
    // Without any recorded use, the number of unused assignments is unknown, not 0.
    found.counts.extend(found.use_known.then_some(("stale", found.stale.len() as u64)));
}

impl PrivilegedHolding {
    /// Whether the assignment has no expiry.
    #[must_use]
    pub fn is_standing(&self) -> bool {
        self.mode == Mode::Standing && self.until.is_none()
    }
}

fn kind(index: &Index<'_>, subject: &Subject) -> Option<IdentityKind> {
    match subject {
        Subject::Identity(id) => index.identity(id.as_str()).map(|identity| identity.kind),
        Subject::Group(_) => None,
    }
}

fn stale_assignment(assignment: &Assignment, limit: Time) -> Option<Stale> {
    let unused = match (assignment.last_used, assignment.granted_at) {
        (Some(used), _) => used < limit,
        // WHY: if the export records no use times at all, a missing one means nothing, but a grant time still counts.
        (None, Some(granted)) => granted < limit,
        (None, None) => false,
    };
    unused.then(|| Stale {
        who: assignment.who.clone(),
        what: assignment.role.as_ref().map(RoleId::text).or_else(|| assignment.member_of.as_ref().map(GroupId::text)),
        scope: assignment.scope.clone(),
        last_used: assignment.last_used,
        granted_at: assignment.granted_at,
    })
}

fn stale_identity(identity: &Identity, limit: Time) -> Option<Stale> {
    let used = identity.last_used.filter(|used| *used < limit)?;
    Some(Stale { who: identity.id.text(), what: None, scope: None, last_used: Some(used), granted_at: None })
}

/// Identities and groups that represent everyone or anonymous callers.
fn public_principals(view: &AccessState<'_, '_>) -> u64 {
    view.everyone().iter().filter(|subject| view.is_public(subject)).count() as u64
}

fn counts(index: &Index<'_>) -> BTreeMap<&'static str, u64> {
    let snapshot = index.snapshot();
    let view = AccessState::plain(index);
    let of = |wanted: &dyn Fn(&Assignment) -> bool| snapshot.assignments.iter().filter(|a| wanted(a)).count() as u64;
    let kind = |kind: IdentityKind| snapshot.identities.iter().filter(|i| i.kind == kind).count() as u64;
    let open = snapshot.groups.iter().filter(|g| g.members_known != MembersKnown::Known).count() as u64;
    let disabled = snapshot.identities.iter().filter(|i| i.status == Status::Disabled).count() as u64;
    let holds = |a: &Assignment, mode: Mode| a.mode == mode && view.in_force(a.until);
    BTreeMap::from([
        ("identities", snapshot.identities.len() as u64),
        ("humans", kind(IdentityKind::Human)),
        ("service_accounts", kind(IdentityKind::ServiceAccount)),
        ("workloads", kind(IdentityKind::Workload)),
        ("agents", kind(IdentityKind::Agent)),
        ("devices", kind(IdentityKind::Device)),
        ("public_principals", public_principals(&view)),
        ("disabled_identities", disabled),
        ("groups", snapshot.groups.len() as u64),
        ("groups_of_unknown_members", open),
        ("roles", snapshot.roles.len() as u64),
        ("resources", snapshot.resources.len() as u64),
        ("assignments", snapshot.assignments.len() as u64),
        ("standing_assignments", of(&|a| holds(a, Mode::Standing))),
        ("active_assignments", of(&|a| holds(a, Mode::Active))),
        ("eligible_assignments", of(&|a| holds(a, Mode::Eligible))),
        ("ended_assignments", of(&|a| !view.in_force(a.until))),
        ("trusts", snapshot.trusts.len() as u64),
        ("trust_rules", snapshot.trust_rules.len() as u64),
        ("credentials", snapshot.credentials.len() as u64),
        ("findings", snapshot.findings.len() as u64),
    ])
}
