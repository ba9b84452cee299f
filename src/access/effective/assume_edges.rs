//! Edges: the identities that a subject can act as in one step, by trusts and trust rules.
//!
//! Computed for a subject in a state, whether or not the requirement of a trust is satisfied. A rule that leads to many
//! targets gives one edge to a list. The transitive closure is in [`crate::access::effective::assume_closure`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use crate::access::effective::edge::{BulkEdge, Edge, Edges};
use crate::access::effective::holdings::{DirectHoldings, Holding, WantedAccess};
use crate::access::effective::role::{Allow, ResolvedRole, SatisfiedRules};
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{ExpiringPath, Expiry, Validity};
use crate::access::graph::trust_rules::{Class, RuleOf, Rules};
use crate::access::matching::coverage::{ancestry, scope_covers};
use crate::access::model::facts::PathStep;
use crate::input::entitlement::{Mode, Requirement};
use crate::input::id::{ResourceId, Subject, TrustId};
use crate::snapshot::model::TrustRule;

/// The paths to single targets and to lists, while they are collected.
#[derive(Default)]
struct FoundEdges {
    single: BTreeMap<(Subject, Option<Requirement>), Validity>,
    spread: Vec<BulkEdge>,
    places: HashMap<usize, usize>,
}

impl FoundEdges {
    fn spread(&mut self, to: &Arc<[Subject]>, by: &TrustId, holding: &Holding, allow: &Allow) {
        let place = self.places.entry(Arc::as_ptr(to).cast::<()>().addr()).or_insert(self.spread.len());
        if let Some(known) = self.spread.get(*place)
            && known.way.reaches(&holding.way)
        {
            return;
        }
        let through = |leg: &ExpiringPath| allow.leg(leg);
        let way = Validity { now: holding.way.now.as_ref().map(through), ever: holding.way.ever.as_ref().map(through) };
        match self.spread.get_mut(*place) {
            Some(known) => {
                known.way.join(&way);
            }
            None => self.spread.push(BulkEdge { to: Arc::clone(to), way, by: by.clone() }),
        }
    }
}

impl AccessState<'_, '_> {
    /// The identities that a subject can act as in one step, whether or not the requirements of trusts are satisfied.
    pub(crate) fn edges(&self, subject: &Subject) -> Rc<Edges> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched) {
            let same_targets = !self.delta.alters_subjects() || !touched.reach.contains(subject);
            if same_targets && !touched.may_differ(subject) {
                return below.edges(subject);
            }
        }
        if let Some(known) = self.memo.borrow().edges.get(subject) {
            return Rc::clone(known);
        }
        let own = self.own(subject);
        if let Some(below) = self.below.filter(|below| self.has_trusts_of(below) && own.belongs_as(&below.own(subject)))
        {
            let edges = below.edges(subject);
            self.memo.borrow_mut().edges.insert(subject.clone(), Rc::clone(&edges));
            return edges;
        }
        let mut found = FoundEdges::default();
        for ((node, _), way) in &own.groups {
            for (trust, until) in self.trusts_from(node) {
                if !self.in_force(until) {
                    continue;
                }
                let Some(condition) = self.decided(subject, trust.condition.as_ref()) else { continue };
                for to in self.subjects(trust.to.raw()) {
                    let step = PathStep::ActsAs(to.clone(), trust.id.clone());
                    let mut onward = way.step(&step, Mode::Standing, Expiry::of(until));
                    if let Some(condition) = &condition {
                        onward = onward.under(condition);
                    }
                    found.single.entry((to, self.systems.required(trust))).or_default().join(&onward);
                }
            }
        }
        self.rule_edges(&own, &mut found);
        let single = found.single.into_iter();
        let single = single.filter(|((to, _), way)| to != subject && !way.is_empty() && self.usable(to));
        let edges = Rc::new(Edges {
            single: single.map(|((to, requires), way)| Edge { to, way, requires }).collect(),
            spread: found.spread,
        });
        self.memo.borrow_mut().edges.insert(subject.clone(), Rc::clone(&edges));
        edges
    }

    /// Whether the trusts that start at groups are the same as below. Then members of the same groups have the same
    /// edges.
    fn has_trusts_of(&self, below: &Self) -> bool {
        below.index.snapshot().trust_rules.is_empty()
            && self.delta.trusts().is_empty()
            && self.delta.trusts_gone.is_empty()
            && !self.delta.alters_subjects()
    }

    /// Whether a subject exists and is not disabled.
    pub(crate) fn usable(&self, subject: &Subject) -> bool {
        !self.deleted(subject) && !self.disabled(subject)
    }

    fn rule_edges(&self, own: &DirectHoldings, found: &mut FoundEdges) {
        let rules = &self.index.snapshot().trust_rules;
        if rules.is_empty() || own.holdings.is_empty() {
            return;
        }
        let known = self.index.rules();
        let made = self.made_rules();
        for holding in &own.holdings {
            let lends = self.lends(&holding.flat);
            for all in std::iter::once(known).chain(made.as_deref()) {
                let alike = if holding.denies.is_empty() { lends.alike.as_slice() } else { &[] };
                for (class, rule, allow) in alike {
                    let (Some(class), Some(rule)) = (all.classes.get(*class), rules.get(*rule)) else { continue };
                    let Some(allow) = holding.flat.allows.get(*allow) else { continue };
                    for to in self.lists_in(class, holding.scope.as_ref()) {
                        found.spread(to, &rule.id, holding, allow);
                    }
                }
                for place in if holding.denies.is_empty() { &lends.each } else { &lends.all } {
                    let (Some(rule), Some(of)) = (rules.get(*place), all.rules.get(*place)) else { continue };
                    if let Some(with) = self.holds_with(own, rule) {
                        self.one_by_one(holding, with, (rule, all, of), found);
                    }
                }
            }
        }
    }

    /// The mode in which the further requirements of a rule are satisfied; `None` if one is not.
    fn holds_with(&self, own: &DirectHoldings, rule: &TrustRule) -> Option<Mode> {
        let mut with = Mode::Standing;
        let system = rule.system(self.systems.whole());
        for asked in &rule.with {
            let (action, resource, scope) = (&asked.action, &asked.resource, asked.scope.as_ref());
            let way = self.holds(own, &WantedAccess { action, resource, scope, system: system.as_ref() });
            way.ever.as_ref()?;
            if way.now.is_none() {
                with = Mode::Eligible;
            }
        }
        Some(with)
    }

    /// The rules including those that the changes create, if they create any.
    fn made_rules(&self) -> Option<Rc<Rules>> {
        if !self.delta.alters_subjects() {
            return None;
        }
        if let Some(known) = &self.memo.borrow().made_rules {
            return Some(Rc::clone(known));
        }
        let made: Vec<Subject> = self.made().collect();
        let rules = Rc::new(Rules::new(&self.index.snapshot().trust_rules, &made.iter().collect::<Vec<_>>()));
        self.memo.borrow_mut().made_rules = Some(Rc::clone(&rules));
        Some(rules)
    }

    /// The trust rules that a flattened role satisfies.
    pub(crate) fn lends<'f>(&self, flat: &'f ResolvedRole) -> &'f SatisfiedRules {
        flat.lends.get_or_init(|| self.lend(flat))
    }

    fn lend(&self, flat: &ResolvedRole) -> SatisfiedRules {
        let mut lends = SatisfiedRules::default();
        let known = self.index.rules();
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for (place, (rule, of)) in self.index.snapshot().trust_rules.iter().zip(&known.rules).enumerate() {
            let system = rule.system(self.systems.whole());
            let allows = flat.overlapping_places(self.systems, (&rule.action, &of.open_resource, system.as_ref()));
            if allows.is_empty() {
                continue;
            }
            lends.all.push(place);
            // A rule with further requirements is not satisfied by every holder of the role.
            let whole = allows.iter().copied().filter(|_| rule.with.is_empty()).find(|at| {
                flat.allows.get(*at).is_some_and(|allow| {
                    let dialect = self.systems.dialect_for(system.as_ref(), allow.system.as_ref(), false);
                    allow.permission.except.is_empty()
                        && dialect.resource_covers(allow.permission.resource.raw(), of.open_resource.raw())
                })
            });
            if let Some(allow) = whole
                && told.insert(of.class)
            {
                lends.alike.push((of.class, place, allow));
            }
        }
        let told = |place: &usize| known.rules.get(*place).is_some_and(|of| told.contains(&of.class));
        lends.each = lends.all.iter().copied().filter(|place| !told(place)).collect();
        lends
    }

    /// The lists of a class whose scopes overlap `held`.
    fn lists_in<'c>(&self, class: &'c Class, held: Option<&ResourceId>) -> Vec<&'c Arc<[Subject]>> {
        if held.is_none() {
            return if class.everyone.is_empty() { Vec::new() } else { vec![&class.everyone] };
        }
        self.scopes_in(class, held).into_iter().map(|(_, list)| list).collect()
    }

    /// The same, with their scopes.
    fn scopes_in<'c>(
        &self,
        class: &'c Class,
        held: Option<&ResourceId>,
    ) -> Vec<(&'c Option<ResourceId>, &'c Arc<[Subject]>)> {
        let Some(held) = held else { return class.by_scope.iter().collect() };
        let above = ancestry(self, held).into_iter().map(Some).chain([None]);
        let mut found: Vec<_> = above.filter_map(|key| class.by_scope.get_key_value(&key)).collect();
        if self.has_children(held) {
            let below = |s: &ResourceId| s != held && scope_covers(self, Some(held), Some(s));
            found.extend(class.by_scope.iter().filter(|(scope, _)| scope.as_ref().is_some_and(below)));
        }
        found
    }

    fn one_by_one(&self, holding: &Holding, with: Mode, of: (&TrustRule, &Rules, &RuleOf), found: &mut FoundEdges) {
        let (rule, rules, asks) = of;
        let system = rule.system(self.systems.whole());
        let allows = holding.flat.overlapping(self.systems, (&rule.action, &asks.open_resource, system.as_ref()));
        let Some(class) = rules.class(asks) else { return };
        for (scope, list) in self.scopes_in(class, holding.scope.as_ref()) {
            for target in list.iter() {
                let way = found.single.entry((target.clone(), None)).or_default();
                if way.reaches(&holding.way) {
                    continue;
                }
                let resource = rules.resource(asks, target);
                let wanted = WantedAccess {
                    action: &rule.action,
                    resource: &resource,
                    scope: scope.as_ref(),
                    system: system.as_ref(),
                };
                let mut best = Validity::default();
                for allow in &allows {
                    let dialect = self.systems.dialect_for(system.as_ref(), allow.system.as_ref(), false);
                    if dialect.resources_overlap(allow.permission.resource.raw(), resource.raw()) {
                        best.join(&self.unless_denied(holding, allow, &wanted));
                    }
                }
                way.join(&best.step(&PathStep::ActsAs(target.clone(), rule.id.clone()), with, Expiry::NEVER));
            }
        }
    }
}
