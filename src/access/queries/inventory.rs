//! What stands out in a snapshot: who holds privileged roles and how, what is not used, what nobody answers for, which
//! roles are enough to reach for more.
//!
//! In: an index, the data that analysis goes by, and how long unused access may lie. Out: rows for people who look after
//! entitlements. It reports what is written down, role by role; what trusts and rules add to it, the analysis of a plan and
//! the escalation paths say. One pass over the assignments; each role is looked at once.

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

/// A privileged role that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivilegedHolding {
    /// Who.
    pub subject: Subject,
    /// What kind of identity; none: a group.
    pub kind: Option<IdentityKind>,
    /// The role.
    pub role: RoleId,
    /// Where; none: everywhere.
    pub scope: Option<ResourceId>,
    /// How.
    pub mode: Mode,
    /// Until when.
    pub until: Option<Time>,
    /// Why the role is privileged.
    pub why: Text,
    /// How much harm it can do.
    pub sensitivity: Sensitivity,
}

/// Something that lies unused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The assignment's holder, or the identity itself.
    pub who: Text,
    /// The role or group held; none: the identity itself is not used.
    pub what: Option<Text>,
    /// Where.
    pub scope: Option<ResourceId>,
    /// When it was last used; none: never, as far as the export knows.
    pub last_used: Option<Time>,
    /// When it was given, where that is known.
    pub granted_at: Option<Time>,
}

/// A role that is enough for a known escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProneRole {
    /// The role.
    pub role: RoleId,
    /// The paths, by id.
    pub paths: Vec<Text>,
    /// What the first of them leads to.
    pub title: Text,
    /// How many assignments give it.
    pub assignments: u64,
}

/// How many there are of each sensitivity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<Sensitivity, u64>);

impl Levels {
    pub(crate) fn add(&mut self, sensitivity: Sensitivity) {
        *self.0.entry(sensitivity).or_default() += 1;
    }

    /// How many there are of one.
    #[must_use]
    pub fn of(&self, sensitivity: Sensitivity) -> u64 {
        self.0.get(&sensitivity).copied().unwrap_or_default()
    }
}

/// What stands out in a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// How many of each kind of thing.
    pub counts: BTreeMap<&'static str, u64>,
    /// How many assignments in force there are of each sensitivity.
    pub levels: Levels,
    /// Privileged roles held, the most sensitive first.
    pub privileged: Vec<PrivilegedHolding>,
    /// Identities other than people for which nobody answers.
    pub without_owner: Vec<(IdentityId, IdentityKind)>,
    /// Access and identities that lie unused.
    pub stale: Vec<Stale>,
    /// Roles that are enough for a known escalation path.
    pub prone: Vec<ProneRole>,
    /// Who holds everything, everywhere, in force and for good, and so completes every path.
    pub administrators: Vec<Subject>,
    /// Who else completes which path by all that it holds and can act as, and how: by what they open, complete ones first.
    pub escalations: Vec<Escalation>,
}

/// Looks at a whole snapshot. What was used last before `taken_at` less `stale_after` is stale.
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
            let verdict = classifier.given_role(&view, role, assignment.scope.as_ref());
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
    }
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
        ("stale", found.stale.len() as u64),
        ("escalation_prone_roles", found.prone.len() as u64),
    ];
    found.counts.extend(more);
}

impl PrivilegedHolding {
    /// Whether it is held without end.
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
        // WHY: an export that knows no use at all says nothing; one that knows when it was given does.
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

/// Identities and groups that stand for everybody or for anonymous callers.
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
