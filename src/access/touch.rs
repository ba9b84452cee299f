//! Touched: whom changes can concern, and nobody else.
//!
//! In: two states and the subjects that the changes between them name. Out: whose own holdings may differ (those, and the
//! members of their groups), and whose reach may (those, and whoever can act as them). Errs towards more subjects; what is
//! left out is provably as before.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::coverage::{ancestry, scope_covers};
use crate::access::delta::Delta;
use crate::access::reach::Wanted;
use crate::access::view::{Holders, Touched, View};
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;

impl<'v, 's> View<'v, 's> {
    /// Lays an overlay over the plain snapshot, knowing whom it touches.
    pub(super) fn touching(plain: &'v View<'v, 's>, delta: Delta, seeds: impl Fn(&Self) -> BTreeSet<Subject>) -> Self {
        let mut view = View::over(plain, delta);
        let own = closure(&seeds(&view), |subject| match subject {
            Subject::Group(group) => &plain.members(group) | &view.members(group),
            Subject::Identity(_) => BTreeSet::new(),
        });
        let reach = closure(&own, |subject| &plain.behind(subject) | &view.behind(subject));
        view.touched = Some(Touched::new(own, reach));
        view.same_edges = view.acts_as_before(plain);
        view
    }

    /// Whether nobody can act as others than in the plain snapshot.
    fn acts_as_before(&self, plain: &Self) -> bool {
        let Some(touched) = &self.touched else { return true };
        if self.delta.alters_subjects() {
            return false;
        }
        let required: BTreeSet<_> = self.delta.trusts.iter().filter_map(|(t, _)| t.requires.as_ref()).collect();
        let required: Vec<_> = self.index.required().iter().chain(required).collect();
        touched.reach.iter().filter(|s| touched.holds_other(s)).all(|subject| {
            let (before, after) = (plain.edges(subject), self.edges(subject));
            let same = before.len() == after.len() && before.iter().zip(after.iter()).all(|(a, b)| a.equals(b));
            same && required.iter().all(|r| {
                let wanted = Wanted { action: &r.action, resource: &r.resource, scope: r.scope.as_ref() };
                plain.holds(&plain.own(subject), &wanted).ends() == self.holds(&self.own(subject), &wanted).ends()
            })
        })
    }

    /// Who stands directly behind a subject: members of a group, and who might act as it.
    pub(super) fn behind(&self, subject: &Subject) -> BTreeSet<Subject> {
        let mut found = match subject {
            Subject::Group(group) => self.members(group),
            Subject::Identity(_) => BTreeSet::new(),
        };
        for trust in self.trusts_to(subject) {
            found.extend(self.trusting(trust));
        }
        let plain = self.below.unwrap_or(self);
        let rules = self.index.rule_targets();
        if !rules.is_empty() {
            let holders = plain.rule_holders();
            for (rule, by_scope) in rules.iter().zip(holders.iter()) {
                let Some((scope, _)) = rule.target(subject) else { continue };
                self.holders_in(by_scope, scope.as_ref(), &mut found);
            }
        }
        found
    }

    fn holders_in(
        &self,
        by_scope: &BTreeMap<Option<ResourceId>, BTreeSet<Subject>>,
        scope: Option<&ResourceId>,
        found: &mut BTreeSet<Subject>,
    ) {
        let Some(scope) = scope else {
            found.extend(by_scope.values().flatten().cloned());
            return;
        };
        for key in ancestry(self, scope).into_iter().map(Some).chain([None]) {
            found.extend(by_scope.get(&key).into_iter().flatten().cloned());
        }
        if self.has_children(scope) {
            let below = by_scope.iter().filter(|(key, _)| scope_covers(self, Some(scope), key.as_ref()));
            found.extend(below.flat_map(|(_, holders)| holders).cloned());
        }
    }

    /// For each rule, who holds a role with a permission that may make it hold, by scope; of the plain snapshot, once.
    fn rule_holders(&self) -> Rc<Holders> {
        if let Some(known) = &self.worked.borrow().holders {
            return Rc::clone(known);
        }
        let snapshot = self.index.snapshot();
        let mut all = Holders::new();
        for (rule, targets) in snapshot.trust_rules.iter().zip(self.index.rule_targets()) {
            let open: Text = targets.open_resource.as_str().into();
            let mut by_scope: BTreeMap<Option<ResourceId>, BTreeSet<Subject>> = BTreeMap::new();
            for role in &snapshot.roles {
                if self.flat(&role.id).overlapping(self.dialect, &rule.action, &open).is_empty() {
                    continue;
                }
                for assignment in self.of_role(&role.id) {
                    by_scope.entry(assignment.scope.clone()).or_default().extend(self.subjects(assignment.who.raw()));
                }
            }
            all.push(by_scope);
        }
        let all = Rc::new(all);
        self.worked.borrow_mut().holders = Some(Rc::clone(&all));
        all
    }

    /// Who holds a role, or one that includes it, by an assignment, and whom it bounds.
    pub(super) fn holders_of(&self, role: &RoleId) -> BTreeSet<Subject> {
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

    /// Who holds an assignment at a resource or below it.
    pub(super) fn holders_at(&self, resource: &ResourceId) -> BTreeSet<Subject> {
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

/// Everything reached from a set, itself included.
pub(super) fn closure<T: Ord + Clone>(from: &BTreeSet<T>, next: impl Fn(&T) -> BTreeSet<T>) -> BTreeSet<T> {
    let mut seen = from.clone();
    let mut queue: Vec<T> = from.iter().cloned().collect();
    while let Some(at) = queue.pop() {
        for item in next(&at) {
            if seen.insert(item.clone()) {
                queue.push(item);
            }
        }
    }
    seen
}
