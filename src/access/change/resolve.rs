//! Resolution: resolves the names of a plan against the snapshot, and its changes against one another.
//!
//! Takes a plan, an index and optionally a subset of changes. Returns the steps ordered so that each follows its
//! dependencies, or all findings at once, each with its location. Never skips an unknown name and never guesses which
//! of several assignments is meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::change::confusables::Names;
use crate::access::change::references::{Name, Outline, entitlement, outline};
use crate::access::graph::index::{Index, NameKind};
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, Entitlement, GroupId, ResourceId};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::plan::model::{Action, AssignmentChange, Change, Plan};
use crate::snapshot::model::Assignment;

/// A change, resolved.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedChange<'p> {
    pub(crate) change: &'p Change,
    /// Indices, in the list of steps, of all transitive dependencies.
    pub(crate) depends_on: BTreeSet<usize>,
    /// For `revoke` and `adjust`: what it removes or alters.
    pub(crate) taken: Option<Taken>,
    /// Whether it is a pending change of another plan, which may never be applied; its denies do not count.
    pub(crate) other: bool,
    /// Whether a resource that it creates is detached from the tree, so that no deny is inherited from a parent.
    pub(crate) loose: bool,
}

/// The target of a `revoke` or `adjust`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taken {
    /// An assignment of the snapshot, by its index.
    Assigned(usize),
    /// A membership that the group itself lists.
    Listed(GroupId, Text),
}

/// Resolves the changes of a plan, or a subset of them as a plan of its own.
pub(crate) fn resolve<'p>(
    plan: &'p Plan,
    index: &Index<'_>,
    only: Option<&BTreeSet<ChangeId>>,
) -> Result<Vec<ResolvedChange<'p>>, Vec<Finding>> {
    attempt(plan, index, only, usize::MAX).map_err(|refused| refused.findings)
}

/// Why changes cannot be applied to a snapshot together.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    /// The reasons, each with its location.
    pub(crate) findings: Vec<Finding>,
    /// Indices of changes that the snapshot shows as applied: what they add exists, or what they remove is gone.
    pub(crate) shown: BTreeSet<usize>,
    /// Indices of changes that have another fault.
    pub(crate) faulty: BTreeSet<usize>,
}

/// Resolves the changes of a plan. Those from `held` on are pending changes of other plans: they may concern the
/// objects of other changes and may have similar names, because each of them was checked on its own.
pub(crate) fn attempt<'p>(
    plan: &'p Plan,
    index: &Index<'_>,
    only: Option<&BTreeSet<ChangeId>>,
    held: usize,
) -> Result<Vec<ResolvedChange<'p>>, Refused> {
    let changes: Vec<&Change> =
        plan.changes.iter().filter(|c| only.is_none_or(|ids| ids.contains(&c.id.value))).collect();
    let outlines: Vec<Outline> = changes.iter().map(|c| outline(c)).collect();
    let mut resolver = Resolver {
        index,
        names: Names::new(index),
        faults: Vec::new(),
        makers: BTreeMap::new(),
        held,
        shown: BTreeSet::new(),
        faulty: BTreeSet::new(),
    };
    resolver.parties(plan);
    resolver.makers(&outlines, &changes);
    let mut steps: Vec<ResolvedChange<'p>> = Vec::new();
    for (at, (change, outline)) in changes.iter().zip(&outlines).enumerate() {
        let before = resolver.faults.len();
        resolver.patterns(change);
        let taken = resolver.taken(change);
        let depends_on = resolver.uses(change, outline, taken.as_ref());
        resolver.held(change);
        resolver.blame(at, before);
        steps.push(ResolvedChange { change, depends_on, taken, other: at >= held, loose: false });
    }
    let clashes = resolver.conflicts(&steps, &outlines);
    resolver.deletions(&steps, &outlines, &clashes);
    let order = resolver.close(&mut steps);
    if resolver.faults.is_empty() && order {
        Ok(steps)
    } else {
        Err(Refused { findings: resolver.faults, shown: resolver.shown, faulty: resolver.faulty })
    }
}

/// The names and changes of a plan during resolution.
pub(crate) struct Resolver<'r, 's> {
    pub(crate) index: &'r Index<'s>,
    names: Names<'r, 's>,
    pub(crate) faults: Vec<Finding>,
    /// The index of the change that creates each object.
    makers: BTreeMap<Name, usize>,
    /// The index from which on the changes belong to other plans.
    pub(crate) held: usize,
    shown: BTreeSet<usize>,
    pub(crate) faulty: BTreeSet<usize>,
}

impl Resolver<'_, '_> {
    /// Checks that the snapshot contains the proposer and the sponsor.
    fn parties(&mut self, plan: &Plan) {
        let proposer = (Code::UnknownProposer, "proposer", Some(&plan.proposer));
        let sponsor = (Code::UnknownSponsor, "sponsor", plan.on_behalf_of.as_ref());
        for (code, role, who) in [proposer, sponsor] {
            let Some(who) = who else { continue };
            if self.index.identity(who.value.as_str()).is_none() {
                let message = format!("the {role} `{}` is not an identity of the snapshot", who.value.as_str());
                self.fault(code, message, &who.place, NameKind::Identity, who.value.as_str());
            }
        }
    }

    /// Attributes the findings since `before` to one change.
    fn blame(&mut self, at: usize, before: usize) {
        for fault in self.faults.get(before..).unwrap_or_default() {
            let done = matches!(fault.code, Code::AlreadyExists | Code::UnknownPermission);
            let of = if done { &mut self.shown } else { &mut self.faulty };
            of.insert(at);
        }
    }

    fn fault(&mut self, code: Code, message: String, place: &Place, kind: NameKind, name: &str) {
        // WHY: findings about pending changes are not shown here, and each suggestion compares with every known name.
        let near = if self.held == usize::MAX { self.names.nearest(kind, name) } else { None };
        let help = near.map_or_else(
            || "add it to the system and export a new snapshot, or correct the name".to_owned(),
            |near| format!("the nearest known name is `{near}`"),
        );
        self.faults.push(Finding::new(code, message).at(place).help(help));
    }

    /// Records which change creates which object. A new name must not exist yet and must not look like a known one.
    fn makers(&mut self, outlines: &[Outline], changes: &[&Change]) {
        let mut looks: BTreeMap<(NameKind, (crate::access::change::confusables::Form, String)), Text> = BTreeMap::new();
        for (at, (outline, change)) in outlines.iter().zip(changes).enumerate() {
            let Some(name) = &outline.makes else { continue };
            self.makers.entry(name.clone()).or_insert(at);
            let place = &change.action_place;
            let family = family(name.0);
            let before = self.faults.len();
            if self.known(family, name.1.raw()) {
                let message = format!("change `{}` makes `{}`, which exists", id(change), name.1.raw());
                self.faults.push(
                    Finding::new(Code::AlreadyExists, message)
                        .at(place)
                        .help("alter the existing one, or choose a new name"),
                );
                self.blame(at, before);
            }
            if at >= self.held {
                continue;
            }
            if let Some(c) = crate::access::change::confusables::unusual(name.1.raw()) {
                let message = format!(
                    "change `{}` creates `{}`, whose name contains the character U+{:04X}",
                    id(change),
                    name.1.raw(),
                    u32::from(c)
                );
                self.faults.push(
                    Finding::new(Code::IdCharacter, message)
                        .at(place)
                        .help("use letters, digits and ASCII punctuation"),
                );
            }
            if self.faults.len() == before
                && let Some(like) = self.names.lookalike(family, name.1.raw())
            {
                let message = format!(
                    "change `{}` creates `{}`, which looks like the existing `{like}`",
                    id(change),
                    name.1.raw()
                );
                self.faults.push(
                    Finding::new(Code::Confusable, message)
                        .at(place)
                        .help("choose a name that cannot be confused with it"),
                );
            }
            for form in crate::access::change::confusables::forms(name.1.raw()) {
                let other = looks.entry((family, form)).or_insert_with(|| name.1.clone()).clone();
                if other != name.1 {
                    let message = format!("`{}` and `{}`, both new, look alike", name.1.raw(), other.raw());
                    self.faults.push(
                        Finding::new(Code::Confusable, message).at(place).help("choose names that cannot be confused"),
                    );
                    break;
                }
            }
        }
    }

    fn known(&self, kind: NameKind, name: &str) -> bool {
        self.index.knows(kind, name)
    }

    fn maker(&self, name: &Name) -> Option<usize> {
        let direct = self.makers.get(name).copied();
        match name.0 {
            NameKind::Subject => {
                let of = |kind| self.makers.get(&(kind, name.1.clone())).copied();
                direct.or_else(|| of(NameKind::Identity)).or_else(|| of(NameKind::Group))
            }
            NameKind::Identity
            | NameKind::Group
            | NameKind::Role
            | NameKind::Resource
            | NameKind::Assignment
            | NameKind::Trust
            | NameKind::Credential
            | NameKind::Alert => direct,
        }
    }

    /// Checks the names that a change uses. Returns its direct dependencies.
    fn uses(&mut self, change: &Change, outline: &Outline, taken: Option<&Taken>) -> BTreeSet<usize> {
        let mut depends = BTreeSet::new();
        // An unresolved name can be removed where the snapshot itself contains it.
        let lenient = taken.is_some() || matches!(change.action, Action::RemoveInclude(..));
        for used in &outline.uses {
            let (kind, name) = (used.name.0, used.name.1.raw());
            if kind == NameKind::Subject && self.index.identity(name).is_some() && self.index.group(name).is_some() {
                let message = format!("`{name}` is both an identity and a group of the snapshot");
                self.faults.push(
                    Finding::new(Code::DuplicateId, message).at(&used.place).help("rename one of them in the source"),
                );
            }
            if self.known(kind, name) {
                continue;
            }
            if let Some(maker) = self.maker(&used.name) {
                depends.insert(maker);
            } else if !(lenient && used.reduces || taken.is_some()) {
                let what = word(kind);
                let message =
                    format!("change `{}` names the {what} `{name}`, which is not in the snapshot", id(change));
                self.fault(unknown(kind), message, &used.place, kind, name);
            }
        }
        depends
    }

    /// Finds the assignment that a `revoke` or `adjust` refers to.
    fn taken(&mut self, change: &Change) -> Option<Taken> {
        let (Action::Revoke(wanted) | Action::Adjust(wanted)) = &change.action else { return None };
        let who = wanted.to.value.raw();
        let entitled = entitlement(&wanted.target);
        let matches = |a: &Assignment| match &entitled {
            Entitlement::Role(role) => a.role.as_ref() == Some(role),
            Entitlement::Membership(group) => a.member_of.as_ref() == Some(group),
        };
        let scope = wanted.scope.as_ref().map(|s| &s.value);
        let held: Vec<(usize, &Assignment)> = self.index.held_by(who).filter(|(_, a)| matches(a)).collect();
        let here: Vec<(usize, &Assignment)> = held.iter().copied().filter(|(_, a)| a.scope.as_ref() == scope).collect();
        if let Some(named) = &wanted.assignment {
            if let Some((at, _)) = here.iter().find(|(_, a)| a.id == named.value) {
                return Some(Taken::Assigned(*at));
            }
            let known = self.index.assignment_by_id(&named.value).is_some();
            let message = if known {
                format!("assignment `{}` has another holder, entitlement or scope", named.value.as_str())
            } else {
                format!("the snapshot has no assignment `{}`", named.value.as_str())
            };
            self.fault(Code::UnknownAssignment, message, &named.place, NameKind::Assignment, named.value.as_str());
            return None;
        }
        match here.as_slice() {
            [(at, _)] => return Some(Taken::Assigned(*at)),
            [_, ..] => {
                let names: Vec<&str> = here.iter().take(8).map(|(_, a)| a.id.as_str()).collect();
                let message = format!("change `{}` matches {} assignments", id(change), here.len());
                self.faults.push(
                    Finding::new(Code::AmbiguousAssignment, message)
                        .at(&wanted.to.place)
                        .help(format!("name one with `assignment:`: `{}`", names.join("`, `"))),
                );
                return None;
            }
            [] => {}
        }
        if let (Entitlement::Membership(group), None) = (&entitled, scope)
            && let Some(listed) = self.index.group(group.as_str())
            && (listed.members.iter().any(|m| m.as_str() == who) || listed.nested.iter().any(|m| m.as_str() == who))
        {
            return Some(Taken::Listed(group.clone(), wanted.to.value.clone()));
        }
        self.no_assignment(change, wanted, &held);
        None
    }

    fn no_assignment(&mut self, change: &Change, wanted: &AssignmentChange, held: &[(usize, &Assignment)]) {
        let entitled = entitlement(&wanted.target);
        // If a name is unknown, that is reported instead.
        let (what, kind) = match &entitled {
            Entitlement::Role(_) => ("role", NameKind::Role),
            Entitlement::Membership(_) => ("membership of", NameKind::Group),
        };
        let reported = |kind, name: &str| !self.known(kind, name) && self.maker(&(kind, name.into())).is_none();
        if reported(NameKind::Subject, wanted.to.value.raw()) || reported(kind, entitled.as_str()) {
            return;
        }
        let place = |scope: Option<&ResourceId>| {
            scope.map_or_else(|| "everywhere".to_owned(), |scope| format!("at `{}`", scope.as_str()))
        };
        let wanted_at = wanted.scope.as_ref().map(|scope| &scope.value);
        let (who, name) = (wanted.to.value.raw(), entitled.as_str());
        let (message, advice) = if held.is_empty() {
            let at = wanted_at.map_or_else(String::new, |scope| format!(" at `{}`", scope.as_str()));
            let advice = "correct the holder or the entitlement; a membership by a group's rule cannot be revoked";
            (format!("change `{}`: `{who}` does not have the {what} `{name}`{at}", id(change)), advice.to_owned())
        } else {
            let mut known: Vec<String> = held.iter().take(8).map(|(_, a)| place(a.scope.as_ref())).collect();
            let more = held.len().saturating_sub(known.len());
            known.extend((more > 0).then(|| format!("and {more} more")));
            let advice = match held.iter().find_map(|(_, a)| a.scope.as_ref()) {
                Some(scope) => format!("write `scope: {}`; each scope needs a change of its own", scope.as_str()),
                None => "leave out `scope`".to_owned(),
            };
            let (known, wanted_at) = (known.join(", "), place(wanted_at));
            (format!("change `{}`: `{who}` has the {what} `{name}` {known}, not {wanted_at}", id(change)), advice)
        };
        self.faults.push(Finding::new(Code::UnknownAssignment, message).at(&wanted.to.place).help(advice));
    }

    /// What a change removes from a role must exist; what it adds must not.
    fn held(&mut self, change: &Change) {
        let role = |id: &crate::input::id::RoleId| self.index.role(id.as_str());
        let found = if let Action::RemovePermission(r, p) = &change.action {
            role(&r.value).is_some_and(|r| !r.permissions.contains(&p.value)).then_some((
                Code::UnknownPermission,
                "removes a permission that the role does not have",
                &p.place,
            ))
        } else if let Action::RemoveInclude(r, i) = &change.action {
            role(&r.value).is_some_and(|r| !r.includes.contains(&i.value)).then_some((
                Code::UnknownPermission,
                "removes an include that the role does not have",
                &i.place,
            ))
        } else if let Action::AddPermission(r, p) = &change.action {
            role(&r.value).is_some_and(|r| r.permissions.contains(&p.value)).then_some((
                Code::AlreadyExists,
                "adds a permission that the role has",
                &p.place,
            ))
        } else if let Action::AddInclude(r, i) = &change.action {
            role(&r.value).is_some_and(|r| r.includes.contains(&i.value)).then_some((
                Code::AlreadyExists,
                "adds an include that the role has",
                &i.place,
            ))
        } else if let Action::RemoveTrust(t) = &change.action {
            let rules = &self.index.snapshot().trust_rules;
            rules.iter().any(|rule| rule.id == t.value).then_some((
                Code::UnknownTrust,
                "removes a trust that is a rule of the system",
                &t.place,
            ))
        } else {
            None
        };
        if let Some((code, what, place)) = found {
            let message = format!("change `{}` {what}", id(change));
            self.faults
                .push(Finding::new(code, message).at(place).help("compare with the snapshot, or drop the change"));
        }
    }
}

pub(crate) fn id(change: &Change) -> &str {
    change.id.value.as_str()
}

/// The kind among whose names a new name must be distinguishable. Identities and groups share one.
fn family(kind: NameKind) -> NameKind {
    match kind {
        NameKind::Subject | NameKind::Identity | NameKind::Group => NameKind::Subject,
        other @ (NameKind::Role
        | NameKind::Resource
        | NameKind::Assignment
        | NameKind::Trust
        | NameKind::Credential
        | NameKind::Alert) => other,
    }
}

fn unknown(kind: NameKind) -> Code {
    match kind {
        NameKind::Subject | NameKind::Identity => Code::UnknownIdentity,
        NameKind::Group => Code::UnknownGroup,
        NameKind::Role => Code::UnknownRole,
        NameKind::Resource => Code::UnknownResource,
        NameKind::Assignment => Code::UnknownAssignment,
        NameKind::Trust => Code::UnknownTrust,
        NameKind::Credential => Code::UnknownCredential,
        NameKind::Alert => Code::UnknownAlert,
    }
}

fn word(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Subject => "identity or group",
        NameKind::Identity => "identity",
        NameKind::Group => "group",
        NameKind::Role => "role",
        NameKind::Resource => "resource",
        NameKind::Assignment => "assignment",
        NameKind::Trust => "trust",
        NameKind::Credential => "credential",
        NameKind::Alert => "finding of the source system",
    }
}
