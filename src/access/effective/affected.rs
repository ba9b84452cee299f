//! Affected subjects: the subjects whose access may differ between two states.
//!
//! From the subjects that the changes name, computes the set whose own holdings may differ (those, and the members of
//! their groups) and the set whose reach may differ (those, and the subjects that can act as them). Over-approximates:
//! a subject that is left out provably has the same access in both states.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::holdings::Holding;
use crate::access::effective::memo::Holders;
use crate::access::effective::role::ResolvedRole;
use crate::access::effective::state::{AccessState, AffectedSubjects};
use crate::access::graph::closure::closure;
use crate::access::graph::overlay::Overlay;
use crate::access::matching::coverage::{ancestry, scope_covers};
use crate::input::entitlement::Requirement;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::Assignment;

impl<'v, 's> AccessState<'v, 's> {
    /// Applies an overlay to the plain snapshot and computes the affected subjects.
    pub(crate) fn touching(
        plain: &'v AccessState<'v, 's>,
        delta: Overlay,
        seeds: impl Fn(&Self) -> BTreeSet<Subject>,
    ) -> Self {
        let mut view = AccessState::over(plain, delta);
        let own = closure(&seeds(&view), |subject| match subject {
            Subject::Group(group) => &plain.members(group) | &view.members(group),
            Subject::Identity(_) => BTreeSet::new(),
        });
        let reach = view.predecessors(&own);
        view.touched = Some(AffectedSubjects::new(own, reach));
        view
    }

    /// Also computes whether all act-as edges are contained in those of the plain snapshot.
    pub(crate) fn with_compared_edges(self, plain: &Self) -> Self {
        let same_edges = self.acts_as_base(plain);
        Self { same_edges, ..self }
    }

    /// Whether no subject can act as more identities than in the plain snapshot.
    fn acts_as_base(&self, plain: &Self) -> bool {
        let Some(touched) = &self.touched else { return true };
        if self.delta.alters_subjects() {
            return false;
        }
        touched.reach.iter().filter(|s| touched.may_differ(s)).all(|subject| self.same_edges(plain, subject))
    }

    /// Whether the edges of a subject are the same as in the plain snapshot.
    pub(crate) fn same_edges(&self, plain: &Self, subject: &Subject) -> bool {
        self.known_same_edges_as_base(subject, || {
            let made: BTreeSet<Requirement> =
                self.delta.trusts().iter().filter_map(|(t, _)| self.systems.required(t)).collect();
            plain.edges(subject).equals(&self.edges(subject)) && self.satisfies_same_rules(plain, subject, &made)
        })
    }

    /// Whether a subject satisfies the requirements of trusts exactly as in the plain snapshot. `made` has the
    /// requirements of new trusts.
    fn satisfies_same_rules(&self, plain: &Self, subject: &Subject, made: &BTreeSet<Requirement>) -> bool {
        let (was, is) = (plain.own(subject), self.own(subject));
        let same = |r: &Requirement| plain.satisfies(&was, r) == self.satisfies(&is, r);
        // A new resource may be below the scope of a requirement.
        if was.denies != is.denies || !self.delta.resources.is_empty() {
            return self.index.required().iter().all(same) && made.iter().all(same);
        }
        // WHY: a trust of an account may have requirements for everyone in it, while a role satisfies few of hundreds.
        let differs: Vec<&Holding> = was.beyond(&is).chain(is.beyond(&was)).collect();
        let overlaps = |flat: &ResolvedRole, r: &Requirement| {
            !flat.overlapping(self.systems, (&r.action, &r.resource, r.system.as_ref())).is_empty()
        };
        let mut met: BTreeSet<usize> = BTreeSet::new();
        for holding in &differs {
            let required = self.index.required().iter().enumerate();
            let flat = &holding.flat;
            let meets = || required.filter(|(_, r)| overlaps(flat, r)).map(|(at, _)| at).collect();
            met.extend(flat.meets.get_or_init(meets));
        }
        self.index.required().iter().enumerate().filter(|(at, _)| met.contains(at)).all(|(_, r)| same(r))
            && made.iter().filter(|r| differs.iter().any(|holding| overlaps(&holding.flat, r))).all(same)
    }

    /// Some subjects with all their predecessors: members of groups, and the subjects that may act as them, in either
    /// state.
    pub(crate) fn predecessors(&self, from: &BTreeSet<Subject>) -> BTreeSet<Subject> {
        let states: Vec<&Self> = self.below.into_iter().chain([self]).collect();
        let mut seen = from.clone();
        let mut queue: Vec<Subject> = from.iter().cloned().collect();
        let mut lists: BTreeSet<usize> = BTreeSet::new();
        let mut kept: Vec<Rc<BTreeSet<Subject>>> = Vec::new();
        let mut patterns: BTreeSet<(usize, Text)> = BTreeSet::new();
        while let Some(subject) = queue.pop() {
            for (at, state) in states.iter().enumerate() {
                let mut direct = match &subject {
                    Subject::Group(group) => state.members(group),
                    Subject::Identity(_) => BTreeSet::new(),
                };
                for trust in state.trusts_to(&subject) {
                    // WHY: a whole account may be trusted by each of hundreds of roles; the matches of its pattern are
                    // already in the set.
                    if trust.from.raw().contains('*') && !patterns.insert((at, trust.from.clone())) {
                        continue;
                    }
                    direct.extend(state.trusting(trust));
                }
                queue.extend(direct.into_iter().filter(|next| seen.insert(next.clone())));
            }
            let leads = |state: &&&Self| {
                let lends = || state.new_rule_holders().iter().any(|by_scope| !by_scope.is_empty());
                state.below.is_none() || !state.delta.resources.is_empty() || lends()
            };
            for state in states.iter().filter(leads) {
                for list in state.behind_by_rule(&subject) {
                    // INVARIANT: the list is kept alive, so its address is not reused.
                    if lists.insert(Rc::as_ptr(&list).addr()) {
                        queue.extend(list.iter().filter(|next| seen.insert((*next).clone())).cloned());
                        kept.push(list);
                    }
                }
            }
        }
        seen
    }

    /// The subjects that may act as a subject by a trust rule: one list for each class of rules.
    fn behind_by_rule(&self, subject: &Subject) -> Vec<Rc<BTreeSet<Subject>>> {
        let classes = &self.index.rules().classes;
        if classes.is_empty() {
            return Vec::new();
        }
        let plain = self.below.unwrap_or(self);
        let holders = plain.rule_holders();
        let new = self.below.map(|_| self.new_rule_holders());
        let mut found = Vec::new();
        for (at, (class, by_scope)) in classes.iter().zip(holders.iter()).enumerate() {
            let Some(scope) = class.scope_of(subject) else { continue };
            let key = (at, scope);
            let known = self.memo.borrow().rule_behind.get(&key).cloned();
            found.push(known.unwrap_or_else(|| {
                let mut list = self.holders_in(by_scope, key.1.as_ref());
                let new = new.as_ref().and_then(|new| new.get(at));
                list.extend(new.map(|new| self.holders_in(new, key.1.as_ref())).unwrap_or_default());
                let list = Rc::new(list);
                self.memo.borrow_mut().rule_behind.insert(key.clone(), Rc::clone(&list));
                list
            }));
        }
        found
    }

    fn holders_in(
        &self,
        by_scope: &BTreeMap<Option<ResourceId>, BTreeSet<Subject>>,
        scope: Option<&ResourceId>,
    ) -> BTreeSet<Subject> {
        let Some(scope) = scope else { return by_scope.values().flatten().cloned().collect() };
        let mut found = BTreeSet::new();
        for key in ancestry(self, scope).into_iter().map(Some).chain([None]) {
            found.extend(by_scope.get(&key).into_iter().flatten().cloned());
        }
        if self.has_children(scope) {
            let below = by_scope.iter().filter(|(key, _)| scope_covers(self, Some(scope), key.as_ref()));
            found.extend(below.flat_map(|(_, holders)| holders).cloned());
        }
        found
    }

    /// For each class of rules, the subjects with a role whose permissions may satisfy a rule of that class, keyed by
    /// scope, in the plain snapshot.
    fn rule_holders(&self) -> Rc<Holders> {
        if let Some(known) = &self.memo.borrow().holders {
            return Rc::clone(known);
        }
        let classes = self.index.rules().classes.len();
        let mut all: Holders = vec![BTreeMap::new(); classes];
        for role in &self.index.snapshot().roles {
            self.add_rule_holders(&role.id, self.of_role(&role.id), &mut all);
        }
        let all = Rc::new(all);
        self.memo.borrow_mut().holders = Some(Rc::clone(&all));
        all
    }

    /// The same for the changes only: new assignees of a role, and holders of an altered role.
    fn new_rule_holders(&self) -> Rc<Holders> {
        if let Some(known) = &self.memo.borrow().holders {
            return Rc::clone(known);
        }
        let mut all: Holders = vec![BTreeMap::new(); self.index.rules().classes.len()];
        if !all.is_empty() {
            let altered = closure(&self.delta.roles.keys().cloned().collect(), |role| self.including(role));
            for role in &altered {
                self.add_rule_holders(role, self.of_role(role), &mut all);
            }
            let given: BTreeSet<&RoleId> = self.delta.added.iter().filter_map(|a| a.role.as_ref()).collect();
            for role in given {
                self.add_rule_holders(role, self.delta.of_role(role), &mut all);
            }
        }
        let all = Rc::new(all);
        self.memo.borrow_mut().holders = Some(Rc::clone(&all));
        all
    }

    /// Adds the assignees of a role to each class of rules that the role may satisfy.
    fn add_rule_holders<'x>(&self, role: &RoleId, of: impl Iterator<Item = &'x Assignment>, all: &mut Holders) {
        let flat = self.flat(role);
        // The value of a variable depends on the holder, so any resource is assumed.
        let lent =
            if flat.variables { (0..all.len()).collect() } else { self.lends(&flat).classes(self.index.rules()) };
        if lent.is_empty() {
            return;
        }
        for assignment in of {
            let holders = self.subjects(assignment.who.raw());
            for class in &lent {
                let Some(by_scope) = all.get_mut(*class) else { continue };
                by_scope.entry(assignment.scope.clone()).or_default().extend(holders.iter().cloned());
            }
        }
    }

    /// The subjects assigned a role, or a role that includes it, and those that it bounds.
    pub(crate) fn holders_of(&self, role: &RoleId) -> BTreeSet<Subject> {
        let roles = closure(&BTreeSet::from([role.clone()]), |r| self.including(r));
        let mut found = BTreeSet::new();
        for role in &roles {
            for assignment in self.of_role(role) {
                found.extend(self.subjects(assignment.who.raw()));
            }
            found.extend(self.index.limited_by(role.as_str()).iter().map(|i| Subject::Identity(i.id.clone())));
        }
        found
    }

    /// The holders of assignments at a resource or below it.
    pub(crate) fn holders_at(&self, resource: &ResourceId) -> BTreeSet<Subject> {
        let below = closure(&BTreeSet::from([resource.clone()]), |r| {
            self.index.children(r.as_str()).iter().map(|c| c.id.clone()).collect()
        });
        let mut found = BTreeSet::new();
        for id in &below {
            for (_, assignment) in self.index.at_scope(id.as_str()) {
                found.extend(self.subjects(assignment.who.raw()));
            }
            let added = self.delta.added.iter().filter(|a| a.scope.as_ref() == Some(id));
            found.extend(added.flat_map(|a| self.subjects(a.who.raw())));
        }
        found
    }
}
