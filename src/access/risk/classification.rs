//! Classification: the sensitivity of an access, a role or a membership, and whether it is privileged.
//!
//! Applies rules (patterns over system, role, group, action, resource) and returns the highest sensitivity with the
//! reasons. Errs upward: an access that merely overlaps a rule includes what the rule names, and an access is below
//! `unknown` only if one rule, or a label of the snapshot, covers all of it. A role with unknown permissions is
//! critical and privileged. An access is compared with the rules for its own action and with those that have patterns;
//! results are cached by role and permission.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::effective::role::{Allow, ResolvedRole};
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::matching::coverage::{Surely, scope_covers, scopes_overlap};
use crate::access::matching::dialect::Dialect;
use crate::access::matching::pattern::id_matches;
use crate::access::model::facts::Exception;
use crate::access::risk::rating::{Rating, UNRESOLVED_ROLE, unknown};
use crate::access::risk::rules::{Classification, ClassificationRule, Meets};
use crate::input::entitlement::{Effect, Permission, Sensitivity};
use crate::input::id::{GroupId, ResourceId, RoleId, Subject};
use crate::input::system::System;
use crate::input::text::Text;
use crate::snapshot::model::UNRESOLVED;

/// One pair of patterns of a rule. A missing pattern matches anything.
#[derive(Clone, Copy, Debug)]
struct Pair<'c> {
    rule: &'c ClassificationRule,
    action: Option<&'c Text>,
    resource: Option<&'c Text>,
}

/// What a permission is compared as: its scope and its exceptions.
#[derive(Clone, Copy)]
struct Subtracted<'a> {
    permission: &'a Permission,
    /// The system of the permission, as in [`AccessState::system_of`].
    system: Option<&'a System>,
    in_namespace: bool,
    scope: Option<&'a ResourceId>,
    exceptions: &'a [Exception],
}

/// How a scope relates to each scope that rules name: inside it, or overlapping it.
type ScopeRelation = Vec<(bool, bool)>;
/// By system and action pattern, the indices of the pairs whose actions overlap it.
type KnownCandidates = BTreeMap<(Option<System>, Text), Rc<[usize]>>;
type Known = BTreeMap<(RoleId, Permission, ScopeRelation, bool), Rating>;
type KnownRoles = BTreeMap<(RoleId, usize, ScopeRelation), (Rc<ResolvedRole>, Rating)>;

/// Applies a classification and caches the results. A rule applies only to its own system.
#[derive(Debug)]
pub(crate) struct Classifier<'c> {
    /// In the order of the rules. INVARIANT: the indices in `plain` and `wild` are ascending.
    pairs: Vec<Pair<'c>>,
    plain: HashMap<Box<str>, Vec<usize>>,
    wild: Vec<usize>,
    /// Rules that name a role or a group, without patterns for permissions.
    names: Vec<&'c ClassificationRule>,
    scopes: Vec<&'c ResourceId>,
    candidates: RefCell<KnownCandidates>,
    /// The allows of labelled roles in the snapshot.
    allowed: RefCell<BTreeMap<RoleId, Rc<BTreeSet<Permission>>>>,
    known: RefCell<Known>,
    /// Keyed by the address of the flattened role. The role is kept alive so that its address is not reused.
    roles: RefCell<KnownRoles>,
}

impl<'c> Classifier<'c> {
    pub(crate) fn new(classification: &'c Classification) -> Self {
        let mut made = Self {
            pairs: Vec::new(),
            plain: HashMap::new(),
            wild: Vec::new(),
            names: Vec::new(),
            scopes: Vec::new(),
            candidates: RefCell::default(),
            allowed: RefCell::default(),
            known: RefCell::default(),
            roles: RefCell::default(),
        };
        for rule in &classification.rules {
            if let Some(scope) = &rule.scope
                && !made.scopes.contains(&scope)
            {
                made.scopes.push(scope);
            }
            if rule.names_what_it_is_about() {
                made.names.push(rule);
                continue;
            }
            for (action, resource) in rule.pairs() {
                let at = made.pairs.len();
                // A rule about every system is compared with each in the dialect of that system.
                let system = rule.system.as_ref().filter(|_| !rule.generic).map(System::named);
                let dialect = system.as_ref().map(|system| Dialect::of(Some(system)));
                match dialect.zip(action).and_then(|(dialect, action)| dialect.plain_action(action.raw())) {
                    Some(plain) => made.plain.entry(plain.into()).or_default().push(at),
                    None => made.wild.push(at),
                }
                made.pairs.push(Pair { rule, action, resource });
            }
        }
        made
    }

    fn placed(&self, view: &AccessState<'_, '_>, scope: Option<&ResourceId>) -> ScopeRelation {
        let lies =
            |named: &&ResourceId| (scope_covers(view, Some(named), scope), scopes_overlap(view, Some(named), scope));
        self.scopes.iter().map(lies).collect()
    }

    /// A permission that a role gives, without its exceptions. A membership includes what it gives.
    pub(crate) fn permission(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        permission: &Permission,
        scope: Option<&ResourceId>,
        exceptions: &[Exception],
    ) -> Rating {
        let mut verdict = self.by_rules(view, role, permission, scope, exceptions);
        verdict.raise(&self.membership(view, role, permission));
        verdict
    }

    fn by_rules(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        permission: &Permission,
        scope: Option<&ResourceId>,
        exceptions: &[Exception],
    ) -> Rating {
        let in_namespace = view.is_in_namespace(scope);
        let key = (role.clone(), permission.clone(), self.placed(view, scope), in_namespace);
        let known = || self.known.borrow().get(&key).cloned();
        if let Some(known) = known().filter(|_| exceptions.is_empty()) {
            return known;
        }
        let system = view.system_of(role);
        let held = Subtracted { permission, system: system.as_ref(), in_namespace, scope, exceptions };
        let verdict = self.judge(view, role, held, &key.2);
        if exceptions.is_empty() {
            self.known.borrow_mut().insert(key, verdict.clone());
        }
        verdict
    }

    fn judge(&self, view: &AccessState<'_, '_>, role: &RoleId, held: Subtracted<'_>, placed: &ScopeRelation) -> Rating {
        let dialect = view.systems.dialect_in(held.system, held.in_namespace);
        let (action, resource) = (held.permission.action.raw(), held.permission.resource.raw());
        let mut verdict = Rating::default();
        let (mut classified, mut by_words) = (false, false);
        // WHY: access that a rule of the system or the site covers is classified; a baseline is for the rest.
        let candidates = self.candidates(view, held);
        let (baseline, rules): (Vec<&Pair<'c>>, Vec<&Pair<'c>>) =
            candidates.iter().filter_map(|at| self.pairs.get(*at)).partition(|pair| pair.rule.generic);
        for pairs in [rules, baseline] {
            if classified {
                break;
            }
            by_words = pairs.iter().any(|pair| pair.rule.generic);
            for pair in pairs {
                let named = pair.rule.role.as_ref().is_none_or(|pattern| id_matches(pattern, role.as_str()));
                let (within, overlaps) = self.lies(pair.rule, placed);
                if named && overlaps && pair.meets(view, held) && !pair.is_taken(view, held) {
                    verdict.raise(&Rating::of(pair.rule));
                    classified |=
                        within && pair.rule.sensitivity != Sensitivity::Unknown && pair.classifies(view, held);
                }
            }
        }
        if dialect.is_every_action(action) && dialect.is_every_resource(resource) {
            verdict.everything = true;
            verdict.raise(&Rating {
                sensitivity: Sensitivity::Critical,
                privileged: Some("any action on any resource".into()),
                ..Rating::default()
            });
        }
        self.naming_role(role).for_each(|named| verdict.raise(&named));
        // WHY: a label describes the permissions that the role has in the snapshot; it does not cover what a change
        // adds.
        let labels = self.labels(view, role);
        for label in &labels {
            verdict.raise(label);
        }
        let labelled = !labels.is_empty() && self.stands_in(view, role, held);
        if labelled && !classified {
            let known_elsewhere = self.pairs.iter().filter(|pair| pair.is_of_another_system(view, held));
            known_elsewhere.for_each(|pair| verdict.raise(&Rating::of(pair.rule)));
        }
        verdict.presumed = classified && by_words && !labelled;
        classified |= labelled;
        if !classified && verdict.sensitivity <= Sensitivity::Unknown {
            verdict.raise(&Rating::unclassified());
        }
        verdict
    }

    /// Whether a role of the snapshot has a permission itself.
    fn stands_in(&self, view: &AccessState<'_, '_>, role: &RoleId, held: Subtracted<'_>) -> bool {
        let dialect = view.systems.dialect(held.system);
        let Subtracted { permission, exceptions, .. } = held;
        let allowed = Rc::clone(self.allowed.borrow_mut().entry(role.clone()).or_insert_with(|| {
            let known = view.index.role(role.as_str()).into_iter().flat_map(|known| &known.permissions);
            Rc::new(known.filter(|p| p.effect == Effect::Allow).cloned().collect())
        }));
        let gives = |known: &Permission| {
            (known.condition.is_none() || known.condition == permission.condition)
                && dialect.action_covers(known.action.raw(), permission.action.raw())
                && dialect.resource_covers(known.resource.raw(), permission.resource.raw())
                && known.except.iter().all(|out| {
                    permission.except.contains(out)
                        || exceptions.iter().any(|e| e.action == out.action && e.resource == out.resource)
                })
        };
        allowed.contains(permission) || allowed.iter().any(gives)
    }

    /// The pairs whose actions overlap a pattern of a system, in the order of the rules.
    fn candidates(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> Rc<[usize]> {
        let system = view.systems.of(held.system);
        let action = &held.permission.action;
        let key = (system.cloned(), action.clone());
        if let Some(known) = self.candidates.borrow().get(&key) {
            return Rc::clone(known);
        }
        let mut places: Vec<usize> = match system.and_then(|_| Dialect::of(system).plain_action(action.raw())) {
            Some(plain) => self.plain.get(&*plain).into_iter().flatten().chain(&self.wild).copied().collect(),
            None => (0..self.pairs.len()).collect(),
        };
        places.sort_unstable();
        let shares = |pair: &Pair<'_>| pair.rule.applies_in(system) && pair.shares_action(view, held);
        places.retain(|at| self.pairs.get(*at).is_some_and(shares));
        let found: Rc<[usize]> = places.into();
        self.candidates.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    /// Whether a scope is inside the scope of a rule, and whether they overlap.
    fn lies(&self, rule: &ClassificationRule, placed: &ScopeRelation) -> (bool, bool) {
        let Some(scope) = &rule.scope else { return (true, true) };
        let at = self.scopes.iter().position(|known| *known == scope);
        at.and_then(|at| placed.get(at)).copied().unwrap_or((false, true))
    }

    /// The ratings of a role of the snapshot by labels and rules, regardless of its permissions.
    fn labels(&self, view: &AccessState<'_, '_>, role: &RoleId) -> Vec<Rating> {
        let Some(known) = view.index.role(role.as_str()) else { return Vec::new() };
        let label = known.sensitivity.filter(|label| *label != Sensitivity::Unknown).map(Rating::label);
        label.into_iter().chain(self.naming_role(role)).collect()
    }

    fn naming_role(&self, role: &RoleId) -> impl Iterator<Item = Rating> {
        let named = |rule: &&&ClassificationRule| rule.role.as_ref().is_some_and(|p| id_matches(p, role.as_str()));
        self.names.iter().filter(named).map(|rule| Rating::of(rule))
    }

    /// The rating of a group by rules, regardless of its permissions; `None` if no rule names it.
    pub(crate) fn naming_group(&self, group: &GroupId) -> Option<Rating> {
        let folded = group.as_str().to_lowercase();
        let id = |rule: &ClassificationRule| if rule.generic { folded.as_str() } else { group.as_str() };
        let named = |rule: &&&ClassificationRule| rule.group.as_ref().is_some_and(|p| id_matches(p, id(rule)));
        self.names.iter().filter(named).map(|rule| Rating::of(rule)).reduce(|mut all, one| {
            all.raise(&one);
            all
        })
    }

    /// An allow of a flattened role.
    pub(crate) fn allow(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        allow: &Allow,
        scope: Option<&ResourceId>,
    ) -> Rating {
        if allow.unknown {
            return unknown(allow.permission.condition.clone());
        }
        if allow.permission.resource.raw().starts_with(UNRESOLVED) {
            return unknown(Some(UNRESOLVED_ROLE.into()));
        }
        self.by_rules(view, allow.chain.last().unwrap_or(role), &allow.permission, scope, &[])
    }

    /// A permission as a role states it, at any scope.
    pub(crate) fn stated(&self, view: &AccessState<'_, '_>, role: &RoleId, permission: &Permission) -> Rating {
        if permission.resource.raw().starts_with(UNRESOLVED) {
            return unknown(Some(UNRESOLVED_ROLE.into()));
        }
        self.permission(view, role, permission, None, &[])
    }

    /// The highest rating among the label of a role, the rules that name it, and its permissions, including those of
    /// roles it includes.
    pub(crate) fn role(&self, view: &AccessState<'_, '_>, role: &RoleId, scope: Option<&ResourceId>) -> Rating {
        let flat = view.flat(role);
        let key = (role.clone(), Rc::as_ptr(&flat).addr(), self.placed(view, scope));
        if let Some((_, known)) = self.roles.borrow().get(&key) {
            return known.clone();
        }
        let verdict = self.flat(view, role, &flat, scope);
        self.roles.borrow_mut().insert(key, (flat, verdict.clone()));
        verdict
    }

    fn flat(
        &self,
        view: &AccessState<'_, '_>,
        role: &RoleId,
        flat: &ResolvedRole,
        scope: Option<&ResourceId>,
    ) -> Rating {
        let mut verdict = Rating::default();
        for id in &flat.roles {
            // A label that the plan adds or removes can raise the rating too.
            let stated = match view.role(id.as_str()) {
                RoleState::Known(known) => known.sensitivity,
                RoleState::Deleted | RoleState::Unknown => None,
            };
            stated.map(Rating::label).iter().for_each(|label| verdict.raise(label));
            self.labels(view, id).iter().for_each(|label| verdict.raise(label));
            self.naming_role(id).for_each(|named| verdict.raise(&named));
        }
        for allow in &flat.allows {
            verdict.raise(&self.allow(view, role, allow, scope));
        }
        verdict
    }

    /// A role that somebody holds. A role without permissions in the snapshot that no rule classifies is unclassified.
    pub(crate) fn held_role(&self, view: &AccessState<'_, '_>, role: &RoleId, scope: Option<&ResourceId>) -> Rating {
        let mut verdict = self.role(view, role, scope);
        let flat = view.flat(role);
        let empty = flat.allows.is_empty() && flat.denies.is_empty();
        // WHY: a label covers the permissions that the role lists, and an empty role lists none.
        if empty && flat.roles.iter().all(|id| self.naming_role(id).next().is_none()) {
            verdict.raise(&Rating::unclassified());
        }
        verdict
    }

    /// A group whose membership a change grants: everything that its members come to hold and can act as, and the rules
    /// about it and the groups it belongs to. A group without permissions that no rule names is unclassified.
    pub(crate) fn given_membership(&self, view: &AccessState<'_, '_>, group: &GroupId) -> Rating {
        let subject = Subject::Group(group.clone());
        let own = view.own(&subject);
        let mut named = self.naming_group(group);
        for (above, _) in own.groups.keys() {
            if let Subject::Group(above) = above
                && above != group
                && let Some(verdict) = self.naming_group(above)
            {
                named.get_or_insert_default().raise(&verdict);
            }
        }
        let reached = self.reachable(view, &subject);
        match (named, reached) {
            (None, None) => Rating::unclassified(),
            (named, reached) => {
                let mut verdict = named.unwrap_or_default();
                if let Some(reached) = &reached {
                    verdict.raise(reached);
                }
                verdict
            }
        }
    }
}

impl Pair<'_> {
    /// The dialect in which an access is compared with the rule, and what it is compared as. A baseline ignores case,
    /// because it applies to systems with different spellings.
    fn comparison<'h, 'v>(
        &self,
        view: &AccessState<'v, '_>,
        held: Subtracted<'h>,
    ) -> (Dialect<'v>, Cow<'h, str>, Cow<'h, str>) {
        let system = self.rule.system.as_ref().map(System::named);
        let dialect = view.systems.dialect_for(system.as_ref(), held.system, held.in_namespace);
        let folded = |text: &'h Text| {
            if self.rule.generic { Cow::Owned(text.raw().to_ascii_lowercase()) } else { Cow::Borrowed(text.raw()) }
        };
        (dialect, folded(&held.permission.action), folded(&held.permission.resource))
    }

    fn shares_action(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> bool {
        let (dialect, action, _) = self.comparison(view, held);
        self.action.is_none_or(|rule| dialect.actions_overlap(&action, rule.raw()))
    }

    /// Whether the rule is about another system and describes an access of a system without a dialect of its own. WHY: a
    /// label of the snapshot does not make it harmless to read `core:secrets`.
    fn is_of_another_system(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> bool {
        let Some(System::Other(own)) = view.systems.of(held.system) else { return false };
        let Some(system) = self.rule.system.as_ref().filter(|system| *system != own) else { return false };
        let is_specific = |pattern: &Text| pattern.raw().contains([':', '.', '/']);
        let dialect = Dialect::of(Some(&System::named(system)));
        let Permission { action, resource, .. } = held.permission;
        let names = |held: &Text, rule: Option<&Text>| is_specific(held) && rule.is_some_and(is_specific);
        // A rule about wildcards says nothing of a text in which its wildcards have another meaning.
        self.rule.meets == Meets::Overlaps
            && (names(action, self.action) || names(resource, self.resource))
            && self.action.is_none_or(|rule| dialect.actions_overlap(action.raw(), rule.raw()))
            && self.resource.is_none_or(|rule| dialect.resources_overlap(resource.raw(), rule.raw()))
    }

    fn meets(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> bool {
        let (dialect, action, resource) = self.comparison(view, held);
        // A pattern that is missing in the rule has no effect, even if the access must cover the rule.
        match self.rule.meets {
            Meets::Overlaps => {
                let named = |pattern: Option<&Text>| pattern.map_or_else(|| "*".to_owned(), |p| p.raw().to_owned());
                let rule = (named(self.action), named(self.resource));
                dialect.overlaps((&*action, &*resource), (&*rule.0, &*rule.1))
            }
            Meets::Covers => {
                self.action.is_none_or(|rule| dialect.action_gives(&action, rule.raw()))
                    && self.resource.is_none_or(|rule| dialect.resource_gives(&resource, rule.raw()))
            }
        }
    }

    /// Whether all of an access is classified by this rule, which matches it.
    fn classifies(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> bool {
        let (dialect, action, resource) = self.comparison(view, held);
        match self.rule.meets {
            Meets::Overlaps => {
                self.action.is_none_or(|rule| dialect.action_covers(rule.raw(), &action))
                    && self.resource.is_none_or(|rule| dialect.resource_covers(rule.raw(), &resource))
            }
            // WHY: an access wider than the rule also includes unclassified access. From `high` on, that does not raise
            // the rating.
            Meets::Covers => self.rule.sensitivity > Sensitivity::Unknown,
        }
    }

    /// Whether an exception covers the whole overlap of the rule and the access, for as long as the access lasts.
    fn is_taken(&self, view: &AccessState<'_, '_>, held: Subtracted<'_>) -> bool {
        let dialect = view.systems.dialect(held.system);
        let any = Text::from("*");
        let (action, resource) = (self.action.unwrap_or(&any), self.resource.unwrap_or(&any));
        held.exceptions.iter().any(|e| {
            e.system.as_ref() == held.system
                && scope_covers(&Surely(view), e.scope.as_ref(), held.scope)
                && e.until.is_none()
                && [&held.permission.action, action].iter().any(|p| dialect.action_covers(e.action.raw(), p.raw()))
                && [&held.permission.resource, resource]
                    .iter()
                    .any(|p| dialect.deny_covers_resource(e.resource.raw(), p.raw()))
        })
    }
}
