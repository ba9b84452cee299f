//! Reach: what a subject holds itself, and as whom it can act.
//!
//! In: a state and a subject. Out: its holdings through groups, roles and includes, its denies, and the subjects that it
//! can act as through live trusts and trust rules: the least fixpoint. Cycles are legal. An assignment that has ended at
//! `taken_at` gives nothing; a disabled identity gives nothing, neither to itself nor to whoever could act as it.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::access::compare::left_out;
use crate::access::coverage::{Tree, ancestry, scope_covers, scopes_overlap};
use crate::access::facts::{Exception, Step};
use crate::access::flat::{Allow, Flat};
use crate::access::rules::{RuleTargets, Target};
use crate::access::view::View;
use crate::access::way::{Edge, End, Leg, Way};
use crate::input::entitlement::{Mode, Permission, Requirement};
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::model::TrustRule;

/// A place below which something holds, and whether that is sure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Below {
    pub(super) scope: Option<ResourceId>,
    /// False where two scopes of an unknown tree met: access is then assumed, a deny is not.
    pub(super) sure: bool,
}

impl Below {
    const EVERYWHERE: Self = Self { scope: None, sure: true };

    /// Where both hold; nothing if nowhere.
    fn within(&self, tree: &dyn Tree, scope: Option<&ResourceId>) -> Option<Self> {
        let narrow = |scope: Option<&ResourceId>| Some(Self { scope: scope.cloned(), sure: self.sure });
        if scope_covers(tree, self.scope.as_ref(), scope) {
            return narrow(scope);
        }
        if scope_covers(tree, scope, self.scope.as_ref()) {
            return narrow(self.scope.as_ref());
        }
        let unknown = [self.scope.as_ref(), scope].into_iter().flatten().any(|s| !tree.knows(s));
        unknown.then(|| Self { scope: scope.cloned(), sure: false })
    }
}

/// A role held somewhere.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) role: RoleId,
    pub(super) scope: Option<ResourceId>,
    pub(super) way: Way,
    pub(super) flat: Rc<Flat>,
}

/// What a subject holds itself, before trusts.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// The subject and the groups it belongs to, with the places where it does.
    pub(super) groups: BTreeMap<(Subject, Below), Way>,
    /// Distinct by role and scope, sorted.
    pub(super) holdings: Vec<Holding>,
    /// Unconditional denies in force, sorted.
    pub(super) denies: Rc<[Exception]>,
}

impl Own {
    /// The holding of a role at a scope.
    pub(super) fn holding(&self, role: &RoleId, scope: Option<&ResourceId>) -> Option<&Holding> {
        let at = self.holdings.binary_search_by(|h| (&h.role, h.scope.as_ref()).cmp(&(role, scope))).ok()?;
        self.holdings.get(at)
    }
}

/// As whom a subject can act, itself included.
pub(super) type Row = BTreeMap<Subject, Way>;

/// What must be held for a trust, a rule or a path.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'w> {
    pub(super) action: &'w Text,
    pub(super) resource: &'w Text,
    /// None: in any scope.
    pub(super) scope: Option<&'w ResourceId>,
}

impl View<'_, '_> {
    /// Whether something that ends then is in force at `taken_at`.
    pub(super) fn in_force(&self, until: Option<Time>) -> bool {
        until.is_none_or(|end| end > self.as_of())
    }

    /// What a subject holds itself.
    pub(super) fn own(&self, subject: &Subject) -> Rc<Own> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.holds_other(subject)
        {
            return below.own(subject);
        }
        if let Some(known) = self.worked.borrow().own.get(subject) {
            return Rc::clone(known);
        }
        let own = Rc::new(self.hold(subject));
        self.worked.borrow_mut().own.insert(subject.clone(), Rc::clone(&own));
        own
    }

    fn hold(&self, subject: &Subject) -> Own {
        let mut own = Own::default();
        if self.deleted(subject) || self.disabled(subject) {
            return own;
        }
        let start = (subject.clone(), Below::EVERYWHERE);
        own.groups.insert(start.clone(), Way::start());
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let Some(way) = own.groups.get(&at).cloned() else { continue };
            for membership in self.memberships(&at.0) {
                if !self.in_force(membership.until) {
                    continue;
                }
                let Some(below) = at.1.within(self, membership.scope.as_ref()) else { continue };
                let step = Step::Member(membership.group.clone(), membership.assignment);
                let onward = way.step(&step, membership.mode, End::of(membership.until));
                let next = (Subject::Group(membership.group), below);
                if own.groups.entry(next.clone()).or_default().join(&onward) {
                    queue.push_back(next);
                }
            }
        }
        let mut held: BTreeMap<(RoleId, Option<ResourceId>), (Way, Way)> = BTreeMap::new();
        for ((holder, below), way) in &own.groups {
            for a in self.held_by(holder.as_str()) {
                let (Some(role), true) = (&a.role, self.in_force(a.until)) else { continue };
                let Some(place) = below.within(self, a.scope.as_ref()) else { continue };
                let step = Step::Holds(role.clone(), a.id.clone(), a.mode);
                let onward = way.step(&step, a.mode, End::of(a.until));
                let slot = held.entry((role.clone(), place.scope)).or_default();
                slot.0.join(&onward);
                if place.sure {
                    slot.1.join(&onward);
                }
            }
        }
        let limits = self.limits(subject);
        let mut denies: Vec<Exception> = Vec::new();
        for ((role, scope), (way, sure)) in held {
            let flat = self.personal(subject, &role);
            if let Some(leg) = &sure.now {
                denies.extend(flat.denies.iter().map(|p| Exception {
                    action: p.action.clone(),
                    resource: p.resource.clone(),
                    scope: scope.clone(),
                    until: leg.end.until(),
                    except: p.except.clone(),
                }));
            }
            let flat = if limits.is_empty() { flat } else { self.limited(subject, &role, &limits) };
            own.holdings.push(Holding { role, scope, way, flat });
        }
        // What a limit denies is denied to whoever it bounds.
        for role in limits.iter().flat_map(|limit| &limit.roles) {
            denies.extend(self.personal(subject, role).denies.iter().map(|p| Exception {
                action: p.action.clone(),
                resource: p.resource.clone(),
                scope: None,
                until: None,
                except: p.except.clone(),
            }));
        }
        // Of one deny held several times the latest end counts, as of an allow.
        let latest = |d: &Exception| std::cmp::Reverse(End::of(d.until));
        let what = |d: &Exception| (d.action.clone(), d.resource.clone(), d.scope.clone(), d.except.clone());
        denies.sort_by_cached_key(|d| (what(d), latest(d)));
        denies.dedup_by(|b, a| what(a) == what(b));
        own.denies = denies.into();
        own
    }

    /// How a subject itself, before trusts, holds something wanted.
    pub(super) fn holds(&self, own: &Own, wanted: &Wanted<'_>) -> Way {
        let mut best = Way::default();
        for holding in &own.holdings {
            if wanted.scope.is_some() && !scopes_overlap(self, holding.scope.as_ref(), wanted.scope) {
                continue;
            }
            for allow in holding.flat.overlapping(self.dialect, wanted.action, wanted.resource) {
                best.join(&self.unless_denied(own, holding, allow, wanted));
            }
        }
        best
    }

    /// The way to an allow that overlaps something wanted, less what one deny takes.
    pub(super) fn unless_denied(&self, own: &Own, holding: &Holding, allow: &Allow, wanted: &Wanted<'_>) -> Way {
        let left_out = left_out(&allow.permission);
        let through = |leg: &Leg| {
            let denied = own.denies.iter().chain(&left_out).any(|deny| {
                End::of(deny.until) >= leg.end
                    && self.denies_overlap(deny, &allow.permission, holding.scope.as_ref(), wanted)
            });
            (!denied).then(|| Leg { end: leg.end, trail: allow.trail(&leg.trail) })
        };
        Way { now: holding.way.now.as_ref().and_then(through), ever: holding.way.ever.as_ref().and_then(through) }
    }

    /// Whether one deny covers all that an allow and something wanted share.
    fn denies_overlap(
        &self,
        deny: &Exception,
        allow: &Permission,
        held: Option<&ResourceId>,
        wanted: &Wanted<'_>,
    ) -> bool {
        let dialect = self.dialect;
        // The narrower of two overlapping scopes is all that they share.
        let shared = match wanted.scope {
            Some(scope) if scope_covers(self, held, Some(scope)) => Some(scope),
            Some(_) | None => held,
        };
        let action = |p: &Text| dialect.action_covers(deny.action.raw(), p.raw());
        let resource = |p: &Text| dialect.resource_covers(deny.resource.raw(), p.raw());
        // WHY: what two patterns share lies within either; if the deny covers neither, more access is assumed.
        scope_covers(self, deny.scope.as_ref(), shared)
            && (action(&allow.action) || action(wanted.action))
            && (resource(&allow.resource) || resource(wanted.resource))
            // WHY: what is left out of a deny may be just what is wanted.
            && !deny.except.iter().any(|e| {
                let overlap = |action: &Text, resource: &Text| {
                    dialect.actions_overlap(e.action.raw(), action.raw())
                        && dialect.resources_overlap(e.resource.raw(), resource.raw())
                };
                overlap(&allow.action, &allow.resource) && overlap(wanted.action, wanted.resource)
            })
    }

    /// As whom a subject can act next, by trusts and rules, whether or not what a trust requires is held.
    pub(super) fn edges(&self, subject: &Subject) -> Rc<Vec<Edge>> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched) {
            let same_targets = !self.delta.alters_subjects() || !touched.reach.contains(subject);
            if same_targets && !touched.holds_other(subject) {
                return below.edges(subject);
            }
        }
        if let Some(known) = self.worked.borrow().edges.get(subject) {
            return Rc::clone(known);
        }
        let own = self.own(subject);
        let mut edges: BTreeMap<(Subject, Option<Requirement>), Way> = BTreeMap::new();
        for ((node, _), way) in &own.groups {
            for (trust, until) in self.trusts_from(node) {
                if !self.in_force(until) {
                    continue;
                }
                for to in self.subjects(trust.to.raw()) {
                    let onward = way.step(&Step::ActsAs(to.clone(), trust.id.clone()), Mode::Standing, End::of(until));
                    edges.entry((to, trust.requires.clone())).or_default().join(&onward);
                }
            }
        }
        self.rule_edges(&own, &mut edges);
        let edges: Vec<Edge> = edges
            .into_iter()
            .filter(|((to, _), way)| to != subject && !way.is_empty() && !self.deleted(to) && !self.disabled(to))
            .map(|((to, requires), way)| Edge { to, way, requires })
            .collect();
        let edges = Rc::new(edges);
        self.worked.borrow_mut().edges.insert(subject.clone(), Rc::clone(&edges));
        edges
    }

    fn rule_edges(&self, own: &Own, edges: &mut BTreeMap<(Subject, Option<Requirement>), Way>) {
        let rules = &self.index.snapshot().trust_rules;
        if rules.is_empty() || own.holdings.is_empty() {
            return;
        }
        let made: Vec<Subject> = self.made().collect();
        let made: Vec<&Subject> = made.iter().collect();
        for (rule, targets) in rules.iter().zip(self.index.rule_targets()) {
            let open: Text = targets.open_resource.as_str().into();
            let fresh = (!made.is_empty()).then(|| RuleTargets::new(rule, &made));
            for holding in &own.holdings {
                let allows = holding.flat.overlapping(self.dialect, &rule.action, &open);
                if allows.is_empty() {
                    continue;
                }
                for known in std::iter::once(targets).chain(&fresh) {
                    self.rule_targets_in(known, holding.scope.as_ref(), &mut |scope, target| {
                        let way = self.by_rule(own, holding, &allows, rule, scope, target);
                        edges.entry((target.subject.clone(), None)).or_default().join(&way);
                    });
                }
            }
        }
    }

    /// Calls for every target of a rule whose scope shares a place with `held`.
    fn rule_targets_in<'t>(
        &self,
        targets: &'t RuleTargets,
        held: Option<&ResourceId>,
        call: &mut dyn FnMut(Option<&'t ResourceId>, &'t Target),
    ) {
        let mut visit = |scope: &'t Option<ResourceId>, list: &'t Vec<Target>| {
            for target in list {
                call(scope.as_ref(), target);
            }
        };
        let Some(held) = held else {
            targets.by_scope.iter().for_each(|(scope, list)| visit(scope, list));
            return;
        };
        let above = ancestry(self, held).into_iter().map(Some).chain([None]);
        for key in above {
            if let Some((scope, list)) = targets.by_scope.get_key_value(&key) {
                visit(scope, list);
            }
        }
        if self.has_children(held) {
            for (scope, list) in &targets.by_scope {
                if scope.as_ref().is_some_and(|s| s != held && scope_covers(self, Some(held), Some(s))) {
                    visit(scope, list);
                }
            }
        }
    }

    fn by_rule(
        &self,
        own: &Own,
        holding: &Holding,
        allows: &[&Allow],
        rule: &TrustRule,
        scope: Option<&ResourceId>,
        target: &Target,
    ) -> Way {
        let wanted = Wanted { action: &rule.action, resource: &target.resource, scope };
        let mut best = Way::default();
        for allow in allows {
            if self.dialect.resources_overlap(allow.permission.resource.raw(), target.resource.raw()) {
                best.join(&self.unless_denied(own, holding, allow, &wanted));
            }
        }
        best.step(&Step::ActsAs(target.subject.clone(), rule.id.clone()), Mode::Standing, End::Never)
    }

    /// As whom a subject can act, itself included, through any number of live trusts.
    pub(super) fn row(&self, subject: &Subject) -> Rc<Row> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && (self.same_edges || !touched.reach.contains(subject))
        {
            return below.row(subject);
        }
        if let Some(known) = self.worked.borrow().rows.get(subject) {
            return Rc::clone(known);
        }
        let row = Rc::new(self.act(subject));
        self.worked.borrow_mut().rows.insert(subject.clone(), Rc::clone(&row));
        row
    }

    fn act(&self, subject: &Subject) -> Row {
        if self.deleted(subject) || self.disabled(subject) {
            return Row::new();
        }
        let mut live = self.live_by_own(subject);
        // WHY: a way on which each acts by what it holds itself is the one to show; others only add to it.
        let plain = self.relax(subject, &live, Row::new());
        // A trust may also be live through what its holder reaches by other trusts: raise until nothing changes.
        loop {
            let mut better = false;
            let open: Vec<(Subject, usize)> =
                live.iter().filter(|(_, way)| !way.reaches(&Way::start())).map(|(key, _)| key.clone()).collect();
            let mut rows: BTreeMap<Subject, Row> = BTreeMap::new();
            for key in open {
                let edges = self.edges(&key.0);
                let Some(requires) = edges.get(key.1).and_then(|e| e.requires.as_ref()) else { continue };
                let row = rows.entry(key.0.clone()).or_insert_with(|| self.relax(&key.0, &live, Row::new())).clone();
                let mut found = Way::default();
                for (actor, way) in &row {
                    found.join(&way.capped(&self.satisfies(actor, requires)));
                }
                if let Some(known) = live.get_mut(&key) {
                    better |= known.join(&found);
                }
            }
            if !better {
                return self.relax(subject, &live, plain);
            }
        }
    }

    fn satisfies(&self, actor: &Subject, requires: &Requirement) -> Way {
        let wanted = Wanted { action: &requires.action, resource: &requires.resource, scope: requires.scope.as_ref() };
        self.holds(&self.own(actor), &wanted)
    }

    /// Every trust that asks for something, among all that might be reached, and how its holder itself has it.
    fn live_by_own(&self, subject: &Subject) -> BTreeMap<(Subject, usize), Way> {
        let mut live = BTreeMap::new();
        let mut seen = std::collections::BTreeSet::from([subject.clone()]);
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            for (n, edge) in self.edges(&at).iter().enumerate() {
                if let Some(requires) = &edge.requires {
                    live.insert((at.clone(), n), self.satisfies(&at, requires));
                }
                if seen.insert(edge.to.clone()) {
                    queue.push(edge.to.clone());
                }
            }
        }
        live
    }

    /// As whom a subject can act by edges that are live, on top of what is known of it.
    fn relax(&self, subject: &Subject, live: &BTreeMap<(Subject, usize), Way>, mut row: Row) -> Row {
        row.entry(subject.clone()).or_insert_with(Way::start);
        let mut queue: VecDeque<Subject> = row.keys().cloned().collect();
        while let Some(at) = queue.pop_front() {
            let Some(way) = row.get(&at).cloned() else { continue };
            for (n, edge) in self.edges(&at).iter().enumerate() {
                let step = match (&edge.requires, live.get(&(at.clone(), n))) {
                    (None, _) => edge.way.clone(),
                    (Some(_), Some(how)) => edge.way.capped(how),
                    (Some(_), None) => continue,
                };
                if edge.to == *subject || step.is_empty() {
                    continue;
                }
                // WHY: joining trails costs their length; most edges improve nothing.
                let better = row.get(&edge.to).is_none_or(|known| !known.reaches(&way.capped(&step)));
                if better && row.entry(edge.to.clone()).or_default().join(&way.then(&step)) {
                    queue.push_back(edge.to.clone());
                }
            }
        }
        row
    }
}
